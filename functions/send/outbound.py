"""The real transmitter: finds the way of each Envelope, and queues it at its destination.

Every recipient domain goes its own way from the first look into DNS on: a name server that does
not answer keeps nobody waiting but its own mail.
"""

from dataclasses import replace

from functions.send.destinations.mail import Consignment
from functions.send.destinations.scheduler import Scheduler
from functions.send.pauses import Pauses
from functions.send.smtp.target import Destination, Source
from functions.send.smtp.verdict import Peer, Stage, unanswered
from functions.send.sources import Sources
from functions.send.transmit import Ledger
from functions.send.ways import Unprotected, Way, Ways
from shared.dns import NoMail
from shared.domains import Directory
from shared.errors import NotFound, Temporary
from shared.model import BagHeader, Envelope
from shared.together import together

WARMING_UP = "held back: the sending addresses have sent what they may send there today"


class SmtpTransmitter:
    """Transmits by SMTP and LMTP."""

    def __init__(
        self,
        scheduler: Scheduler,
        ways: Ways,
        sources: Sources,
        pauses: Pauses,
        directory: Directory,
    ) -> None:
        self.scheduler = scheduler
        self._ways = ways
        self._sources = sources
        self._pauses = pauses
        self._directory = directory

    @property
    def stopping(self) -> bool:
        return self.scheduler.stopping

    async def transmit(self, header: BagHeader, envelopes: list[Envelope], ledger: Ledger) -> None:
        await self._pauses.look_again()
        groups = self._ways.sort(envelopes, await self._own_routes(header.domain))
        await together(self._send(header, way, group, ledger) for way, group in groups.items())

    async def refresh(self) -> None:
        await self._pauses.look()

    def stop(self) -> None:
        self.scheduler.stop()

    async def close(self) -> None:
        await self.scheduler.close()
        await self._ways.close()

    async def _own_routes(self, domain: str) -> dict[str, str]:
        try:
            return (await self._directory.domain(domain)).routes
        except NotFound:
            return {}  # the Domain was deleted; what it had submitted still leaves

    async def _send(
        self, header: BagHeader, way: Way, envelopes: list[Envelope], ledger: Ledger
    ) -> None:
        try:
            destination = await self._ways.destination(way)
        except NoMail as never:
            for envelope in envelopes:
                ledger.refuse(envelope, never.reason, str(never))
        except Temporary as failure:
            stage: Stage = "starttls" if isinstance(failure, Unprotected) else "connect"
            verdict = unanswered(Peer(way.domain), stage, str(failure))
            for envelope in envelopes:
                ledger.report(envelope, verdict)
        else:
            await self._queue(header, destination, envelopes, ledger)

    async def _queue(
        self,
        header: BagHeader,
        destination: Destination,
        envelopes: list[Envelope],
        ledger: Ledger,
    ) -> None:
        """Queue them from their sending addresses; hold back what no address may send today."""
        site = self.scheduler.site_name(destination)
        queued = []
        for source, number in await self._sources.share(header.pool, site, len(envelopes)):
            share, envelopes = envelopes[:number], envelopes[number:]
            place = _from(destination, source)
            consignment = Consignment(ledger.report, ledger.hold, ledger.may_go_on)
            queued.append(self.scheduler.deliver(place, share, header.shared, consignment))
        for envelope in envelopes:
            ledger.hold(envelope, self._sources.seconds_to_tomorrow(), WARMING_UP)
        await together(queued)


def _from(destination: Destination, source: Source | None) -> Destination:
    """The same servers, reached from one address of this machine."""
    if source is None:
        return destination
    hosts = tuple(replace(host, source=source) for host in destination.hosts)
    return Destination(destination.name, hosts)
