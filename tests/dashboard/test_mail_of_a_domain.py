"""Finding Batches and Deliveries, within bounds, by the endpoints that do it."""

import asyncio
from random import Random
from typing import Any

import a_day_of_mail
import msgspec
import pytest
from contents import content_of
from dashboard_desk import NOW, Desk
from station import DOMAIN

from functions.admin.mail import counts as counting
from functions.admin.mail.counts import BatchCounts, size_of_bag
from functions.admin.mail.newest import MOST_LISTINGS, MOST_READ, Newest
from shared import feedback, keys
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.model import Content, Sender
from shared.outcome import State
from shared.stats import progress
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore

OTHER = "other.example"
DAY_S = 86_400.0


class Bucket:
    """A store in memory, and what is asked of it."""

    def __init__(self) -> None:
        self.store = CountingStore(MemoryStore(lambda: NOW))
        self.newest = Newest(self.store, lambda: NOW)
        self.counts = BatchCounts(self.store)
        self.chance = Random(1)

    async def batch(self, at: float, domain: str = DOMAIN, number: int = 1) -> str:
        return await a_day_of_mail.put_batch(self.store, domain, at, number, self.chance)

    async def every_page(self, domain: str, limit: int) -> list[list[str]]:
        pages, before = [], ""
        while True:
            found = await self.newest.page(domain, before, limit)
            pages.append([each.batch for each in found.batches])
            before = found.next
            if not before:
                return pages


def run(work: Any) -> Any:
    return asyncio.run(work)


@pytest.mark.parametrize("apart_s", [0.001, 1.0, 3600.0, 40 * DAY_S])
def test_batches_are_found_newest_first_however_far_apart(apart_s: float) -> None:
    async def story() -> None:
        bucket = Bucket()
        made = [await bucket.batch(NOW - n * apart_s - 1) for n in range(60)]
        pages = await bucket.every_page("", 25)
        assert [each for page in pages for each in page] == sorted(made, reverse=True)

    run(story())


def test_among_a_thousand_batches_of_others_ones_own_are_found() -> None:
    async def story() -> None:
        bucket = Bucket()
        own = [await bucket.batch(NOW - 10 * n - 5) for n in (0, 300, 999)]
        for n in range(1000):
            await bucket.batch(NOW - 10 * n - 1, OTHER)
        before = bucket.store.total
        pages = await bucket.every_page(DOMAIN, 25)
        assert [each for page in pages for each in page] == own
        requests = bucket.store.total - before
        assert requests <= len(pages) * (MOST_LISTINGS + MOST_READ + 25)

    run(story())


