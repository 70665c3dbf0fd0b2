"""One port for the HTTP faces of all functions that run in this process."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from ekiden.asgi import Limit
from ekiden.memory import LARGE_BYTES, give_back
from functions.submit.routes import SubmitFace
from shared.config import Config
from shared.http import Problem, Request, Response, as_json
from shared.stage import Wake
from shared.store.base import Store

if TYPE_CHECKING:
    from functions.admin.face import AdminFace
    from functions.track.face import TrackFace

_SUBMIT = re.compile(r"/v1/(batches|messages|deliveries)(/.*)?|/openapi\.json")
_TRACK = re.compile(r"/[ocu]/.*")
_ADMIN = re.compile(r"/v1/.*|/dashboard(/.*)?")
SMALL_BODY_BYTES = 64 * 1024


def body_limit(config: Config) -> Limit:
    """Anybody may call what tracked mail leads to, and has a few bytes to say there."""
    most = config.http.max_body
    return lambda path: min(most, SMALL_BODY_BYTES) if _TRACK.fullmatch(path) else most


class Front:
    """Knows which function answers at which path."""

    def __init__(
        self,
        config: Config,
        store: Store,
        submit: SubmitFace,
        wake: Callable[[Wake], None],
        ready: Callable[[], Awaitable[Response]],
        queues: Callable[[], Sequence[object]] | None = None,
    ) -> None:
        """`queues`: what the sender of this process is doing, for operators."""
        self._config = config
        self._store = store
        self._submit = submit
        self._wake = wake
        self._ready = ready
        self._queues = queues

    async def handle(self, request: Request) -> Response:
        """Apps, readers of mail, operators, and the probes of an orchestrator (K20)."""
        on, path = self._config.services, request.path
        if path == "/healthz":
            return as_json(200, {"status": "ok"})
        if path == "/readyz":
            return await self._ready()
        if on.submit and _SUBMIT.fullmatch(path):
            return await self._submitted(request)
        if on.track and _TRACK.fullmatch(path):
            return await self._track.handle(request)
        if on.admin and _ADMIN.fullmatch(path):
            return await self._admin.handle(request)
        return Problem(404, "unknown_path", f"nothing answers at {path}").response()

    async def _submitted(self, request: Request) -> Response:
        response = await self._submit.handle(request)
        if len(request.body) > LARGE_BYTES:
            asyncio.get_running_loop().call_later(0.05, give_back)  # when the body is let go
        return response

    @cached_property
    def _track(self) -> "TrackFace":
        from functions.track import assemble

        return assemble.face(self._config, self._store, self._wake)

    @cached_property
    def _admin(self) -> "AdminFace":
        from functions.admin import assemble

        return assemble.face(self._config, self._store, self._wake, queues=self._queues)
