"""Which servers the Envelopes of a Bag go to, and handing them to the SMTP client.

With a route (a smarthost) all go there. Otherwise each goes to the mail exchangers of its
Recipient's domain (RFC 5321 §5.1); domains with the same exchangers share connections.
"""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Protocol

from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.pool import Pool
from functions.send.smtp.target import Destination, Target, Tls
from functions.send.smtp.verdict import Peer, Verdict, unanswered
from shared.address import domain_of
from shared.dns import MxHost, MxResolver, NoMail
from shared.errors import Temporary
from shared.model import BagHeader, Envelope, message_bytes
from shared.together import together

Report = Callable[[Envelope, Verdict], None]
Refuse = Callable[[Envelope, str, str], None]
"""Envelope, stable word, text: it will not be transmitted, by our own decision."""


class Transmitter(Protocol):
    """Transmits Envelopes, and reports each exactly once unless `may_go_on` becomes false."""

    async def transmit(
        self,
        header: BagHeader,
        envelopes: list[Envelope],
        *,
        report: Report,
        refuse: Refuse,
        may_go_on: Callable[[], bool],
    ) -> None: ...

    async def close(self) -> None:
        """End the idle connections politely."""


class SmtpTransmitter:
    """The real one."""

    def __init__(
        self,
        pool: Pool,
        resolver: MxResolver,
        smarthost: Destination | None = None,
        tls: Tls = Tls.OPPORTUNISTIC,
    ) -> None:
        self._pool = pool
        self._resolver = resolver
        self._smarthost = smarthost
        self._tls = tls

    async def transmit(
        self,
        header: BagHeader,
        envelopes: list[Envelope],
        *,
        report: Report,
        refuse: Refuse,
        may_go_on: Callable[[], bool],
    ) -> None:
        queues = await self._queues(envelopes, report, refuse)
        await together(
            self._deliver(destination, header, queue, report, may_go_on)
            for destination, queue in queues.values()
        )

    async def close(self) -> None:
        await self._pool.close()

    async def _deliver(
        self,
        destination: Destination,
        header: BagHeader,
        envelopes: list[Envelope],
        report: Report,
        may_go_on: Callable[[], bool],
    ) -> None:
        waiting = _Waiting(may_go_on)
        waiting.extend(_Mail(each, header.shared) for each in envelopes)

        def report_on(outgoing: Outgoing, verdict: Verdict) -> None:
            assert isinstance(outgoing, _Mail)
            report(outgoing.envelope, verdict)

        await self._pool.deliver(destination, waiting, report_on)

    async def _queues(
        self, envelopes: list[Envelope], report: Report, refuse: Refuse
    ) -> dict[str, tuple[Destination, list[Envelope]]]:
        """Destination name → the destination, and what goes there."""
        if self._smarthost:
            return {"": (self._smarthost, envelopes)} if envelopes else {}
        domains: dict[str, list[Envelope]] = {}
        for envelope in envelopes:
            domains.setdefault(domain_of(envelope.recipient), []).append(envelope)
        found = await together(map(self._find, domains))
        queues: dict[str, tuple[Destination, list[Envelope]]] = {}
        for (domain, group), result in zip(domains.items(), found, strict=True):
            if isinstance(result, Destination):
                queues.setdefault(result.name, (result, []))[1].extend(group)
            elif isinstance(result, NoMail):
                for envelope in group:
                    refuse(envelope, result.reason, str(result))
            else:
                verdict = unanswered(Peer(domain), "connect", str(result))
                for envelope in group:
                    report(envelope, verdict)
        return queues

    async def _find(self, domain: str) -> Destination | NoMail | Temporary:
        try:
            hosts: Iterable[MxHost] = await self._resolver.destination(domain)
        except (NoMail, Temporary) as error:
            return error
        return Destination.of_hosts(
            Target(host.name, preference=host.preference, tls=self._tls) for host in hosts
        )


class _Waiting(deque[Outgoing]):
    """A queue that is empty for everybody who asks, from the moment that we may not go on."""

    def __init__(self, may_go_on: Callable[[], bool]) -> None:
        super().__init__()
        self._may_go_on = may_go_on

    def __bool__(self) -> bool:
        return len(self) > 0 and self._may_go_on()


class _Mail:
    """An Envelope as the SMTP client sees it. The message is put together when it is sent."""

    __slots__ = ("_shared", "envelope")

    def __init__(self, envelope: Envelope, shared: list[str]) -> None:
        self.envelope = envelope
        self._shared = shared

    @property
    def return_path(self) -> str:
        return self.envelope.return_path

    @property
    def recipient(self) -> str:
        return self.envelope.recipient

    @property
    def message(self) -> bytes:
        return message_bytes(self.envelope, self._shared)
