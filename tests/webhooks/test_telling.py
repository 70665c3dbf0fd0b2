"""notify tells a Webhook what happened: what it says, how it is signed, what is not taken."""

import asyncio

import pytest
from notify_world import BATCH, DOMAIN, START, Here, delivered, notify_world, outcome
from receiver import Receiver, Told, receiver, whole

from shared import feedback, inbound, keys, webhooks
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.inbound import Inbound
from shared.outcome import State
from shared.webhooks import WebhookChange


def play(story, **options: str) -> None:  # type: ignore[no-untyped-def]
    """Run `story(here, there)`."""

    async def whole_story() -> None:
        async with receiver() as there, notify_world(**options) as here:
            await asyncio.wait_for(story(here, there), 30)

    asyncio.run(whole_story())


def test_an_outcome_is_told_signed_and_once() -> None:
    async def story(here: Here, there: Receiver) -> None:
        webhook = await here.webhook(there.url)
        bounced = outcome(
            *(0, State.BOUNCED),
            code=550,
            enhanced="5.1.1",
            bounce_class="bad_mailbox",
            hard=True,
            text="no such user",
            host="mx.sink.example",
            return_path="secret",
        )
        await here.happened(bounced)
        await here.settle()
        (told,) = there.told
        assert told.path == "/hook?of=us"
        assert told.headers["content-type"] == "application/json"
        assert told.is_signed_with(webhook.secrets[0].value)
        assert told.json == {
            "type": "delivery.bounced",
            "timestamp": "2027-01-15T08:00:00.000Z",
            "data": {
                "domain": DOMAIN,
                "batch": BATCH,
                "delivery": delivery_id(BATCH, 0, 0),
                "recipient": "r0@sink.example",
                "attempt": 0,
                "class": "bad_mailbox",
                "hard": True,
                "code": 550,
                "enhanced": "5.1.1",
                "text": "no such user",
                "host": "mx.sink.example",
            },
        }
        assert await here.keys(keys.NOTIFYING) == await here.keys(keys.WAITING) == []
        (tried,) = await here.log()
        assert (tried.id, tried.status, tried.event) == (told.id, 204, "bounced")

    play(story)


def test_what_it_does_not_want_to_hear_is_not_even_written_down() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url, events=["bounced", "deferred"])
        assert await here.happened(*delivered(3)) == []
        await here.happened(*delivered(2), outcome(2, State.BOUNCED), bag=1)
        await here.settle()
        assert [each.type for each in there.told] == ["delivery.bounced"]

    play(story)


def test_only_batches_with_its_tag_are_told_where_it_asks_for_one() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url, tag="spring")
        await here.content("autumn")
        await here.happened(*delivered(1))
        await here.settle()
        assert there.told == []
        await here.content("autumn", "spring")
        await here.happened(*delivered(1), bag=1)
        await here.settle()
        assert len(there.told) == 1

    play(story)


def test_several_may_come_as_an_array() -> None:
    async def story(here: Here, there: Receiver) -> None:
        webhook = await here.webhook(there.url, per_post=3)
        await here.happened(*delivered(7))
        await here.settle()
        assert sorted(len(each.json) for each in there.told) == [1, 3, 3]
        told = {each["data"]["delivery"] for post in there.told for each in post.json}
        assert told == {delivery_id(BATCH, 0, n) for n in range(7)}
        assert all(each.is_signed_with(webhook.secrets[0].value) for each in there.told)

    play(story)


def test_events_are_told_as_they_were_recorded() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url, events=["opened", "complained"])
        line = Event(
            delivery=delivery_id(BATCH, 0, 1), recipient="a@b.example", kind="opened", at=START + 1
        )
        source = keys.event(DOMAIN, START, "e1")
        unwanted = Event(delivery="", recipient="", kind="clicked", at=START)
        await here.store.put(source, feedback.encode_lines([unwanted, line, line]))
        await here.announcer.announce(DOMAIN, source, {"opened", "clicked"}, START)
        await here.settle()
        first, second = there.told
        assert first.json == {
            "type": "delivery.opened",
            "timestamp": "2027-01-15T08:00:01.000Z",
            "data": {"domain": DOMAIN, "delivery": line.delivery, "recipient": "a@b.example"},
        }
        assert first.id != second.id, "somebody opened it twice"

    play(story)


