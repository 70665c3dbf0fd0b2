"""The mails of a Batch whose opens or clicks are watched: links and the pixel (K13). Pure.

Links lead to `track`, which leads on to where they led. The mail says nothing about anybody that
its level does not allow: tokens carry it (`shared/tracking_tokens.py`).
"""

from collections.abc import Iterable

from functions.dispatch.links import BODY_END, Link, Part, parts_of
from shared.model import Content, Row
from shared.tracking import NOTHING, Level, Tracking
from shared.tracking_tokens import CLICK, LONGEST, OPEN, UNSUBSCRIBE, Signer, SigningKey

PIXEL = '<img src="{}" width="1" height="1" alt="" style="border:0">'


class Tracked:
    """Makes the tracked texts of one Batch."""

    def __init__(self, content: Content, key: SigningKey) -> None:
        self._signer = Signer(key, content.domain, content.batch, content.due_at)
        self._url = content.tracking_url
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
        links: dict[str, str] = {own_url: "", "": ""}
        made = [self._part(part, delivery, tracking.links, links) for part in parts]
        if tracking.opens is not Level.OFF:
            made.insert(_end_of_body(parts), self._pixel(delivery, tracking.opens))
        return made

    def _part(self, part: Part, delivery: str, level: Level, links: dict[str, str]) -> str:
        if isinstance(part, str):
            return part
        if not isinstance(part, Link):
            return ""
        if level is Level.OFF:
            return part.raw
        if part.url not in links:
            links[part.url] = self._link(delivery, level, part.url)
        return links[part.url] or part.raw

    def _link(self, delivery: str, level: Level, url: str) -> str:
        """Empty for what must stay: our own pages, and what would be too long."""
        if url.startswith(f"{self._url}/"):
            return ""
        token = self._token(CLICK, delivery, level, url)
        return f"{self._url}/{CLICK}/{token}" if len(token) <= LONGEST else ""

    def _pixel(self, delivery: str, level: Level) -> str:
        return PIXEL.format(f"{self._url}/{OPEN}/{self._token(OPEN, delivery, level)}")

    def _token(self, kind: str, delivery: str, level: Level, url: str = "") -> str:
        if level is not Level.ANONYMOUS:
            return self._signer.token(kind, level, delivery, url)
        place = kind + url
        if place not in self._same:
            if len(self._same) > 10_000:  # links that hold a Recipient's fields
                self._same.clear()
            self._same[place] = self._signer.token(kind, level, delivery, url)
        return self._same[place]


def _end_of_body(parts: list[Part]) -> int:
    """Where the last `</body>` is, or the end."""
    ends = [place for place, part in enumerate(parts) if part is BODY_END]
    return ends[-1] if ends else len(parts)