def test_a_batch_with_thousands_of_outcomes_hides_no_other() -> None:
    async def story() -> None:
        bucket = Bucket()
        older = await bucket.batch(NOW - 20)
        large = await bucket.batch(NOW - 10)
        newer = await bucket.batch(NOW - 1)
        for part in range(5000):
            await bucket.store.put(keys.outcome_part(large, part // 10, 0, part % 10 + 1), b"")
        assert (await bucket.every_page("", 10))[0] == [newer, large, older]

    run(story())


def test_contents_are_read_once() -> None:
    async def story() -> None:
        bucket = Bucket()
        for n in range(30):
            await bucket.batch(NOW - n - 1)
        await bucket.newest.page("", "", 25)
        before = bucket.store.counts["get"]
        await bucket.newest.page("", "", 25)
        assert bucket.store.counts["get"] == before

    run(story())


def test_what_is_no_content_is_passed_over() -> None:
    async def story() -> None:
        bucket = Bucket()
        good = await bucket.batch(NOW - 2)
        for body in (b"", b"{", b'{"batch": 1}', b"\xff", b"[]"):
            broken = batch_id(NOW - 1, bucket.chance.randbytes(10))
            await bucket.store.put(keys.content(broken), body)
        await bucket.store.put(keys.cancelled(batch_id(NOW - 1, bytes(10))), b"{}")
        assert await bucket.every_page("", 10) == [[good]]

    run(story())


def test_a_ready_made_message_is_listed_by_its_own_subject() -> None:
    async def story() -> None:
        bucket = Bucket()
        batch = batch_id(NOW - 1, bytes(10))
        head = "From: a@b.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n an alle\r\n"
        message = f"{head}\r\nSubject: not this one\r\n"
        content = content_of(batch, DOMAIN, NOW, sender=Sender(""), message=message)
        await bucket.store.put(keys.content(batch), msgspec.json.encode(content))
        found = await bucket.newest.page("", "", 1)
        assert found.batches[0].subject == "Grüße an alle"

    run(story())


# ---- counting ----------------------------------------------------------------------------------


async def stored_content(bucket: Bucket, batch: str) -> Content:
    return msgspec.json.decode((await bucket.store.get(keys.content(batch))).body, type=Content)


def test_a_large_batch_is_counted_piece_by_piece_and_then_exactly() -> None:
    async def story() -> None:
        bucket = Bucket()
        content = await stored_content(bucket, await bucket.batch(NOW - 9, number=3210))
        looks = [await bucket.counts.look(content, 300_000)]
        while looks[-1].uncounted:
            looks.append(await bucket.counts.look(content, 300_000))
            assert looks[-1].uncounted < looks[-2].uncounted
        assert len(looks) > 2
        for each in looks:
            assert each.uncounted + sum(each.states.values()) == 3210
        whole = await BatchCounts(bucket.store).look(content, 10**9)
        assert looks[-1].states == whole.states

    run(story())


def test_what_is_counted_is_not_read_again() -> None:
    async def story() -> None:
        bucket = Bucket()
        content = await stored_content(bucket, await bucket.batch(NOW - 9, number=3000))
        await bucket.counts.look(content, 10**9)
        before = bucket.store.counts["get"]
        await bucket.counts.look(content)
        assert bucket.store.counts["get"] == before

    run(story())


def test_what_the_statistics_have_counted_is_not_read_at_all() -> None:
    async def story() -> None:
        bucket = Bucket()
        content = await stored_content(bucket, await bucket.batch(NOW - 9, number=6000))
        whole = await BatchCounts(bucket.store).look(content, 10**9)
        known = {
            bag: progress.BagProgress("000.0000", dict(states))
            for bag, states in whole.by_bag.items()
            if bag != 3
        }
        await progress.save(bucket.store, content.batch, known)
        before = bucket.store.counts["get"]
        assert (await bucket.counts.look(content)).states == whole.states
        assert bucket.store.counts["get"] - before == 2  # the progress, and Bag 3

    run(story())


def test_a_bag_that_went_on_is_counted_again() -> None:
    async def story() -> None:
        bucket = Bucket()
        content = await stored_content(bucket, await bucket.batch(NOW - 9, number=100))
        first = await bucket.counts.look(content)
        body = (await bucket.store.get(keys.outcome_part(content.batch, 0, 0, 0))).body
        again = body.replace(b'"deferred"', b'"delivered"')
        await bucket.store.put(keys.outcome_part(content.batch, 0, 1, 0), again)
        now = await bucket.counts.look(content)
        assert first.states[State.DEFERRED] > 0
        assert now.states[State.DEFERRED] == 0
        assert now.states[State.DELIVERED] == 100 - first.states[State.BOUNCED]

    run(story())


def test_the_last_bag_may_be_smaller() -> None:
    class Batch:
        batch, accepted, bag_size = "", 1200, 500

    assert [size_of_bag(Batch(), bag) for bag in range(4)] == [500, 500, 200, 0]
    Batch.bag_size = 0
    assert size_of_bag(Batch(), 0) == 0


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "REMEMBERED_BAGS", 5)

    async def story() -> None:
        bucket = Bucket()
        for n in range(20):
            content = await stored_content(bucket, await bucket.batch(NOW - n, number=2))
            await bucket.counts.look(content)
        assert len(bucket.counts._known) == 5

    run(story())


# ---- by the endpoints --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk() -> Desk:
    """A Batch of 6000, of which Bag 9 alone has a `failed` one."""
    desk = Desk()
    batch = desk.do(a_day_of_mail.put_batch(desk.store, DOMAIN, NOW - 60, 6000, Random(3)))
    place = keys.outcome_part(batch, 9, 0, 0)
    body = desk.do(desk.store.get(place)).body
    desk.do(desk.store.put(place, body.replace(b'"deferred"', b'"failed"', 1)))
    return desk


def call(desk: Desk, path: str, domain: str = DOMAIN) -> tuple[int, Any]:
    headers = {"x_ekiden_admin_token": "an-admin-token"}
    page = desk.do(desk.fetch("GET", f"/v1/domains/{domain}/{path}", **headers))
    return page.status, msgspec.json.decode(page.response.body)


def the_batch(desk: Desk) -> str:
    return str(call(desk, "batches")[1]["batches"][0]["batch"])


def test_a_domains_batches_are_listed(desk: Desk) -> None:
    status, found = call(desk, "batches")
    assert status == 200
    assert [each["accepted"] for each in found["batches"]] == [6000]
    assert found["next"] == ""
    assert call(desk, "batches", OTHER)[1]["batches"] == []


def test_the_few_that_failed_among_thousands_are_found_at_once(desk: Desk) -> None:
    batch = the_batch(desk)
    store = CountingStore(desk.store)
    desk.do(BatchCounts(store).look(desk.do(_content(desk, batch))))
    status, found = call(desk, f"batches/{batch}/deliveries?outcome=failed")
    assert status == 200
    assert [each["delivery"][27:31] for each in found["deliveries"]] == ["0009"]


async def _content(desk: Desk, batch: str) -> Content:
    return msgspec.json.decode((await desk.store.get(keys.content(batch))).body, type=Content)


@pytest.mark.parametrize("state", ["", "bounced", "deferred", "delivered", "queued"])
def test_pages_of_deliveries_add_up_to_what_was_counted(desk: Desk, state: str) -> None:
    batch = the_batch(desk)
    counted = call(desk, f"batches/{batch}")[1]["outcomes"]
    seen: list[str] = []
    after = ""
    while True:
        query = f"?outcome={state}&after={after}&limit=700"
        page = call(desk, f"batches/{batch}/deliveries{query}")[1]
        seen += [each["delivery"] for each in page["deliveries"]]
        after = page["next"]
        if not after:
            break
    assert len(seen) == (counted.get(state, 0) if state else 6000)
    assert seen == sorted(set(seen))


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("batches?before=x", 422),
        ("batches?limit=0", 422),
        ("batches/x", 404),
        (f"batches/{'0' * 26}", 404),
        ("batches/{batch}/deliveries?outcome=lost", 422),
        ("batches/{batch}/deliveries?after=x", 422),
        ("batches/{batch}/deliveries?after=x&outcome=bounced", 422),
        ("batches/{batch}/deliveries/x", 404),
        (f"batches/{{batch}}/deliveries/{'0' * 26}.0000.0000", 404),
        ("batches/{batch}/deliveries/{batch}.0099.0000", 404),
    ],
)
def test_what_is_asked_wrong_is_said(desk: Desk, path: str, status: int) -> None:
    assert call(desk, path.replace("{batch}", the_batch(desk)))[0] == status


