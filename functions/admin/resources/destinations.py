"""Destinations: what waits for them in this process, and what an operator has paused."""

import msgspec

from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.route import Call, Route
from shared import pauses
from shared.http import Response, as_json


class DestinationQueue(msgspec.Struct, frozen=True, kw_only=True):
    """One destination of the sender. Every field as `ekiden queue` shows it."""

    name: str
    site: str
    """What shares its pace: a provider, or a set of mail exchangers."""
    source: str
    """The sending address; empty: the machine's own choice."""
    state: str
    """`idle`, `sending`, `slowed`, `suspended` or `paused`."""
    why: str
    """The last complaint, or the operator's reason."""
    waiting: int
    in_flight: int
    connections: int
    most_connections: int
    per_minute: float | None
    """None: no limit."""
    oldest_s: float


class PausedDestination(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient's domain, a mail server, or a name above it."""

    name: str
    reason: str
    at: float
    """Since when, seconds since 1970; 0: not known."""


class DestinationList(msgspec.Struct, frozen=True, kw_only=True):
    """What is paused everywhere, and the queues of the sender of this process."""

    here: bool
    """Whether a sender runs in this process. If not, `queues` says nothing: ask the side port
    (`/queue`) of each sender."""
    queues: list[DestinationQueue]
    """The fullest first."""
    paused: list[PausedDestination]


class PauseWish(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Why. It is shown with everything that waits."""

    reason: str = ""


class Destinations:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, call: Call) -> Response:
        sender = self._parts.queues
        found = msgspec.to_builtins(list(sender())) if sender else []
        paused = await pauses.read(self._parts.store)
        return as_json(
            200,
            DestinationList(
                here=sender is not None,
                queues=msgspec.convert(found, list[DestinationQueue]),
                paused=[
                    PausedDestination(name=name, reason=each.reason, at=each.at)
                    for name, each in sorted(paused.items())
                ],
            ),
        )

    async def pause(self, call: Call) -> Response:
        name, now = call.parameters["name"], self._parts.clock()
        await pauses.pause(self._parts.store, name, call.body.reason, now)
        return Response(204)

    async def resume(self, call: Call) -> Response:
        await pauses.resume(self._parts.store, call.parameters["name"])
        return Response(204)


def routes(parts: Parts) -> list[Route]:
    own = Destinations(parts)
    every = "/v1/destinations"
    one = f"{every}/{{name}}"
    return [
        Route("GET", every, OPERATOR, own.list, "See what waits for whom", DestinationList),
        Route(
            "POST", f"{one}/pause", OPERATOR, own.pause, "Send nothing there", None, 204, PauseWish
        ),
        Route("POST", f"{one}/resume", OPERATOR, own.resume, "Send there again", status=204),
    ]
