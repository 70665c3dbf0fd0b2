"""The timer face of the sweep: each POST is one sweep, whatever it says.

A PingSource, a cron connector and a dead letter all may call; none can send a token, so none is
asked for: a sweep too many does no harm, and this function is not reachable from outside.
"""

import asyncio
import logging
from dataclasses import asdict

from functions.sweep.sweeping import Sweeping
from shared import keys
from shared.errors import EkidenError, Temporary
from shared.http import Problem, Request, Response, as_json
from shared.store.base import Store

log = logging.getLogger("ekiden.sweep")

MOST_BODY_BYTES = 1024 * 1024


class TimerFace:
    """One sweep at a time: who comes meanwhile is answered when it is done."""

    def __init__(self, sweeping: Sweeping, store: Store) -> None:
        self._sweeping = sweeping
        self._store = store
        self._one = asyncio.Lock()

    async def handle(self, request: Request) -> Response:
        if request.method != "POST":
            return Problem(405, "method_not_allowed", "a sweep is a POST", allow="POST").response()
        try:
            async with self._one:
                done = await self._sweeping.sweep()
        except Temporary as error:
            log.warning("the sweep is put off: %s", error)
            return Problem(503, "unavailable", f"try again: {error}").response()
        except EkidenError as error:
            log.error("the sweep failed: %s", error)
            return Problem(500, "internal_error", str(error)).response()
        level = logging.ERROR if done.refused else logging.INFO
        log.log(level, "swept: %s", asdict(done))
        return Response(204)  # a body would be a CloudEvent to a Broker

    async def ready(self) -> Response:
        try:
            await self._store.list_page(keys.WAITING, limit=1)
        except EkidenError as error:
            return as_json(503, {"store": str(error)})
        return as_json(200, {"store": "ok"})
