"""The HTTP face of track.

GET  /o/<token>   a pixel of one transparent dot                       → 200
GET  /c/<token>   leads on to the link's URL                           → 302
GET  /u/<token>   a page with a button
POST /u/<token>   unsubscribes at once (RFC 8058 §3.2)                 → 200

Whatever is wrong with a token is 404, always the same: it helps nobody to guess.
"""

import logging
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import quote

from functions.track import pages
from functions.track.hosts import Hosts
from functions.track.recorder import Recorder
from functions.track.visitors import address_of, agent_of, kind_of
from shared import feedback, keys, suppressions, tracking_keys
from shared.address import normal_domain
from shared.batches import outcome_parts, read_outcomes
from shared.domains import Directory
from shared.errors import NotFound, Permanent, StoreRefused, Temporary
from shared.feedback import Event
from shared.http import Request, Response
from shared.ids import parse_delivery
from shared.stage import Clock
from shared.store.base import Store
from shared.suppressions import Suppression
from shared.tracking import Level
from shared.tracking_tokens import (
    CLICK,
    KINDS,
    OPEN,
    UNSUBSCRIBE,
    Forged,
    Token,
    domain_of,
    key_id_of,
    verified,
)

log = logging.getLogger("ekiden.track")

DOT = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A GIF of one transparent pixel."""
_DOT_HEADERS = {"content-type": "image/gif", "cache-control": "no-store, max-age=0, private"}
_EVENTS = {OPEN: feedback.OPENED, CLICK: feedback.CLICKED}
IN_A_LOCATION = "".join(chr(code) for code in range(33, 127))
ASK_AGAIN_S = 1.0
"""So often is looked for a key that nobody knows: whoever calls may have made it up."""


RECORDED_WITHIN_S = 8 * 86_400.0
"""From the day on which a Batch was due: tries for a week at most."""


class NotRecordedYet(Temporary):
    """The mail has been sent, and its Outcome is not stored: nobody knows whom it went to."""


class Forgotten(Permanent):
    """What was recorded of the mail is past its time: nobody knows any more whom it went to."""


class TrackFace:
    """Answers for all Domains."""

    def __init__(
        self, store: Store, clock: Clock, recorder: Recorder, hops: int = 1, public_url: str = ""
    ) -> None:
        self._store = store
        self._clock = clock
        self._recorder = recorder
        self._hops = hops
        self._directory = Directory(store, clock)
        self._hosts = Hosts(self._directory, public_url)
        self._asked_again: dict[str, float] = {}

    @staticmethod
    def answers(path: str) -> bool:
        """Whether this is one of ours."""
        return path[:1] == "/" and path[1:2] in KINDS and path[2:3] == "/"

    async def handle(self, request: Request) -> Response:
        try:
            token = await self._token(request)
            if token.kind == UNSUBSCRIBE:
                return await self._unsubscribe(request, token)
            if request.method not in ("GET", "HEAD"):
                return Response(405, pages.not_found(), {**pages.HEADERS, "allow": "GET, HEAD"})
            return await self._seen(request, token)
        except Forged:
            return Response(404, pages.not_found(), pages.HEADERS)
        except Forgotten:
            return Response(410, pages.too_late(token.domain), pages.HEADERS)
        except (Temporary, StoreRefused) as error:  # a disk that is read-only will be mended, too
            log.warning("%s: %s", request.path[:3], error)
            return Response(503, pages.later(), {**pages.HEADERS, "retry-after": "5"})

    async def _token(self, request: Request) -> Token:
        """What the path says, proven. Raises `Forged`."""
        path = request.path
        if not self.answers(path):
            raise Forged
        kind, text = path[1], path[3:].removesuffix(".gif")
        domain = domain_of(text)
        if normal_domain(domain) != domain:  # it becomes part of a key in the store
            raise Forged
        try:
            secrets = await self._secrets(domain, key_id_of(text))
        except NotFound as error:
            raise Forged from error
        token = verified(text, kind, secrets, self._clock())
        if await self._hosts.is_anothers(request, domain):
            raise Forged
        return token

    async def _secrets(self, domain: str, key_id: int) -> Mapping[int, bytes]:
        """The keys of a Domain, and surely this one, if there is such a key. Raises `NotFound`."""
        stored = await self._directory.tracking_body(domain)
        known = tracking_keys.secrets_of(stored)
        now = self._clock()
        if key_id in known or abs(now - self._asked_again.get(domain, 0.0)) < ASK_AGAIN_S:
            return known
        # A key that is younger than what is remembered may have signed a mail already.
        self._asked_again[domain] = now
        self._directory.forget(keys.domain_tracking(domain))
        return tracking_keys.secrets_of(await self._directory.tracking_body(domain))

    async def _seen(self, request: Request, token: Token) -> Response:
        """Record it; then show the pixel, or lead on."""
        try:
            # A program that only asks whether something is there has seen nothing.
            if request.method == "GET":
                await self._recorder.record(token.domain, self._event(request, token))
        except Exception as error:  # noqa: BLE001 - who reads a mail must not suffer for it
            log.warning("an event was not recorded: %s: %s", type(error).__name__, error)
        if token.kind == OPEN:
            return Response(200, DOT, _DOT_HEADERS)
        where = quote(token.url, safe=IN_A_LOCATION)
        return Response(302, b"", {"location": where, "cache-control": "no-store", **_QUIET})

    def _event(self, request: Request, token: Token) -> Event:
        full = token.level is Level.FULL
        return Event(
            delivery=token.delivery,
            recipient=_who(token),
            kind=_EVENTS[token.kind],
            at=self._clock(),
            batch=token.batch,
            url=token.url,
            by=kind_of(request),
            ip=address_of(request, self._hops) if full else "",
            user_agent=agent_of(request) if full else "",
        )

    async def _unsubscribe(self, request: Request, token: Token) -> Response:
        if request.method in ("GET", "HEAD"):
            return Response(200, pages.ask(token.domain), pages.HEADERS)
        if request.method != "POST":
            return Response(405, pages.not_found(), {**pages.HEADERS, "allow": "GET, HEAD, POST"})
        address = await self._address_of(token)
        now = self._clock()
        entry = Suppression(email=address, reason="unsubscribed", at=now, delivery=token.delivery)
        await suppressions.add_once(self._store, token.domain, entry)
        event = Event(
            delivery=token.delivery,
            recipient=address,
            kind=feedback.UNSUBSCRIBED,
            at=now,
            batch=token.batch,
        )
        await self._recorder.record(token.domain, event)
        return Response(200, pages.done(token.domain), pages.HEADERS)

    async def _address_of(self, token: Token) -> str:
        """Raises `NotRecordedYet`: `send` writes Outcomes a moment after the mail has gone; or
        `Forgotten`."""
        place = parse_delivery(token.delivery)
        assert place is not None  # it was in our token
        batch, bag, _ = place
        parts = await outcome_parts(self._store, keys.outcomes_of_bag(batch, bag))
        for outcome in await read_outcomes(self._store, parts):
            if outcome.delivery == token.delivery:
                return outcome.recipient
        if self._clock() > token.due_day + RECORDED_WITHIN_S:
            raise Forgotten(token.delivery)
        raise NotRecordedYet(token.delivery)


_QUIET = {"referrer-policy": "no-referrer", "x-robots-tag": "noindex"}


def _who(token: Token) -> str:
    """As closely as the level allows. With the Delivery, the address is in the Outcomes."""
    return "" if token.delivery else f"{token.pseudonym or Level.ANONYMOUS}@track.{token.domain}"
