"""The mails of a Batch whose opens or clicks are watched: links and the pixel (K13). Pure.

Links lead to `track`, which leads on to where they led. The mail says nothing about anybody that
its level does not allow: tokens carry it (`shared/tracking_tokens.py`).
"""

from collections.abc import Callable, Iterable

from functions.dispatch.links import BODY_END, BodyEnd, Link, Part, parts_of
from shared.model import Content, Row
from shared.tracking import NOTHING, Level, Tracking
from shared.tracking_tokens import CLICK, KINDS, LONGEST, OPEN, UNSUBSCRIBE, Signer, SigningKey

PIXEL = (
    '<img src="{}" width="1" height="1" alt="" '
    'style="display:block;width:1px;height:1px;border:0;margin:0;padding:0">'
)
"""A line of its own would be as high as its letters; and a page may style all its pictures."""
MOST_SHARED = 1000
"""Tokens that are kept; more come from links that hold a Recipient's fields."""


class Tracked:
    """Makes the tracked texts of one Batch."""

    def __init__(self, content: Content, key: SigningKey) -> None:
        self._signer = Signer(key, content.domain, content.batch, content.due_at)
        self._url = content.tracking_url
        self._own = tuple(f"{self._url}/{kind}/" for kind in KINDS)
        self._tracking = content.tracking or NOTHING
        self._same: dict[str, str] = {}
        """Tokens that all mails of the Batch share."""

    def tracking_of(self, row: Row) -> Tracking:
        return row.tracking or self._tracking

    def unsubscribe_url(self, delivery: str) -> str:
        """Ekiden's own page for this Delivery."""
        token = self._signer.token(UNSUBSCRIBE, Level.IDENTIFIED, delivery)
        return f"{self._url}/{UNSUBSCRIBE}/{token}"

    def html(
        self, pieces: Iterable[str], delivery: str, tracking: Tracking, own_url: str = ""
    ) -> list[str]:
        """The text in pieces as this Delivery gets it; `own_url` unsubscribes, and stays."""
        parts = parts_of(pieces)
        url_of = self._click_urls(delivery, tracking.links, own_url)
        made = [part if isinstance(part, str) else _written(part, url_of) for part in parts]
        if tracking.opens is not Level.OFF:
            made.insert(_end_of_body(parts), self._pixel(delivery, tracking.opens))
        return made

    def _click_urls(self, delivery: str, level: Level, own_url: str) -> Callable[[str], str]:
        """URL → what leads there through `track`; empty if the link must stay."""
        if level is Level.OFF:
            return lambda url: ""
        made: dict[str, str] = {own_url: "", "": ""}
        tokens = self._tokens(CLICK, delivery, level)

        def click_url(url: str) -> str:
            known = made.get(url)
            if known is None:
                known = made[url] = self._click_url(tokens, url)
            return known

        return click_url

    def _click_url(self, tokens: Callable[[str], str], url: str) -> str:
        if len(url) > LONGEST or url.startswith(self._own):
            return ""
        try:
            token = tokens(url)
        except UnicodeEncodeError:  # half a character; the mail will be refused for it
            return ""
        return f"{self._url}/{CLICK}/{token}" if len(token) <= LONGEST else ""

    def _pixel(self, delivery: str, level: Level) -> str:
        return PIXEL.format(f"{self._url}/{OPEN}/{self._tokens(OPEN, delivery, level)('')}")

    def _tokens(self, kind: str, delivery: str, level: Level) -> Callable[[str], str]:
        """URL → token, for this mail."""
        tokens = self._signer.tokens(kind, level, delivery)
        if level is not Level.ANONYMOUS:
            return tokens
        same = self._same

        def shared(url: str) -> str:
            place = kind + url
            if place not in same:
                if len(same) >= MOST_SHARED:
                    same.clear()
                same[place] = tokens(url)
            return same[place]

        return shared


def _written(part: Link | BodyEnd, url_of: Callable[[str], str]) -> str:
    return (url_of(part.url) or part.raw) if isinstance(part, Link) else ""


def _end_of_body(parts: list[Part]) -> int:
    """Where the last one is."""
    return max(place for place, part in enumerate(parts) if part is BODY_END)
