"""notify: tells one Webhook what happened.

    notifying/<domain>/<webhook>/<name>.<turn>.json
        → a POST for each message, signed
          calls/<domain>/<webhook>/<day>/…                        each try
          waiting/<due>/notify/<domain>/<webhook>/<name>.<turn + 1>.json what was not taken
          failed/notify/…                                                after the last try

At least once: a crash before the last delete tells again, under the same message ids. What a
receiver does with it is its own affair, so nothing is leased: two that tell the same at once do no
harm.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from functions.notify import decide, messages, turn
from functions.notify.decide import Verdict, Waits
from functions.notify.endpoint import Endpoints
from functions.notify.messages import Message, Post
from functions.notify.standing import Standing
from functions.notify.turn import Turn
from shared import inbound, keys, notifying, traces, webhook_log
from shared.batches import decode_content, outcome_parts, read_outcomes
from shared.errors import Malformed, NotFound, Permanent, Temporary
from shared.ids import time_of
from shared.notifying import Call
from shared.stage import Clock, Stage, Wake, write_once
from shared.store.base import Store
from shared.webhooks import Webhook

SOON_S = (0.05, 0.2, 0.5, 1.0)
"""Between looks: the bucket tells of a call before `track` has stored what it is about, and who is
sent away then is not called again before the next sweep."""
NEVER_CAME_S = 86_400.0
"""What is older may have been there, and be deleted since: nobody keeps events for less long."""

log = logging.getLogger("ekiden.notify")


class NotStoredYet(Temporary):
    """An events object is announced, and not there."""


class NotTaken(Permanent):
    """The Webhook was called as often as `webhooks.retries` says."""


class Paused(Permanent):
    """The Webhook has failed for days: what it has to hear is kept here until a person looks."""


def stage(
    store: Store,
    clock: Clock,
    standing: Standing,
    endpoints: Endpoints,
    retries_s: Sequence[float],
) -> Stage:
    notify = _Notify(store, clock, standing, endpoints, retries_s)
    return Stage("notify", notify.work)


@dataclass(frozen=True, slots=True)
class _Notify:
    store: Store
    clock: Clock
    standing: Standing
    endpoints: Endpoints
    retries_s: Sequence[float]

    async def work(self, key: str, body: bytes) -> Sequence[Wake]:
        call = notifying.decode(body)
        traces.note(domain=call.domain)
        webhook = await self.standing.load(call.domain, call.webhook)
        if webhook is None or not webhook.active:
            await self.store.delete(key)  # nobody wants to hear it any more
            return ()
        if webhook.paused_at:
            raise Paused(f"{webhook.id} is paused: {webhook.why}")
        posts = await self._posts(webhook, call)
        if posts:
            await self._tell(key, call, webhook, posts)
        await self.store.delete(key)
        return ()

    async def _posts(self, webhook: Webhook, call: Call) -> list[Post]:
        """What is still to be told."""
        posts = messages.posts(await self._messages(webhook, call), webhook.per_post)
        if call.only:
            wanted = set(call.only)
            # What went together may go apart by now: then all of it is told.
            posts = [each for each in posts if each.id in wanted] or posts
        taken = set(call.taken)
        return [post for post in posts if not taken.issuperset(each.id for each in post.messages)]

    async def _messages(self, webhook: Webhook, call: Call) -> list[Message]:
        """Raises `NotFound`, `Malformed`."""
        domain, source = call.domain, call.source
        if source == notifying.TEST:
            return messages.test(webhook, domain, call.at)
        match keys.kind_of(source):
            case "batches":
                if await self._tagged(webhook, {keys.batch_of_outcomes(source)}) == frozenset():
                    return []
                parts = await outcome_parts(self.store, source)
                outcomes = await read_outcomes(self.store, parts)
                return messages.of_outcomes(webhook, domain, outcomes)
            case "events":
                lines = messages.lines_of(source, await self._events(source))
                about = await self._tagged(webhook, {messages.batch_of(each) for each in lines})
                return messages.of_events(webhook, domain, source, lines, about)
            case "received" if not webhook.tag:
                mail = inbound.decode((await self.store.get(source)).body)
                return messages.of_received(webhook, domain, source, mail)
            case "received":
                return []  # it belongs to no Batch
        raise Malformed(f"nothing can be told of {source!r}")

    async def _events(self, source: str) -> bytes:
        """`track` announces what it is about to store. Raises `NotStoredYet`, `NotFound`."""
        age_s = self.clock() - time_of(keys.name_of_event(source))
        is_coming = age_s < notifying.STORED_WITHIN_S
        for pause_s in (0.0, *SOON_S) if is_coming else (0.0,):
            await asyncio.sleep(pause_s)
            with suppress(NotFound):
                return (await self.store.get(source)).body
        if is_coming:
            raise NotStoredYet(source)
        if age_s > NEVER_CAME_S:
            raise NotFound(source)
        log.warning("%s was announced and never stored: nobody was answered", source)
        return b""

    async def _tagged(self, webhook: Webhook, batches: set[str]) -> frozenset[str] | None:
        """Those with the tag that the Webhook asks for; None: it asks for none."""
        if not webhook.tag:
            return None
        found = set()
        for batch in batches - {""}:
            with suppress(NotFound):
                body = (await self.store.get(keys.content(batch))).body
                if webhook.tag in decode_content(body).tags:
                    found.add(batch)
        return frozenset(found)

    async def _tell(self, key: str, call: Call, webhook: Webhook, posts: list[Post]) -> None:
        """Raises `NotTaken`."""
        name, number = keys.parse_notifying(key)
        async with self.endpoints.call(call.domain, webhook.id) as endpoint:
            if endpoint is None:
                done = Turn(left=len(posts), verdict=Verdict.HELD)
            else:
                done = await turn.run(webhook, call, posts, endpoint, self.clock)
        if done.attempts:
            place = f"{name}.{number:03d}"
            await webhook_log.write(self.store, call.domain, webhook.id, place, done.attempts)
            await self._note(call, webhook, done)
        if done.left and done.verdict is not Verdict.GONE:
            await self._put_back(key, call, done)

    async def _note(self, call: Call, webhook: Webhook, done: Turn) -> None:
        if done.verdict is Verdict.GONE:
            await self.standing.gone(call.domain, webhook)
        elif done.taken:
            await self.standing.took(call.domain, webhook)
        elif done.left:
            await self.standing.failed(call.domain, webhook, done.why)

    async def _put_back(self, key: str, call: Call, done: Turn) -> None:
        """What was not taken waits. Died behind this: it is told now and then. Raises `NotTaken`"""
        name, number = keys.parse_notifying(key)
        waits = Waits(self.retries_s, done.retry_after_s)
        coming = decide.following(call, name, done.verdict, bool(done.taken), waits)
        if coming is None or number + 1 >= decide.MOST_TURNS:
            raise NotTaken(f"{call.webhook} did not take it: {done.why or 'it is never free'}")
        rest = msgspec.structs.replace(
            call,
            attempt=coming.attempt,
            holds=coming.holds,
            taken=[*call.taken, *done.taken],
        )
        work = keys.notifying(call.domain, call.webhook, name, number + 1)
        due = self.clock() + coming.delay_s
        await write_once(self.store, keys.waiting(due, work), msgspec.json.encode(rest))
