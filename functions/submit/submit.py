"""submit: takes a Batch in, and answers when it is stored. One atomic put makes it ours.

A crash before the put: the app got no 202 and sends again. A crash after it: the Batch will be
sent; an app that repeats its call with the same `Idempotency-Key` learns so.
"""

from collections.abc import Callable
from dataclasses import dataclass

from functions.submit import idempotency
from functions.submit.accept import Circumstances, Limits, accept, parse_batch
from functions.submit.message import accept_message, message_of, parse_message
from shared import keys
from shared.batches import load_content
from shared.codec import pack
from shared.domains import Directory, Template
from shared.errors import AlreadyExists, NotFound
from shared.http import Problem
from shared.ids import batch_id, delivery_id, digest
from shared.model import Accepted, Content, MessageRequest, Submitted, encode
from shared.stage import Clock, Wake, wake
from shared.store.base import Store
from shared.suppressions import Suppressions

MAX_LISTED_REJECTIONS = 10_000

Entropy = Callable[[], bytes]
Decide = Callable[[Circumstances], Submitted]


@dataclass(frozen=True, slots=True)
class Call:
    """One submit call: who, what, and by which key a repeat is known."""

    domain: str
    body: bytes
    idempotency_key: str | None = None


class Submit:
    """Accepts Batches and ready-made messages, over HTTP and from the inbox alike."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        limits: Limits | None = None,
        idempotency_ttl_s: float = 86400.0,
    ) -> None:
        self.store = store
        self.clock = clock
        self.directory = Directory(store, clock)
        self.suppressions = Suppressions(store, self.directory)
        self._entropy = entropy
        self.limits = limits or Limits()
        self._ttl_s = idempotency_ttl_s

    async def batch(self, call: Call) -> tuple[Accepted, Wake | None]:
        """`POST /v1/batches`. Raises `Problem`."""
        request = parse_batch(call.body)
        template = await self.template(call.domain, request.template_id)
        return await self._submit(call, lambda case: accept(request, case), template)

    async def message(self, call: Call) -> tuple[Accepted, Wake | None]:
        """`POST /v1/messages`, as JSON. Raises `Problem`."""
        request = parse_message(call.body)
        message = message_of(request)
        return await self._submit(call, lambda case: accept_message(request, message, case))

    async def raw_message(self, call: Call, recipients: list[str]) -> tuple[Accepted, Wake | None]:
        """`POST /v1/messages`, as message/rfc822 with the envelope apart. Raises `Problem`."""
        request = MessageRequest(recipients=recipients)
        return await self._submit(call, lambda case: accept_message(request, call.body, case))

    async def template(self, domain: str, template_id: str) -> Template | None:
        """The stored Template that a request names, if it names one. Raises `Problem`."""
        if not template_id:
            return None
        try:
            return await self.directory.template(domain, template_id)
        except NotFound as error:
            detail = f"{domain} has no Template {template_id!r}"
            raise Problem(422, "unknown_template", detail) from error

    async def _submit(
        self, call: Call, decide: Decide, template: Template | None = None
    ) -> tuple[Accepted, Wake | None]:
        now = self.clock()
        fresh = idempotency.Record(
            batch=batch_id(now, self._entropy()),
            accepted_at=now,
            digest=digest(call.body).hex(),
        )
        pinned = fresh
        if call.idempotency_key is not None:
            pinned = await idempotency.pin(
                self.store, call.domain, call.idempotency_key, fresh, self._ttl_s
            )
        if pinned is not fresh and (earlier := await self._earlier(pinned.batch)):
            return answer(earlier), None
        case = Circumstances(
            domain=call.domain,
            batch=pinned.batch,
            now=pinned.accepted_at,
            digest=pinned.digest,
            limits=self.limits,
            template=template,
            suppressed=await self.suppressions.of(call.domain),
        )
        return await self.put(decide(case))

    async def put(self, submitted: Submitted) -> tuple[Accepted, Wake | None]:
        """Store an accepted Batch. Whoever comes second answers what the first one stored."""
        batch = submitted.content.batch
        body = pack([encode(submitted)])
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
        message_id=f"<{only}@{content.domain}>" if content.accepted == 1 else "",
    )
