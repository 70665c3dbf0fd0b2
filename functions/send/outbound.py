"""The real transmitter: finds the way of each Envelope, and queues it at its destination.

Every recipient domain goes its own way from the first look into DNS on: a name server that does
not answer keeps nobody waiting but its own mail.
"""

import logging
from dataclasses import replace

from functions.send.destinations.mail import Consignment
from functions.send.destinations.scheduler import Scheduler
from functions.send.pauses import Pauses
from functions.send.smtp.target import Destination, Source
from functions.send.smtp.verdict import Peer, Stage, unanswered
from functions.send.sources import Share, Sources
from functions.send.transmit import Ledger
from functions.send.ways import Unprotected, Way, Ways
from shared.config_network import mask
from shared.dns import NoMail
from shared.domains import Directory
from shared.errors import Misconfigured, NotFound, Temporary
from shared.model import BagHeader, Envelope
from shared.together import together

log = logging.getLogger("ekiden.send")

MENDED_IN_S = 300.0
"""So long mail waits whose way cannot be used as it is written down."""
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
        except (Misconfigured, ValueError) as wrong:  # a route in a Domain's record, a resolver
            log.error("mail to %s is held back: %s", way.domain or mask(way.route), wrong)
            for envelope in envelopes:
                ledger.hold(envelope, MENDED_IN_S, f"held back: {wrong}")
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
        for source, number in await self._shares(header.pool, site, len(envelopes)):
            share, envelopes = envelopes[:number], envelopes[number:]
            queued.append(self._deliver(header, _from(destination, source), share, ledger))
        for envelope in envelopes:
            ledger.hold(envelope, self._sources.seconds_to_tomorrow(), WARMING_UP)
        await together(queued)

    async def _shares(self, pool: str, site: str, mails: int) -> list[Share]:
        try:
            return await self._sources.share(pool, site, mails)
        except Temporary as error:
            log.warning("how much a new address has sent is not known: %s", error)
            return []

    async def _deliver(
        self, header: BagHeader, place: Destination, envelopes: list[Envelope], ledger: Ledger
    ) -> None:
        """Queue them, and take off the day's count of a new address what was held back."""
        held = 0

        def hold(envelope: Envelope, delay_s: float, why: str) -> None:
            nonlocal held
            held += 1
            ledger.hold(envelope, delay_s, why)

        consignment = Consignment(ledger.report, hold, ledger.may_go_on, ledger.is_behind)
        await self.scheduler.deliver(place, envelopes, header.shared, consignment)
        if held:
            await self._sources.give_back(place.source, self.scheduler.site_name(place), held)


def _from(destination: Destination, source: Source | None) -> Destination:
    """The same servers, reached from one address of this machine."""
    if source is None:
        return destination
    hosts = tuple(replace(host, source=source) for host in destination.hosts)
    return Destination(destination.name, hosts)