def test_another_domain_has_no_such_batch(desk: Desk) -> None:
    batch = the_batch(desk)
    for path in ("", "/deliveries", f"/deliveries/{batch}.0000.0000"):
        assert call(desk, f"batches/{batch}{path}", OTHER)[0] == 404


def test_a_timeline_has_outcomes_and_events_in_order(desk: Desk) -> None:
    batch = the_batch(desk)
    delivery = delivery_id(batch, 0, 0)
    at = NOW + 3 * DAY_S
    opened = Event(delivery=delivery, recipient="reader0@gmail.com", kind="opened", at=at)
    other = Event(delivery=delivery_id(batch, 0, 1), recipient="x@y.example", kind="opened", at=at)
    events = feedback.encode_lines([other, opened])
    desk.do(desk.store.put(keys.event(DOMAIN, at, "mark"), events))
    desk.now = at + 1
    _, found = call(desk, f"batches/{batch}/deliveries/{delivery}")
    desk.now = NOW
    what = [each["what"] for each in found["timeline"]]
    assert what[0] == "accepted"
    assert what[-1] == "opened"
    assert len(what) == 3
    assert found["next"] == ""


def test_many_events_are_looked_through_piece_by_piece(desk: Desk) -> None:
    batch = the_batch(desk)
    delivery = delivery_id(batch, 0, 5)
    clicked = Event(delivery=delivery, recipient="reader5@gmail.com", kind="clicked", at=NOW)
    other = Event(delivery=delivery_id(batch, 1, 1), recipient="x@y.example", kind="opened", at=NOW)
    for n in range(450):
        line = clicked if n in (0, 250, 449) else other
        place = keys.event(DOMAIN, NOW, f"{n:06d}")
        desk.do(desk.store.put(place, feedback.encode_lines([line])))
    whats: list[str] = []
    after, calls = "", 0
    while calls < 10:
        _, found = call(desk, f"batches/{batch}/deliveries/{delivery}?events_after={after}")
        whats += [each["what"] for each in found["timeline"] if each["what"] == "clicked"]
        after, calls = found["next"], calls + 1
        if not after:
            break
    assert whats == ["clicked"] * 3
    assert calls == 3
