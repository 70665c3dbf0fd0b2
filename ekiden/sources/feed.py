"""All sources that the configuration switches on, in one process.

Stop: fetch nothing more, let what is under way be answered, leave the rest unacknowledged.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from ekiden.relay import Relay
from ekiden.sources.answer import pause_s
from ekiden.sources.delivery import Delivery
from ekiden.sources.intake import Intake, SourceAway
from shared.config import Config
from shared.errors import Misconfigured
from shared.events.scope import Scope, prefix_of
from shared.store.base import Store
from shared.together import together

if TYPE_CHECKING:
    from ekiden.sources.listing import ListingSource

log = logging.getLogger("ekiden.sources")

LONGEST_PAUSE_S = 60.0
"""Between two tries to reach a source that is away."""


class Source(Protocol):
    """Brings events into its `Intake`."""

    async def feed(self) -> None:
        """Bring what there is, until it breaks. Raises `SourceAway`. May be called again."""

    async def close(self) -> None:
        """Let go of connections, when all that is under way is acknowledged."""


class Sources:
    """Those that are switched on. Their modules are imported only then."""

    def __init__(self, config: Config, store: Store, relay: Relay | None = None) -> None:
        """Without a relay all stages are elsewhere. Raises `Misconfigured`."""
        self._config = config
        self._store = store
        self._relay = relay
        self._all: list[tuple[Intake, Source]] = []
        self._feeding: list[asyncio.Task[None]] = []
        self.port = 0
        """Where the receiver listens; 0 for nowhere."""
        if self.wanted:
            self._set_up()
            self._make()

    @property
    def wanted(self) -> bool:
        """Whether any source is switched on."""
        on = self._config.sources
        return bool(on.sqs or on.minio or on.nats or on.listing or on.port)

    @property
    def counts(self) -> Mapping[str, Counter[str]]:
        """Source → what it brought, and what became of it (`Intake.counts`)."""
        return {intake.name: intake.counts for intake, _ in self._all}

    @property
    def states(self) -> dict[str, str]:
        """Source → `ok`, or why it brings nothing."""
        return {intake.name: intake.state for intake, _ in self._all}

    def _set_up(self) -> None:
        from ekiden.sources.posting import Poster
        from ekiden.sources.ways import ways

        config = self._config
        self._poster = Poster(config.events.token)
        targets = dict(each.split("=", 1) for each in config.sweep.targets)
        self._delivery = Delivery(ways(self._relay, targets, self._poster))
        self._scope = Scope("", config.events.bucket, prefix_of(config.store.url))
        if not self._delivery.prefixes:
            raise Misconfigured(
                "sources: no stage runs here and sweep.targets names none; say there where they "
                "are, as in sweep.targets=validate=http://validate.example/"
            )

    def _make(self) -> None:
        on = self._config.sources
        for url in on.sqs:
            from ekiden.sources.sqs import SqsSource, name_of

            intake = self._intake(f"sqs:{name_of(url)}")
            self._add(intake, SqsSource(intake, url, on.sqs_endpoint))
        for url in on.nats:
            from ekiden.sources.nats import NatsSource, consumer_of

            consumer = consumer_of(url)
            intake = self._intake(f"nats:{consumer.stream}/{consumer.name}")
            self._add(intake, NatsSource(intake, consumer, on.max_in_flight))
        if on.listing:
            intake = self._intake("listing")
            self._add(intake, self._listing(intake, on.listing))
        if on.minio:
            from ekiden.sources.minio import MinioSource, listened

            intake = self._intake("minio")
            place = listened(self._config.store.url)
            self._add(intake, MinioSource(intake, place, self._listing(intake)))
        if on.port:
            self._make_receiver()

    def _make_receiver(self) -> None:
        from ekiden.sources.http import HttpSource, Receiver

        intake = self._intake("receiver")
        receiver = Receiver(intake, self._config.events.token, self.report)
        source = HttpSource(intake, receiver, self._config.sources.host, self._config.sources.port)
        self.port = source.port
        self._add(intake, source)

    def _listing(self, intake: Intake, interval_s: float = 0.0) -> "ListingSource":
        from ekiden.sources.listing import ListingSource

        return ListingSource(intake, self._delivery, self._store, interval_s)

    def _intake(self, name: str) -> Intake:
        taken = self.counts.keys()
        if name in taken:  # two queues of one name, in two accounts
            name = f"{name}:{len(taken)}"
        return Intake(name, self._delivery, self._scope, self._config.sources.max_in_flight)

    def _add(self, intake: Intake, source: Source) -> None:
        self._all.append((intake, source))

    def report(self) -> dict[str, dict[str, object]]:
        """For `/readyz`. A source that is away makes nobody unready: another start helps nobody."""
        return {
            intake.name: {"state": intake.state, "events": dict(intake.counts)}
            for intake, _ in self._all
        }

    def start(self) -> None:
        self._feeding = [asyncio.create_task(keep(*each)) for each in self._all]

    async def stop(self, patience_s: float) -> None:
        if not self._all:
            return
        for task in self._feeding:
            task.cancel()
        await asyncio.gather(*self._feeding, return_exceptions=True)
        await together(intake.drain(patience_s) for intake, _ in self._all)
        await together(source.close() for _, source in self._all)
        await self._delivery.stop()
        self._poster.close()


async def keep(intake: Intake, source: Source) -> None:
    """Begin a source again whenever it breaks: it stops no other one."""
    tries = 0
    while True:
        try:
            await source.feed()
            return
        except SourceAway as error:
            tries = 1 if intake.state == "ok" else tries + 1
            intake.down(str(error))
        except Exception:
            tries += 1
            log.exception("%s: a fault of ours", intake.name)
        await asyncio.sleep(pause_s(tries, LONGEST_PAUSE_S))
