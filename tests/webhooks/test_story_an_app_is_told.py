"""A whole Batch through a running Station, and an app that is told every Outcome."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from receiver import Receiver, Told, receiver
from station import BATCH, DOMAIN, Here, run, running_station

from shared import keys, webhooks
from shared.store.base import Store
from shared.store.wrap import CountingStore, Wrapper
from shared.webhooks import Rules, Webhook, WebhookChange

OPEN = {"webhooks__allow_insecure": "on", "webhooks__allow_private": "on"}
LOOSE = Rules(allow_insecure=True, allow_private=True)
SEVEN: dict[str, Any] = {
    **BATCH,
    "recipients": [
        {"email": f"{who}@sink.example", "fields": {"name": who}}
        for who in ("ann", "ben", "gone", "cas", "dan", "eve", "fay")
    ],
}


def refuse(recipient: str, number: int) -> str | None:
    return "550 5.1.1 no such user" if recipient.startswith("gone") else None


async def webhook(here: Here, there: Receiver, **wanted: Any) -> Webhook:
    change = WebhookChange(url=there.url, **wanted)
    made = await webhooks.add(here.store, DOMAIN, change, LOOSE, time.time())
    here.station.directory.forget(keys.domain_record(DOMAIN))
    return made


def test_every_outcome_of_a_batch_is_told_exactly_once() -> None:
    async def story() -> None:
        options = {**OPEN, "validate__bag_size": "3"}
        async with receiver() as there, running_station(refuse=refuse, **options) as here:
            secret = (await webhook(here, there)).secrets[0].value
            batch = await here.submit(SEVEN)
            told = await there.heard(7)
            await here.idle()
            events = [each.verify(secret) for each in told]
            assert Counter(each["type"] for each in events) == {
                "delivery.delivered": 6,
                "delivery.bounced": 1,
            }
            wanted = {each["delivery"]: each["state"] for each in await here.deliveries(batch)}
            heard = {
                each["data"]["delivery"]: each["type"].removeprefix("delivery.") for each in events
            }
            assert heard == wanted
            assert len(there.told) == len(set(there.ids)) == 7
            assert await here.keys(keys.NOTIFYING) == []

    run(story)


def test_what_happened_while_it_was_down_is_told_when_it_is_up() -> None:
    async def story() -> None:
        options = {**OPEN, "webhooks__retries": "1ms,1ms,1ms", "sweep__interval": "100ms"}
        async with receiver() as there, running_station(**options) as here:
            there.answer = lambda told: 500 if len(there.told) < 3 else 204
            await webhook(here, there)
            await here.submit(BATCH)
            told = await there.heard(3)
            assert len({each.id for each in told}) == 1
            await here.idle()
            assert await here.keys(keys.FAILED) == []

    run(story)


def test_a_webhook_that_hangs_delays_no_mail_and_no_other_webhook() -> None:
    async def story() -> None:
        async with AsyncExitStack() as stack:
            slow, quick = [await stack.enter_async_context(receiver()) for _ in range(2)]
            let_go = asyncio.Event()

            async def hang(told: Told) -> int:
                await let_go.wait()
                return 204

            slow.answer = hang
            here = await stack.enter_async_context(running_station(**OPEN))
            for there in (slow, quick):
                await webhook(here, there)
            batches = [await here.submit(BATCH) for _ in range(10)]
            for batch in batches:
                assert (await here.done(batch))["outcomes"] == {"delivered": 1}
            await quick.heard(10)
            assert len(slow.told) <= 4
            let_go.set()
            await slow.heard(10)
            await here.idle()

    run(story)


def test_opens_and_complaints_are_told_too() -> None:
    async def story() -> None:
        options = {**OPEN, "send__route": "demo:"}
        async with receiver() as there, running_station(**options) as here:
            await webhook(here, there, events=["opened", "complained", "bounced"])
            people = ("opened", "complaint", "late-bounce")
            recipients = [{"email": f"{who}@x.example", "fields": {"name": who}} for who in people]
            batch = await here.submit({**BATCH, "recipients": recipients})
            await here.done(batch)
            told = await there.heard(3)
            assert {each.type for each in told} == {
                "delivery.opened",
                "delivery.complained",
                "delivery.bounced",
            }
            assert {each.json["data"]["delivery"].split(".")[0] for each in told} == {batch}

    run(story)


def requests(**with_webhook: Any) -> Counter[str]:
    """What one mail costs."""
    counted: Counter[str] = Counter()

    async def story() -> None:
        async with receiver() as there, running_station(sweep__interval="1h", **OPEN) as here:
            if with_webhook:
                await webhook(here, there, **with_webhook)
            store = here.station.store
            assert isinstance(store, CountingStore)
            before = Counter(store.counts)
            await here.submit(BATCH)
            await here.idle()  # who asks whether it is done costs requests, too
            assert len(here.sink.received) == 1
            counted.update(store.counts - before)

    run(story)
    return counted


def test_without_a_webhook_that_wants_to_hear_a_mail_costs_not_one_request_more() -> None:
    assert requests(events=["bounced"]) == requests()


class Noting(Wrapper):
    """Keeps what was asked for."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.asked: list[tuple[str, str]] = []

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[Any]]) -> Any:
        self.asked.append((op, key))
        return await call()


def test_without_a_webhook_nobody_asks_for_one() -> None:
    async def story() -> None:
        async with running_station(sweep__interval="1h", **OPEN) as here:
            counting = here.station.store
            assert isinstance(counting, CountingStore)
            noting = counting.inner = Noting(counting.inner)
            for _ in range(5):
                await here.done(await here.submit(BATCH))
            await here.idle()
            assert noting.asked.count(("get", keys.domain_record(DOMAIN))) == 1, "dispatch did"
            assert not [key for _, key in noting.asked if "webhook" in key or "notif" in key]

    run(story)


def test_with_one_a_mail_costs_a_few_requests_more() -> None:
    more = requests(events=["delivered"])
    more.subtract(requests())
    print(more)
    assert more.total() <= 7
