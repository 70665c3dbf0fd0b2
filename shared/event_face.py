"""The event face of a stage: what woke it, and the answer that the sender of the event understands.

| status | meaning | Knative's Broker |
|---|---|---|
| 204 | dealt with: now, earlier, or by a move to `failed/`; or it concerns nobody here | done |
| 202 | under way: only to who tells us nothing more before we answer (MinIO's webhook) | done |
| 400 | this is no event | dead letter |
| 401, 405, 413 | no or a wrong token; not POST; too large | dead letter |
| 409 | another has the lease | comes again |
| 422 | the store can never do what this event asks for | dead letter |
| 429, 503 | too much at once; the store is away: later, please (`Retry-After`) | comes again |
| 500 | the configuration cannot be used, or a fault of ours | comes again |

Several events in one request are all tried, and the worst answer counts: when all come again, what
is done already is found done.
"""

import asyncio
import hmac
import logging
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from shared import logs, trace_ids, traces
from shared.errors import Busy, Malformed, Misconfigured, Permanent, StoreRefused, Temporary
from shared.events import Event, Scope, parse
from shared.http import Problem, Request, Response, credentials
from shared.stage import CARRIED_BYTES, Clock, Stage, Wake, run
from shared.store.base import Store

log = logging.getLogger("ekiden.event")

MOST_EVENT_BYTES = 1024 * 1024
"""SQS delivers no more."""
MOST_AT_ONCE = 100
"""Events under way in one process, for platforms that do not limit that themselves."""
SIDE_BY_SIDE = 8
"""Of the events of one request."""
HURRY_S = 0.05
"""How long MinIO's webhook is kept waiting: all other events of its bucket queue behind."""
_BADNESS = (422, 409, 503, 500)
"""What shall come again is worse than what cannot."""


@dataclass(frozen=True, slots=True)
class Unfinished(Response):
    """An answer that is given before the work is done: `rest` goes on."""

    rest: "asyncio.Task[Problem | None] | None" = None


class EventFace:
    """Answers events for one stage."""

    def __init__(
        self, stage: Stage, store: Store, scope: Scope, token: str = "", clock: Clock = time.time
    ) -> None:
        self._stage = stage
        self._store = store
        self._scope = scope
        self._token = token
        self._clock = clock
        self._under_way = 0
        self.counts: Counter[str] = Counter()
        """What became of all events so far: `done`, `busy`, … or why they were dropped."""

    async def handle(self, request: Request) -> Response:
        try:
            self._admit(request)
            events = parse(request.body, request.headers)
            work, dropped = self._scope.sort(events)
            self.counts.update(dropped)
            return await self._answer(work, _foreign_trace(request))
        except Problem as problem:
            self.counts[problem.kind] += 1
            return problem.response()
        except Malformed as error:
            self.counts["no_event"] += 1
            return Problem(400, "no_event", str(error)).response()

    def _admit(self, request: Request) -> None:
        """Raises `Problem`."""
        if request.method != "POST":
            raise Problem(405, "method_not_allowed", "events come by POST", allow="POST")
        if self._token and not _shows(request, self._token):
            raise Problem(401, "unauthenticated", "send 'Authorization: Bearer <events.token>'")
        if len(request.body) > MOST_EVENT_BYTES:
            detail = f"an event has at most {MOST_EVENT_BYTES} bytes"
            raise Problem(413, "body_too_large", detail)

    async def _answer(self, work: Mapping[str, Event], trace_id: str) -> Response:
        if not work:
            return Response(204)
        if self._under_way >= MOST_AT_ONCE:
            raise Problem(429, "unavailable", "too many events are under way here: later, please")
        task = asyncio.create_task(self._work_off(work, trace_id))
        hurry = any(event.hurry for event in work.values())
        await asyncio.wait([task], timeout=HURRY_S if hurry else None)
        if not task.done():
            return Unfinished(202, rest=task)
        problem = task.result()
        # What can never be done, or is done by another, must not hold up what queues behind.
        if problem is None or (hurry and problem.status in (409, 422)):
            return Response(204)
        return problem.response()

    async def _work_off(self, work: Mapping[str, Event], trace_id: str) -> Problem | None:
        """Try all; the worst of what came in the way, or None."""
        places = asyncio.Semaphore(SIDE_BY_SIDE)

        async def one(key: str, event: Event) -> Problem | None:
            async with places:
                fields = {"stage": self._stage.name, "key": key}
                if batch := trace_ids.batch_of(key):
                    fields["batch"] = batch
                with logs.about(**fields, trace_id=trace_id or trace_ids.of_work(key)):
                    return await self._try(self._wake(key, event))

        self._under_way += 1
        try:
            found = await asyncio.gather(*(one(key, event) for key, event in work.items()))
        finally:
            self._under_way -= 1
        problems = [problem for problem in found if problem is not None]
        return max(problems, key=lambda each: _BADNESS.index(each.status), default=None)

    def _wake(self, key: str, event: Event) -> Wake:
        """An object that rides along is believed only from who showed a token: else anybody who
        reaches this port could send mail."""
        body = event.body if self._token else None
        if body is not None and len(body) > CARRIED_BYTES:
            body = None
        return Wake(key, body, event.size_bytes or 0)

    async def _try(self, wake: Wake) -> Problem | None:
        began = time.monotonic()
        try:
            await run(self._stage, self._store, self._clock, wake)
            problem = None
        except Exception as error:  # noqa: BLE001 - one event must not keep the others from being tried
            problem = _problem_of(error)
        self.counts[problem.kind if problem else "done"] += 1
        duration_ms = round((time.monotonic() - began) * 1000, 1)
        said = {"status": problem.status if problem else 204, "duration_ms": duration_ms}
        level = logging.WARNING if problem and problem.status != 409 else logging.INFO
        log.log(level, "%s", problem.detail if problem else "done", extra=said)
        return problem


def _foreign_trace(request: Request) -> str:
    """The trace of whoever sent the event: of use in the log, unless there are traces of ours."""
    return trace_ids.of_headers(request.headers) if traces.spans is None else ""


def _problem_of(error: Exception) -> Problem:
    match error:
        case Busy():
            return Problem(409, "in_progress", str(error))
        case Temporary():
            return Problem(503, "unavailable", str(error))
        case StoreRefused() | Misconfigured():
            return Problem(500, "misconfigured", str(error))
        case Permanent():
            return Problem(422, "no_event", str(error))
    log.error("a fault of ours", exc_info=error)
    return Problem(500, "internal_error", "the fault is Ekiden's; its log says more")


def _shows(request: Request, token: str) -> bool:
    """As Bearer, or as the password of Basic. Takes the same time for all that are wrong."""
    try:
        presented = credentials(request)[1]
    except Problem:
        return False
    # As bytes: text may hold more than ASCII.
    return hmac.compare_digest(token.encode(), presented.encode("utf-8", "surrogatepass"))
