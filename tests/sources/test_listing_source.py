"""A store that tells nobody anything: what is open is found by looking."""

import asyncio
import json

from feeding import AGAIN, DONE, KEY, HandStage, fed, run, soon, until
from station import BATCH, DOMAIN, running_station

from ekiden.sources.delivery import Delivery
from ekiden.sources.intake import Intake
from ekiden.sources.listing import ListingSource
from shared import keys
from shared.errors import StoreRefused, StoreUnavailable
from shared.events.scope import Scope
from shared.store.base import Entry
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore

SOON_S = 0.01


def work(number: int) -> list[str]:
    return [KEY.replace("0000", f"{each:04d}") for each in range(number)]


def test_a_batch_is_taken_through_all_stages_without_any_event() -> None:
    async def story() -> None:
        async with running_station(services__sweep="off", sources__listing="20ms") as here:
            await here.store.put(f"inbox/{DOMAIN}/one.json", json.dumps(BATCH).encode())
            await until(lambda: here.sink.received)
            await here.idle()
            assert await here.keys("inbox/") == []
        assert len(here.sink.received) == 1
        counts = here.station.sources.counts["listing"]
        assert counts["done"] >= 1
        assert not counts["again"]

    run(story)


def test_what_is_under_way_is_not_brought_again_however_often_it_is_seen() -> None:
    async def story() -> None:
        store = CountingStore(MemoryStore())
        await store.put(KEY, b"{}")
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, ListingSource(intake, stage.delivery, store, SOON_S)):
            await stage.begun(KEY)
            await until(lambda: store.counts["list_page"] > 4 * len(keys.WORK))
            assert stage.given == [KEY]
            assert intake.counts["received"] == 1
            stage.end(KEY, AGAIN)  # still there, so it is brought once more
            await stage.given_times(2)

    run(story)


def test_a_pass_costs_what_is_open() -> None:
    async def story() -> None:
        store = CountingStore(MemoryStore())
        intake, source = settled(store)
        await source.once()
        assert store.counts == {"list_page": len(keys.WORK)}
        for key in work(2500):
            await store.inner.put(key, b"{}")
        await source.once()
        await soon(intake.drain(30))
        assert store.counts == {"list_page": 2 * len(keys.WORK) + 2}
        assert intake.counts["done"] == 2500

    run(story)


def test_only_what_can_be_reached_is_listed() -> None:
    async def story() -> None:
        store = CountingStore(MemoryStore())
        _, source = settled(store, "send")
        await source.once()
        assert store.counts == {"list_page": 1}

    run(story)


def settled(store: CountingStore, *stages: str) -> tuple[Intake, ListingSource]:
    """Stages that are done with everything at once."""
    from shared.stage import Wake

    async def way(_: Wake) -> object:
        return DONE

    delivery = Delivery(dict.fromkeys(stages or keys.WORK.values(), way))
    intake = Intake("listing", delivery, Scope(""), 7)
    return intake, ListingSource(intake, delivery, store)


def test_no_more_is_begun_than_may_be_under_way() -> None:
    async def story() -> None:
        store = MemoryStore()
        for key in work(5):
            await store.put(key, b"{}")
        stage = HandStage()
        intake = stage.intake(max_in_flight=2)
        once = asyncio.create_task(ListingSource(intake, stage.delivery, store).once())
        for number in range(5):
            await stage.given_times(number + 1)
            assert len(stage.given) - number <= 2
            stage.end(stage.given[number])
        await soon(once)
        assert stage.given == work(5)

    run(story)


def test_a_stage_that_hangs_holds_up_no_other_one() -> None:
    async def story() -> None:
        store = MemoryStore()
        for key in work(3):
            await store.put(key, b"{}")
        stage = HandStage()
        intake = stage.intake(max_in_flight=1)
        async with fed(intake, ListingSource(intake, stage.delivery, store, SOON_S)):
            await stage.begun(KEY)
            await store.put("inbox/d/mail.json", b"{}")
            await stage.begun("inbox/d/mail.json")
            assert len(stage.given) == 2

    run(story)


class InboxRefused(MemoryStore):
    """Lists all but the inbox."""

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        if prefix == keys.INBOX:
            raise StoreRefused("AccessDenied")
        return await super().list_page(prefix, start_after, limit)


def test_a_prefix_that_cannot_be_listed_stops_no_other_and_is_told_of() -> None:
    async def story() -> None:
        store = InboxRefused()
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, ListingSource(intake, stage.delivery, store, SOON_S)):
            await until(lambda: "AccessDenied" in intake.state)
            await store.put(KEY, b"{}")
            await stage.begun(KEY)
            assert "AccessDenied" in intake.state

    run(story)


class AwayAtFirst(MemoryStore):
    """Does not answer the first listing."""

    away = True

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        if self.away:
            self.away = False
            raise StoreUnavailable("no route to host")
        return await super().list_page(prefix, start_after, limit)


def test_a_store_that_is_away_is_listed_again_later() -> None:
    async def story() -> None:
        store = AwayAtFirst()
        await store.put(KEY, b"{}")
        stage = HandStage()
        intake = stage.intake()
        async with fed(intake, ListingSource(intake, stage.delivery, store, SOON_S)):
            await until(lambda: "no route to host" in intake.state)
            await stage.begun(KEY)
            await until(lambda: intake.state == "ok")

    run(story)
