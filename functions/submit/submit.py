"""submit: takes a Batch in, and answers when it is stored. One atomic put makes it ours.

A crash before the put: the app got no 202 and sends again. A crash after it: the Batch will be
sent; an app that repeats its call with the same `Idempotency-Key` learns so.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from functions.submit import idempotency
from functions.submit.accept import accept
from functions.submit.message import accept_message, message_of, parse_message
from functions.submit.request import Circumstances, Limits, parse_batch
from functions.submit.smtp_message import Mail, accept_mail
from shared import keys, traces
from shared.batches import load_content, message_id
from shared.codec import pack
from shared.domains import TEMPLATE_ID, Directory, Template
from shared.errors import AlreadyExists, NotFound
from shared.http import Problem
from shared.ids import batch_id, delivery_id, digest
from shared.model import Accepted, Content, MessageRequest, Submitted, encode_submitted
from shared.stage import Clock, Wake, wake
from shared.store.base import Store
from shared.suppressions import Suppressions

MAX_LISTED_REJECTIONS = 10_000

Entropy = Callable[[], bytes]
Decide = Callable[[Circumstances], Awaitable[Submitted]]


@dataclass(frozen=True, slots=True)
class Call:
    """One submit call: who, what, and by which key a repeat is known."""

    domain: str
    body: bytes
    idempotency_key: str | None = None
    face: str = "http"
    traceparent: str = ""
    """Of the app's own trace (W3C Trace Context)."""


@dataclass(slots=True)
class SubmitCounts:
    """What was accepted in this process, by face."""

    batches: Counter[str] = field(default_factory=Counter)
    recipients: Counter[str] = field(default_factory=Counter)

    def add(self, face: str, recipients: int) -> None:
        self.batches[face] += 1
        self.recipients[face] += recipients


