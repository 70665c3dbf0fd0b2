"""The receiver: one webhook for all stages, on a port of its own.

SeaweedFS has one webhook for its whole filer. Answers are those of each function's event face
(docs/events.md). Health comes first, without a token.
"""

import asyncio
import hmac
import socket
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ekiden.sources.answer import Answer, Verdict
from ekiden.sources.intake import Intake
from shared import keys
from shared.errors import Malformed
from shared.event_face import HURRY_S, MOST_EVENT_BYTES
from shared.events import Event, parse
from shared.face import LIVE_PATHS, READY_PATHS
from shared.http import Problem, Request, Response, as_json, credentials
from shared.stage import Wake

if TYPE_CHECKING:
    import uvicorn

MOST_WAITING = 10_000
"""Work objects of one stage that wait for their answer. A key takes little memory, and not every
sender comes again."""

_STOPPED = Answer(Verdict.AGAIN, why="this process stops: later, please")


class Receiver:
    """Answers events for all stages. `state` is what `/readyz` shows."""

    def __init__(self, intake: Intake, token: str, state: Callable[[], Any]) -> None:
        self._intake = intake
        self._token = token
        self._state = state
        self._waiting: Counter[str] = Counter()  # stage → how many of its work objects

    async def handle(self, request: Request) -> Response:
        if request.path in LIVE_PATHS:
            return as_json(200, {"status": "ok"})
        if request.path in READY_PATHS:
            return as_json(200, self._state())
        try:
            self._admit(request)
            return await self._answer(parse(request.body, request.headers))
        except Problem as problem:
            self._intake.counts[f"dropped_{problem.kind}"] += 1
            return problem.response()
        except Malformed as error:
            self._intake.counts.update(("received", Verdict.NEVER, "dropped_no_event"))
            return Problem(400, "no_event", str(error)).response()

    def _admit(self, request: Request) -> None:
        """Raises `Problem`."""
        if request.method != "POST":
            raise Problem(405, "method_not_allowed", "events come by POST", allow="POST")
        # As bytes: text may hold more than ASCII.
        shown = credentials(request)[1].encode("utf-8", "surrogatepass") if self._token else b""
        if not hmac.compare_digest(self._token.encode(), shown):
            raise Problem(401, "unauthenticated", "send 'Authorization: Bearer <events.token>'")

    async def _answer(self, events: list[Event]) -> Response:
        """MinIO queues all else behind our answer: it gets one at once (`Event.hurry`)."""
        hurry = any(event.hurry for event in events)
        work = self._intake.work_of(events)
        stages = Counter(keys.stage_of(wake.key) or "" for wake in work)
        if any(self._waiting[stage] >= MOST_WAITING for stage in stages):
            raise Problem(429, "unavailable", "too many events wait here: later, please")
        task = self._intake.track(self._take(work, stages))
        await asyncio.wait({task}, timeout=HURRY_S if hurry else None)
        if not task.done():
            return Response(202)
        answer = _STOPPED if task.cancelled() else task.result()
        if answer.verdict is Verdict.DONE or (hurry and answer.verdict is Verdict.NEVER):
            return Response(204)
        return _problem(answer).response()

    async def _take(self, work: list[Wake], stages: Counter[str]) -> Answer:
        self._waiting.update(stages)
        try:
            return await self._intake.take_keys(work)
        finally:
            self._waiting.subtract(stages)


def _problem(answer: Answer) -> Problem:
    if answer.verdict is Verdict.NEVER:
        return Problem(422, "no_event", answer.why)
    return Problem(503, "unavailable", answer.why)


class HttpSource:
    """The receiver's server."""

    def __init__(self, intake: Intake, receiver: Receiver, host: str, port: int) -> None:
        from ekiden.serve import listen

        self._intake = intake
        self._receiver = receiver
        self._socket: socket.socket = listen("sources.port", host, port)
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    async def feed(self) -> None:
        """Serve until `close`."""
        from ekiden.asgi import at_most
        from ekiden.serve import http_server

        self._server = http_server(self._receiver.handle, at_most(MOST_EVENT_BYTES))
        self._serving = asyncio.create_task(self._server._serve([self._socket]))
        self._intake.up()
        try:
            await asyncio.shield(self._serving)
        finally:
            self._server.should_exit = True  # accept nothing more; close() waits for the rest

    async def close(self) -> None:
        """Return when the requests under way are answered."""
        if self._serving:
            await self._serving
        self._socket.close()
