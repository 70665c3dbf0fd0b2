"""What counting costs: requests for what is new, and a handful where there is nothing new."""

import asyncio
from random import Random

import msgspec
import pytest
from mail_history import BAG_SIZE, DAY_S, DOMAINS, HOUR_S, START, content_of, history, recount

from shared import feedback, keys
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.stats.compact import Compaction, load_index
from shared.stats.counts import ALL
from shared.stats.publish import decode
from shared.stats.query import Question, answer
from shared.stats.ranges import asked
from shared.store.base import Entry, Store
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore, Wrapper

INTERVAL_S = 60.0
BATCHES = 1000


class Counting:
    """A compaction whose requests are counted, and the time."""

    def __init__(self) -> None:
        self.now = START
        self.plain = MemoryStore(lambda: self.now)
        self.store = CountingStore(self.plain)
        self._compaction = Compaction(self.store, lambda: self.now, INTERVAL_S)

    async def round(self, later_s: float = INTERVAL_S) -> int:
        """Count; return how many requests that took."""
        self.now += later_s
        before = self.store.total
        await self._compaction.round()
        return self.store.total - before


class Listings(Wrapper):
    """Remembers what was listed."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self.of: list[str] = []

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        self.of.append(prefix)
        return await self.inner.list_page(prefix, start_after, limit)


async def single_mails(store: Store, number: int, at: float, state: State) -> list[str]:
    """Batches of one, sent within a minute."""
    rng = Random(at)
    names = [batch_id(at + n * 60 / number, rng.randbytes(10)) for n in range(number)]
    for name in names:
        await store.put(keys.content(name), msgspec.json.encode(content_of(name, 1, at)))
        line = Outcome(
            delivery=delivery_id(name, 0, 0),
            recipient="a@b.example",
            outcome=state,
            at=at,
            retry_at=at + HOUR_S if state is State.DEFERRED else 0,
        )
        await store.put(keys.outcome_part(name, 0, 0, 0), encode_lines([line]))
    return names


def test_a_thousand_single_mails_take_little_more_than_reading_them() -> None:
    async def story() -> None:
        here = Counting()
        await here.round()
        await single_mails(here.plain, BATCHES, here.now, State.DELIVERED)
        requests = await here.round() + await here.round() + await here.round()
        assert requests <= 2 * BATCHES + 60  # content and Outcomes of each

    asyncio.run(story())


def test_where_nothing_is_new_a_round_takes_a_handful() -> None:
    async def story() -> None:
        here = Counting()
        await single_mails(here.plain, BATCHES, here.now, State.DELIVERED)
        await here.round(2 * DAY_S)
        await here.round(2 * DAY_S)
        later = [await here.round() for _ in range(60)]
        assert max(later) <= 8, later
        assert sum(later) / len(later) <= 6

    asyncio.run(story())


def test_a_sweep_that_comes_too_early_takes_one_request() -> None:
    async def story() -> None:
        here = Counting()
        await here.round()
        assert await here.round(later_s=5) == 1

    asyncio.run(story())


def test_what_waits_for_its_next_attempt_costs_nothing_until_then() -> None:
    async def story() -> None:
        here = Counting()
        await single_mails(here.plain, BATCHES, here.now, State.DEFERRED)
        await here.round()
        await here.round()
        await here.round(660)  # the passes over the last minutes have been here
        waiting = [await here.round() for _ in range(30)]
        assert max(waiting) <= 10, waiting

    asyncio.run(story())


def test_what_is_stuck_is_looked_at_less_and_less() -> None:
    async def story() -> None:
        here = Counting()
        name = batch_id(here.now, bytes(10))
        await here.plain.put(keys.content(name), msgspec.json.encode(content_of(name, 1, here.now)))
        listed = Listings(here.plain)
        compaction = Compaction(listed, lambda: here.now, INTERVAL_S)
        for _ in range(2 * 24 * 60):
            here.now += INTERVAL_S
            await compaction.round()
        assert 20 < listed.of.count(keys.outcomes(name)) < 50

    asyncio.run(story())


def test_a_domain_without_events_is_asked_every_quarter_of_an_hour() -> None:
    async def story() -> None:
        here = Counting()
        await single_mails(here.plain, 1, here.now, State.DELIVERED)
        for _ in range(60):
            await here.round()
        before = here.store.counts["list_page"]
        for _ in range(60):
            await here.round()
        of_all = 2 * 60  # submitted/ and batches/
        assert here.store.counts["list_page"] - before - of_all <= 60 / 15 + 2 + 10

    asyncio.run(story())


def test_an_event_of_a_quiet_domain_is_found_within_a_quarter_of_an_hour() -> None:
    async def story() -> None:
        here = Counting()
        (name,) = await single_mails(here.plain, 1, here.now, State.DELIVERED)
        for _ in range(60):
            await here.round()
        event = Event(
            delivery=delivery_id(name, 0, 0), recipient="", kind=feedback.OPENED, at=here.now
        )
        key = keys.event(DOMAINS[0], here.now, batch_id(here.now, bytes(10)))
        await here.plain.put(key, feedback.encode_lines([event]))
        for _ in range(17):
            await here.round()
        place = keys.stats_of_day(DOMAINS[0], keys.day(event.at), "counts")
        sources = decode((await here.plain.get(place)).body).sources.values()
        found = [rows[ALL].opened for each in sources for rows in each.hours.values()]
        assert sum(found) == 1

    asyncio.run(story())


def test_large_batches_take_a_request_for_each_part() -> None:
    async def story() -> None:
        here = Counting()
        bags, name = 200, batch_id(here.now, bytes(10))
        content = content_of(name, bags * BAG_SIZE, here.now)
        await here.plain.put(keys.content(name), msgspec.json.encode(content))
        for bag in range(bags):
            lines = [
                Outcome(
                    delivery=delivery_id(name, bag, n),
                    recipient="a@b.example",
                    outcome=State.DELIVERED,
                    at=here.now,
                )
                for n in range(BAG_SIZE)
            ]
            await here.plain.put(keys.outcome_part(name, bag, 0, 0), encode_lines(lines))
        assert await here.round() <= bags + 20

    asyncio.run(story())


# ---- what an answer says about itself ----------------------------------------------------------


@pytest.mark.parametrize("seed", range(2))
def test_what_is_said_to_be_complete_is(seed: int) -> None:
    """At every moment, of a relay that runs as it should."""

    async def story() -> None:
        here = Counting()
        mail = history(Random(seed), batches=40, calm=True, span_s=5 * HOUR_S)
        checked = 0
        while here.now < START + 12 * HOUR_S:
            await mail.put_until(here.plain, here.now + INTERVAL_S)
            await here.round()
            index, _ = await load_index(here.plain)
            until = index.complete_for(DOMAINS[0])
            assert until <= here.now
            hour = keys.day(until) + f"T{int(until % DAY_S // HOUR_S):02d}"
            checked += await assert_complete(here.plain, hour)
        assert checked > 100

    asyncio.run(story())


async def assert_complete(store: Store, before: str) -> int:
    """All hours before this one are as a recount has them; how many numbers that were."""
    expected = {
        (hour, row, kind): number
        for (domain, hour, row, kind), number in (await recount(store)).items()
        if domain == DOMAINS[0] and hour < before and not row and not kind.endswith("_first")
    }
    if not expected:
        return 0
    span = asked("2027-01-15", "2027-01-20", "hour", 0)
    (line,) = (await answer(store, DOMAINS[0], Question(span))).lines
    found = {
        (point.at[:13], "", kind): number
        for point in line.points
        for kind in point.counts.__struct_fields__
        if (number := getattr(point.counts, kind))
        and point.at[:13] < before
        and not kind.endswith("_first")
    }
    assert found == expected
    return len(expected)