class Submit:
    """Accepts Batches and ready-made messages, over HTTP and from the inbox alike."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        limits: Limits | None = None,
        idempotency_ttl_s: float = 86400.0,
        tracking_url: str = "",
    ) -> None:
        """`tracking_url` is where `track` answers for Domains without a host of their own."""
        self._tracking_url = tracking_url.rstrip("/")
        self.store = store
        self.clock = clock
        self.directory = Directory(store, clock)
        self.suppressions = Suppressions(store, self.directory)
        self._entropy = entropy
        self.limits = limits or Limits()
        self._ttl_s = idempotency_ttl_s
        self.counts = SubmitCounts()

    async def batch(self, call: Call) -> tuple[Accepted, Wake | None]:
        """`POST /v1/batches`. Raises `Problem`."""
        request = parse_batch(call.body)

        async def decide(case: Circumstances) -> Submitted:
            await self._check_pool(call.domain, request.pool)
            template = await self.template(call.domain, request.template_id)
            return accept(request, case.with_template(template))

        return await self._submit(call, decide)

    async def message(self, call: Call) -> tuple[Accepted, Wake | None]:
        """`POST /v1/messages`, as JSON. Raises `Problem`."""
        request = parse_message(call.body)
        message = message_of(request)

        async def decide(case: Circumstances) -> Submitted:
            await self._check_pool(call.domain, request.pool)
            return accept_message(request, message, case)

        return await self._submit(call, decide)

    async def raw_message(self, call: Call, recipients: list[str]) -> tuple[Accepted, Wake | None]:
        """`POST /v1/messages`, as message/rfc822 with the envelope apart. Raises `Problem`."""
        request = MessageRequest(recipients=recipients)

        async def decide(case: Circumstances) -> Submitted:
            return accept_message(request, call.body, case)

        return await self._submit(call, decide, recipients)

    async def mail(self, domain: str, mail: Mail) -> tuple[Accepted, Wake | None]:
        """One message that came by SMTP. Raises `Problem`."""

        async def decide(case: Circumstances) -> Submitted:
            return accept_mail(mail, case)

        return await self._submit(
            Call(domain, mail.message, face="smtp"), decide, [mail.sender, *mail.recipients]
        )

    async def _check_pool(self, domain: str, pool: str) -> None:
        """Whether the Domain may send from this pool of addresses. Raises `Problem`."""
        if pool and pool not in (await self.directory.domain(domain)).pools:
            raise Problem(422, "unknown_pool", f"{domain} has no pool {pool[:100]!r}")

    async def template(self, domain: str, template_id: str) -> Template | None:
        """The stored Template that a request names, if it names one. Raises `Problem`."""
        if not template_id:
            return None
        try:
            if TEMPLATE_ID.fullmatch(template_id):
                return await self.directory.template(domain, template_id)
        except NotFound:
            pass
        raise Problem(422, "unknown_template", f"{domain} has no Template {template_id[:200]!r}")

    async def _submit(
        self, call: Call, decide: Decide, envelope: Sequence[str] = ()
    ) -> tuple[Accepted, Wake | None]:
        """`envelope` is what belongs to the call besides its body."""
        now = self.clock()
        fresh = idempotency.Record(
            batch=batch_id(now, self._entropy()),
            accepted_at=now,
            digest=digest(call.body, *envelope).hex(),
        )
        if call.idempotency_key is None:
            accepted, ready = await self.put(await decide(await self._case(call, fresh)))
        else:
            accepted, ready = await self._submit_once(call, call.idempotency_key, decide, fresh)
        if ready:
            self._report(call, accepted, now)
        return accepted, ready

    def _report(self, call: Call, accepted: Accepted, began: float) -> None:
        """Count and trace a Batch that is new."""
        self.counts.add(call.face, accepted.accepted)
        if traces.spans is not None:
            traces.spans.submitted(
                traces.Submission(
                    accepted.batch,
                    call.domain,
                    call.face,
                    accepted.accepted,
                    began,
                    self.clock(),
                    call.traceparent,
                )
            )

    async def _submit_once(
        self, call: Call, key: str, decide: Decide, fresh: idempotency.Record
    ) -> tuple[Accepted, Wake | None]:
        """A call that is refused leaves no record: corrected, it may come with the same key."""
        submitted: Submitted | None = None
        try:
            submitted = await decide(await self._case(call, fresh))
        except Problem:
            # A repeat is answered as the call was, even if it would be refused now.
            if not await idempotency.is_known(self.store, call.domain, key):
                raise
        pinned = await idempotency.pin(self.store, call.domain, key, fresh, self._ttl_s)
        if pinned is not fresh and (earlier := await self._earlier(pinned.batch)):
            return answer(earlier), None
        if submitted is None or pinned is not fresh:
            submitted = await decide(await self._case(call, pinned))
        return await self.put(submitted)

    async def _case(self, call: Call, record: idempotency.Record) -> Circumstances:
        domain = await self.directory.domain(call.domain)
        own_url = domain.tracking_host and f"https://{domain.tracking_host}"
        return Circumstances(
            domain=call.domain,
            batch=record.batch,
            now=record.accepted_at,
            digest=record.digest,
            limits=self.limits,
            ceiling=domain.tracking,
            tracking_url=own_url or self._tracking_url,
            suppressed=await self.suppressions.of(call.domain),
        )

    async def put(self, submitted: Submitted) -> tuple[Accepted, Wake | None]:
        """Store an accepted Batch. Whoever comes second answers what the first one stored."""
        batch = submitted.content.batch
        body = pack(encode_submitted(submitted))
        try:
            await self.store.create(keys.submitted(batch), body)
        except AlreadyExists:
            earlier = await self._earlier(batch)
            return answer(earlier or submitted.content), None
        return answer(submitted.content), wake(keys.submitted(batch), body)

    async def _earlier(self, batch: str) -> Content | None:
        try:
            return await load_content(self.store, batch)
        except NotFound:
            return None


def answer(content: Content) -> Accepted:
    """What the app is told; the same for the call and for each of its repeats."""
    only = delivery_id(content.batch, 0, 0)
    return Accepted(
        batch=content.batch,
        accepted=content.accepted,
        rejected=len(content.rejected),
        rejected_recipients=content.rejected[:MAX_LISTED_REJECTIONS],
        message_id=message_id(content, only) if content.accepted == 1 else "",
    )
