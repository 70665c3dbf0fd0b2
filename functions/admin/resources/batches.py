"""Batches of a Domain and what became of their Deliveries, for who may not submit, too."""

import msgspec

from functions.admin.mail.newest import Batch
from functions.admin.mail.search import Wanted
from functions.admin.mail.timeline import DeliveryTimeline
from functions.admin.parts import Parts
from functions.admin.route import PAGE, Call, Query, Route
from shared.domains import READ
from shared.http import Problem, Request, Response, as_json
from shared.ids import is_batch_id
from shared.outcome import State
from shared.readback import BatchStatus, DeliveryPage


class BatchPage(msgspec.Struct, frozen=True):
    """Batches, the newest first."""

    batches: list[Batch]
    next: str = ""
    """Give it as `before`. A page may be short, or empty, and there is still more."""


class Batches:
    def __init__(self, parts: Parts) -> None:
        self._mail = parts.mail
        self._clock = parts.clock

    async def list(self, call: Call) -> Response:
        limit = call.number("limit", 50, 200)
        found = await self._mail.newest.page(call.domain, before_of(call.request), limit)
        return as_json(200, BatchPage(found.batches, found.next))

    async def get(self, call: Call) -> Response:
        batch = call.parameters["batch"]
        return as_json(200, await self._mail.read.batch(call.domain, batch, self._clock()))

    async def deliveries(self, call: Call) -> Response:
        limit = call.number("limit", 100, 1000)
        content = await self._mail.read.content(call.domain, call.parameters["batch"])
        wanted = Wanted(state_of(call.request), call.request.parameter("after"), limit)
        return as_json(200, await self._mail.search.page(content, wanted))

    async def delivery(self, call: Call) -> Response:
        delivery, after = call.parameters["delivery"], call.request.parameter("events_after")
        if not delivery.startswith(call.parameters["batch"] + "."):
            raise Problem(404, "unknown_delivery", f"the Batch has no Delivery {delivery[:100]!r}")
        found = await self._mail.timelines.of(call.domain, delivery, self._clock(), after)
        return as_json(200, found)


def before_of(request: Request) -> str:
    """The id before which to look, or empty. Raises `Problem`."""
    before = request.parameter("before")
    if before and not is_batch_id(before):
        raise Problem(422, "invalid_parameter", f"before: {before[:100]!r} is no Batch's id")
    return before


def state_of(request: Request) -> State | None:
    """Raises `Problem`."""
    only = request.parameter("outcome")
    if not only:
        return None
    if only not in set(State):
        detail = f"outcome: {only[:100]!r} is none of {', '.join(State)}"
        raise Problem(422, "invalid_parameter", detail)
    return State(only)


def routes(parts: Parts) -> list[Route]:
    own = Batches(parts)
    every = "/v1/domains/{domain}/batches"
    one = f"{every}/{{batch}}"
    before = Query("before", "What the page before gave as `next`.")
    limit = Query("limit", "1 to 200; 50 unless told.", "integer")
    outcome = Query("outcome", "Only Deliveries in this state. A page may then be short.")
    events = Query("events_after", "What the call before gave as `next`.")
    return [
        Route("GET", every, READ, own.list, "List Batches", BatchPage, query=(before, limit)),
        Route("GET", one, READ, own.get, "See a Batch's progress", BatchStatus),
        Route(
            "GET",
            f"{one}/deliveries",
            READ,
            own.deliveries,
            "List its Deliveries",
            DeliveryPage,
            query=(outcome, *PAGE),
        ),
        Route(
            "GET",
            f"{one}/deliveries/{{delivery}}",
            READ,
            own.delivery,
            "See all that is known of a Delivery",
            DeliveryTimeline,
            query=(events,),
        ),
    ]
