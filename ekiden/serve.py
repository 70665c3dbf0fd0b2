"""`ekiden serve`: every stage in one process over one store, rendering on all cores.

Start: probe the store, start the renderers, wake what an earlier process left, listen.
Stop (SIGTERM, SIGINT): accept nothing more, finish what is in flight, close, report.
"""

import asyncio
import gc
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from types import FrameType

from ekiden.asgi import application
from ekiden.cores import Cores
from ekiden.memory import LARGE_BYTES, give_back
from ekiden.relay import AT_ONCE, Relay
from functions.dispatch import assemble as dispatch
from functions.send import assemble as send
from functions.send.transmit import Transmitter
from functions.submit import assemble as submit
from functions.submit.routes import SubmitFace
from functions.validate import assemble as validate
from shared import keys
from shared.config import Config
from shared.config_network import mask
from shared.errors import EkidenError, Misconfigured
from shared.http import Problem, Request, Response, as_json
from shared.stage import Stage
from shared.store import open_store
from shared.store.probe import probe
from shared.store.wrap import CountingStore
from shared.watch import Watch

log = logging.getLogger("ekiden.serve")


class Station:
    """The whole relay, as one process runs it."""

    def __init__(self, config: Config) -> None:
        on = config.services
        if not (on.submit or on.validate or on.dispatch or on.send or on.sweep):
            raise Misconfigured("services: all parts are off; switch on at least one")
        self.config = config
        self.store = CountingStore(open_store(config.store.url))
        self._watch = Watch()
        self._cores = Cores(config.dispatch.workers)
        self._submit = submit.submit(config, self.store)
        self._transmitter: Transmitter | None = None
        self.relay = Relay(
            self.store,
            time.time,
            self._stages(),
            AT_ONCE,
            config.sweep.max_redrives,
            Random(),
        )
        self.face: SubmitFace = submit.face(config, self._submit, self._watch, self.relay.wake)

    def _stages(self) -> list[Stage]:
        on = self.config.services
        stages: list[Stage] = []
        if on.submit:
            stages.append(submit.stage(self._submit))
        if on.validate:
            stages.append(validate.stage(self.config, self.store))
        if on.dispatch:
            stages.append(dispatch.stage(self.config, self.store, self._cores.render))
        if on.send:
            stage, self._transmitter = send.stage(self.config, self.store, self._watch)
            stages.append(stage)
        return stages

    async def start(self) -> None:
        await probe(self.store)
        if self.config.services.dispatch:
            await self._cores.start()
        self.relay.start()
        if self.config.services.sweep:
            await self.relay.sweep(forgotten_after_s=0)

    async def sweep_forever(self) -> None:
        """Find due and forgotten work, for as long as the process lives."""
        while True:
            await asyncio.sleep(self.config.sweep.interval)
            try:
                await self.relay.sweep(self.config.sweep.forgotten_after)
            except Exception:
                log.exception(
                    "the sweep failed; the next one comes in %g s", self.config.sweep.interval
                )

    async def stop(self) -> None:
        if self._transmitter:
            self._transmitter.stop()
        await self.relay.stop()
        await self._cores.stop()
        if self._transmitter:
            await self._transmitter.close()
        await self.store.close()
        log.info("stopped; %d requests to the store", self.store.total)

    async def handle(self, request: Request) -> Response:
        """One port for all faces, and for the probes of an orchestrator (K20)."""
        if request.path == "/healthz":
            return as_json(200, {"status": "ok"})
        if request.path == "/readyz":
            return await self._ready()
        if not self.config.services.submit:
            return Problem(404, "unknown_path", "submit does not run in this process").response()
        response = await self.face.handle(request)
        if len(request.body) > LARGE_BYTES:
            asyncio.get_running_loop().call_later(0.05, give_back)  # when the body is let go
        return response

    async def _ready(self) -> Response:
        state = "ok"
        try:
            await self.store.inner.list_page(keys.SUBMITTED, limit=1)  # not counted: no mail's cost
        except EkidenError as error:
            state = str(error)
        body = {
            "store": state,
            "open_work": self.relay.open_work,
            "store_requests": dict(self.store.counts),
        }
        return as_json(200 if state == "ok" else 503, body)


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Station]:
    """A Station that works while the context lasts."""
    station = Station(config)
    await station.start()
    sweeper = asyncio.create_task(station.sweep_forever()) if config.services.sweep else None
    try:
        yield station
    finally:
        if sweeper:
            sweeper.cancel()
        await station.stop()


async def serve(config: Config) -> None:
    """Run until SIGTERM or SIGINT."""
    import uvicorn

    try:  # before anything is begun: a port that is taken must not cost a lease
        family = socket.AF_INET6 if ":" in config.http.host else socket.AF_INET
        place = (config.http.host, config.http.port)
        listener = socket.create_server(place, family=family, backlog=2048)
    except OSError as error:
        where = f"{config.http.host}:{config.http.port}"
        raise Misconfigured(f"http.port: cannot listen on {where}: {error}") from error
    async with running(config) as station:
        log.info("store %s, route %s", mask(config.store.url), mask(config.send.route))
        app = application(station.handle, config.http.max_body)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                host=config.http.host,
                port=config.http.port,
                log_config=None,
                access_log=False,
                lifespan="off",
                # Longer than a proxy keeps its connections: it must not use one that we close.
                timeout_keep_alive=75,
                timeout_graceful_shutdown=10,
            )
        )
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, _once)
        await server.serve(sockets=[listener])


def _once(number: int, frame: FrameType | None) -> None:
    """uvicorn raises the signal that ended it again, when HTTP is closed: we have just begun to
    stop then. One more of these ends us at once."""
    signal.signal(number, signal.SIG_DFL)


def main(config: Config) -> None:
    import uvloop

    # What is loaded now stays; and the objects of a relay live shortly. Looking for cycles as
    # often as Python does costs a twentieth of all work.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    uvloop.run(serve(config))