def test_mail_that_arrived_is_told_by_reference() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url, events=["received"])
        text = b"Received: x\r\nFrom: ann <ann@b.example>\r\nSubject: hi\r\n\r\nbody\r\n"
        source = keys.received(DOMAIN, batch_id(START + 5, bytes(10)))
        mail = Inbound("ann@b.example", ["help@example.org"], text)
        await here.store.put(source, inbound.encode(mail))
        await here.announcer.announce(DOMAIN, source, {"received"}, START)
        await here.settle()
        (told,) = there.told
        assert (told.type, told.json["timestamp"]) == ("mail.received", "2027-01-15T08:00:05.000Z")
        data = told.json["data"]
        assert (data["key"], data["subject"]) == (source, "hi")
        assert data["recipients"] == ["help@example.org"]

    play(story)


def test_a_repeat_says_the_same_under_the_same_id() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        for _ in range(2):
            await here.happened(*delivered(2))  # a late twin of send
            await here.settle()
        assert len(there.told) == 4
        assert len(set(there.ids)) == 2
        assert len({each.body for each in there.told}) == 2

    play(story)


def test_after_a_rotation_both_secrets_sign_for_a_while() -> None:
    async def story(here: Here, there: Receiver) -> None:
        webhook = await here.webhook(there.url)
        old = webhook.secrets[0].value
        _, new = await webhooks.rotate(here.store, DOMAIN, webhook.id, here.rules, here.now)
        await here.happened(*delivered(1))
        await here.settle()
        assert there.told[0].is_signed_with(old)
        assert there.told[0].is_signed_with(new)
        assert there.told[0].headers["webhook-signature"].split(" ")[0].startswith("v1,")
        here.now += 24 * 3600 + 1
        await here.happened(*delivered(1), attempt=1)
        await here.settle()
        assert there.told[1].is_signed_with(new)
        assert not there.told[1].is_signed_with(old)

    play(story)


def test_what_is_not_taken_is_tried_again_later_and_later_then_failed_work() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        there.answer = lambda told: 500
        await here.happened(*delivered(1))
        await here.settle()
        delays = []
        while waiting := await here.waiting():
            delays += waiting
            await here.later(waiting[0])
        for delay_s, wanted_s in zip(
            delays, (5, 300, 1800, 7200, 18000, 36000, 50400), strict=True
        ):
            assert wanted_s <= delay_s <= 1.2 * wanted_s + 1
        assert sum(delays) > 24 * 3600
        assert len(there.told) == 8
        assert len(set(there.ids)) == 1
        (failure,) = await here.failures()
        assert (failure.stage, failure.cause) == ("notify", "NotTaken")
        assert "answered 500" in failure.message

    play(story)


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 404, 408, 422, 429, 500, 502, 503])
def test_only_2xx_is_taken(status: int) -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        there.answer = lambda told: whole(status, f"Location: {there.url}/other")
        await here.happened(*delivered(1))
        await here.settle()
        assert len(there.told) == 1, "no redirect is followed"
        assert len(await here.waiting()) == 1
        there.answer = lambda told: 202
        await here.later(10)
        assert len(there.told) == 2
        assert await here.waiting() == []

    play(story)


@pytest.mark.parametrize(
    ("said", "least_s"),
    [
        ("120", 120),
        ("Fri, 15 Jan 2027 08:03:00 GMT", 180),
        ("soon", 5),
        ("-1", 5),
        ("9" * 30, 86400),
    ],
)
def test_retry_after_is_heeded(said: str, least_s: float) -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        there.answer = lambda told: whole(503, f"Retry-After: {said}")
        await here.happened(*delivered(1))
        await here.settle()
        (due,) = await here.waiting()
        assert least_s <= due <= max(least_s, 7)

    play(story)


def test_410_switches_it_off() -> None:
    async def story(here: Here, there: Receiver) -> None:
        webhook = await here.webhook(there.url)
        there.answer = lambda told: 410
        await here.happened(*delivered(1))
        await here.settle()
        record = await here.record(webhook)
        assert (record.active, record.why) == (False, "it answered 410 Gone")
        await here.happened(*delivered(1), attempt=1)
        await here.settle()
        assert len(there.told) == 1
        assert await here.keys(keys.WAITING) == await here.keys(keys.FAILED) == []

    play(story)


