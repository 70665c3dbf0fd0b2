"""All parts of Ekiden that one process runs, over one store: stages, HTTP faces, SMTP listeners.

Start: probe the store, start the renderers, listen for SMTP, wake what an earlier process left.
Stop: accept no more mail, take up no more work, finish what is in flight, close, report.
"""

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from ekiden.cores import Cores
from ekiden.front import Front
from ekiden.listeners import Listeners
from ekiden.relay import AT_ONCE, Relay
from ekiden.sources.feed import Sources
from ekiden.upkeep import upkeep
from functions.bounce import assemble as bounce
from functions.dispatch import assemble as dispatch
from functions.notify import assemble as notify
from functions.notify.endpoint import Endpoints
from functions.send import assemble as send
from functions.send.destinations.scheduler import QueueState
from functions.send.outbound import SmtpTransmitter
from functions.send.transmit import Transmitter
from functions.submit import assemble as submit
from functions.submit.routes import SubmitFace
from functions.submit.submit import SubmitCounts
from functions.validate import assemble as validate
from shared import keys, traces
from shared.config import Config
from shared.errors import EkidenError, Misconfigured
from shared.http import Request, Response, as_json
from shared.stage import Stage, Wake
from shared.store import open_store
from shared.store.probe import probe
from shared.store.wrap import CountingStore
from shared.together import together
from shared.watch import Watch

log = logging.getLogger("ekiden.station")

LISTENERS_PATIENCE_S = 10.0
RELAY_PATIENCE_S = 30.0
SOURCES_PATIENCE_S = RELAY_PATIENCE_S + 5.0
"""What the relay leaves at its end is still to be handed back."""


class Station:
    """The parts that the configuration switches on."""

    def __init__(self, config: Config) -> None:
        on = config.services
        if not any(getattr(on, part) for part in on.__struct_fields__):
            raise Misconfigured("services: all parts are off; switch on at least one")
        self.config = config
        self.store = CountingStore(open_store(config.store.url))
        self._watch = Watch()
        self._cores = Cores(config.dispatch.workers)
        self._submit = submit.submit(config, self.store)
        self.directory = self._submit.directory
        self.transmitter: Transmitter | None = None
        self.endpoints: Endpoints | None = None
        self.relay = Relay(
            self.store,
            time.time,
            self._stages(),
            AT_ONCE,
            config.sweep.max_redrives,
            Random(),
        )
        self.face: SubmitFace = submit.face(config, self._submit, self._watch, self.relay.wake)
        queues = self.queues if on.send else None
        self.front = Front(config, self.store, self.face, self.relay.wake, self.ready, queues)
        self.listeners = Listeners(config, self.store, self._submit, self.relay.wake)
        self.sources = Sources(config, self.store, self.relay)

    def _stages(self) -> list[Stage]:
        on = self.config.services
        stages: list[Stage] = []
        if on.submit:
            stages.append(submit.stage(self._submit))
        if on.validate:
            stages.append(validate.stage(self.config, self.store))
        if on.dispatch:
            render = self._cores.render
            stages.append(dispatch.stage(self.config, self.store, render, self.directory))
        if on.send:
            stage, self.transmitter = send.stage(
                self.config, self.store, self._watch, self.directory, self._woken
            )
            stages.append(stage)
        if on.notify:
            stage, self.endpoints = notify.stage(self.config, self.store, self.directory)
            stages.append(stage)
        if on.bounce:
            stages.append(bounce.stage(self.config, self.store))
        return stages

    def _woken(self, event: Wake) -> None:
        self.relay.wake(event)

    @property
    def submitted(self) -> SubmitCounts:
        """What was accepted here."""
        return self._submit.counts

    async def start(self) -> None:
        await probe(self.store)
        traces.set_up("ekiden", os.environ)
        if self.config.services.dispatch:
            await self._cores.start()
        self.relay.start()
        await self.listeners.start()
        self.sources.start()
        if self.config.services.sweep:
            if self.transmitter:
                await self.transmitter.refresh()
            await self.relay.sweep(forgotten_after_s=0)

    async def sweep_forever(self) -> None:
        """Find due and forgotten work, for as long as the process lives."""
        while True:
            await asyncio.sleep(self.config.sweep.interval)
            try:
                if self.transmitter:
                    await self.transmitter.refresh()
                await self.relay.sweep(self.config.sweep.forgotten_after)
            except Exception:
                log.exception(
                    "the sweep failed; the next one comes in %g s", self.config.sweep.interval
                )

    async def stop(self) -> None:
        if self.transmitter:
            self.transmitter.stop()
        await self.listeners.stop(LISTENERS_PATIENCE_S)
        await together((self.sources.stop(SOURCES_PATIENCE_S), self.relay.stop(RELAY_PATIENCE_S)))
        await self._cores.stop()
        if self.transmitter:
            await self.transmitter.close()
        if self.endpoints:
            self.endpoints.close()
        await self.store.close()
        if traces.spans is not None:
            from shared.trace_export import shut_down

            await shut_down()
        log.info("stopped; %d requests to the store", self.store.total)

    def queues(self) -> list[QueueState]:
        """The destinations of the sender, the fullest first."""
        sender = self.transmitter
        return sender.scheduler.states() if isinstance(sender, SmtpTransmitter) else []

    async def handle(self, request: Request) -> Response:
        return await self.front.handle(request)

    async def ready(self) -> Response:
        state = "ok"
        try:
            await self.store.inner.list_page(keys.SUBMITTED, limit=1)  # not counted: no mail's cost
        except EkidenError as error:
            state = str(error)
        body = {
            "store": state,
            "open_work": self.relay.open_work,
            "listeners": self.listeners.ports,
            "store_requests": dict(self.store.counts),
        }
        return as_json(200 if state == "ok" else 503, body)


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Station]:
    """A Station that works while the context lasts."""
    station = Station(config)
    await station.start()
    sweepers = []
    if config.services.sweep:
        works = [each.go_on() for each in upkeep(config, station.store)]
        sweepers = [asyncio.create_task(each) for each in (station.sweep_forever(), *works)]
    try:
        yield station
    finally:
        for sweeper in sweepers:
            sweeper.cancel()
        await station.stop()