def test_one_message_that_is_never_taken_stops_no_other() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        poison = delivery_id(BATCH, 0, 0)
        there.answer = lambda told: 400 if told.json["data"]["delivery"] == poison else 204
        await here.happened(*delivered(20))
        await here.settle()
        assert len(set(there.ids)) == 20
        there.told.clear()
        await here.later(10)
        assert [each.json["data"]["delivery"] for each in there.told] == [poison]

    play(story)


def test_a_webhook_that_is_down_is_not_told_all_the_rest_at_once() -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        there.answer = lambda told: 503
        await here.happened(*delivered(100))
        await here.settle()
        assert len(there.told) <= 4
        assert len(await here.waiting()) == 1, "the rest stays together"
        there.answer = lambda told: 204
        await here.later(10)
        assert len({each.json["data"]["delivery"] for each in there.told}) == 100

    play(story)


def test_a_webhook_that_takes_a_few_at_a_time_gets_all_of_them() -> None:
    """Its tries are not counted as in vain: some were taken each time."""

    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        left = 0

        def few(told: Told) -> int:
            nonlocal left
            left -= 1
            return 204 if left >= 0 else 429

        there.answer = few
        await here.happened(*delivered(60))
        for _ in range(20):
            left = 5
            await here.later(10)
        taken = {each.delivery for each in await here.log() if each.taken}
        assert len(taken) == 60
        assert await here.keys(keys.FAILED) == await here.keys(keys.WAITING) == []

    play(story)


def test_one_that_fails_for_days_is_paused_and_what_it_missed_is_kept() -> None:
    async def story(here: Here, there: Receiver) -> None:
        webhook = await here.webhook(there.url)
        there.answer = lambda told: 500
        await here.happened(*delivered(1))
        await here.settle()
        assert (await here.record(webhook)).failing_since == START
        here.now += 3 * 86400
        await here.happened(*delivered(1), attempt=1)
        await here.settle()
        record = await here.record(webhook)
        assert record.paused_at == here.now
        assert record.why.endswith("at last: answered 500")
        told = len(there.told)
        await here.happened(*delivered(1), attempt=2)
        await here.settle()
        assert len(there.told) == told
        (failure,) = [each for each in await here.failures() if each.cause == "Paused"]
        assert "paused" in failure.message
        change = WebhookChange(active=True)
        await webhooks.change(here.store, DOMAIN, webhook.id, change, here.rules)
        assert not (await here.record(webhook)).paused_at

    play(story)


def test_a_failure_is_forgotten_when_it_takes_again() -> None:
    async def story(here: Here, there: Receiver) -> None:
        webhook = await here.webhook(there.url)
        there.answer = lambda told: 500
        await here.happened(*delivered(1))
        await here.settle()
        there.answer = lambda told: 204
        await here.later(10)
        assert (await here.record(webhook)).failing_since == 0

    play(story)


def test_what_a_removed_webhook_had_to_hear_is_dropped() -> None:
    async def story(here: Here, there: Receiver) -> None:
        webhook = await here.webhook(there.url)
        await here.happened(*delivered(1))
        await webhooks.remove(here.store, DOMAIN, webhook.id)
        await here.settle()
        assert there.told == []
        assert await here.keys(f"domains/{DOMAIN}/webhooks/") == []
        assert await here.happened(*delivered(1), attempt=1) == []

    play(story)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"\xff", b'{"domain":"example.org","webhook":1}']
)
def test_a_call_that_cannot_be_read_is_failed_work(body: bytes) -> None:
    async def story(here: Here, there: Receiver) -> None:
        key = keys.notifying(DOMAIN, "wh_0", "name", 0)
        await here.store.put(key, body)
        await here.settle()
        (failure,) = await here.failures()
        assert failure.cause == "Malformed"

    play(story)


@pytest.mark.parametrize("body", [b"{", b"[1]", b'{"kind":"opened"}\n\xff', b'"text"'])
def test_a_source_that_cannot_be_read_is_failed_work(body: bytes) -> None:
    async def story(here: Here, there: Receiver) -> None:
        await here.webhook(there.url)
        source = keys.event(DOMAIN, START, "torn")
        await here.store.put(source, body)
        await here.announcer.announce(DOMAIN, source, {"opened"}, START)
        await here.settle()
        (failure,) = await here.failures()
        assert failure.cause == "Malformed"
        assert there.told == []

    play(story)
