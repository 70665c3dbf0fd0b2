"""A part of the store that cannot be listed, or work that cannot be moved, stops no other."""

import asyncio
from collections.abc import Collection

import pytest

from ekiden.relay import AtOnce, Relay
from functions.sweep.face import TimerFace
from functions.sweep.sweeping import Sweeping, Swept
from functions.sweep.waking import Waking
from shared import keys
from shared.errors import StoreRefused
from shared.http import Request
from shared.stage import Stage, Wake
from shared.store.base import Entry
from shared.store.memory import MemoryStore

BATCH = "01hf7yat00abcdefghjkmnpqrs"
OLD, NOW = 1_800_000_000.0, 1_800_000_100.0
UPLOAD = keys.inbox("example.org", "mail.json")
BAG = keys.dispatched(BATCH, 0, 0)
EVERYTHING = [*keys.WORK, keys.WAITING, keys.LEASES, keys.REDRIVES]


class Refusing(MemoryStore):
    """Refuses to list some prefixes, and to have anything put below others."""

    def __init__(self, unlisted: Collection[str] = (), unwritten: str = "-") -> None:
        self.now = OLD
        super().__init__(lambda: self.now)
        self._unlisted = unlisted
        self._unwritten = unwritten

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        if prefix in self._unlisted:
            raise StoreRefused(f"AccessDenied: {prefix}")
        return await super().list_page(prefix, start_after, limit)

    async def put(self, key: str, body: bytes) -> str:
        if key.startswith(self._unwritten):
            raise StoreRefused(f"KeyTooLong: {key}")
        return await super().put(key, body)

    async def create(self, key: str, body: bytes) -> str:
        if key.startswith(self._unwritten):
            raise StoreRefused(f"KeyTooLong: {key}")
        return await super().create(key, body)


def sweeping(store: Refusing) -> Sweeping:
    return Sweeping(store, lambda: store.now, Waking(store, {}), 30.0, 5)


async def swept(store: Refusing) -> Swept:
    for key in (UPLOAD, BAG, keys.waiting(OLD, keys.submitted(BATCH))):
        await MemoryStore.put(store, key, b"work")
    store.now = NOW
    return await sweeping(store).sweep()


@pytest.mark.parametrize("unlisted", [keys.INBOX, keys.SUBMITTED, keys.LEASES, keys.REDRIVES])
def test_a_prefix_that_cannot_be_listed_stops_no_other(
    unlisted: str, caplog: pytest.LogCaptureFixture
) -> None:
    done = asyncio.run(swept(Refusing([unlisted])))
    assert (done.released, done.woken["send"], done.refused) == (1, 1, 1)
    assert done.woken["submit"] == (unlisted != keys.INBOX)
    assert f"{unlisted}: passed over by this sweep: AccessDenied" in caplog.text


def test_waiting_work_that_cannot_be_listed_stops_no_forgotten_work() -> None:
    done = asyncio.run(swept(Refusing([keys.WAITING])))
    assert (done.released, dict(done.woken)) == (0, {"submit": 1, "send": 1})


@pytest.mark.parametrize(
    ("unlisted", "status"), [([], 204), ([keys.INBOX], 204), (EVERYTHING, 500)]
)
def test_the_timer_is_told_only_when_nothing_could_be_done(
    unlisted: list[str], status: int
) -> None:
    store = Refusing(unlisted)
    face = TimerFace(sweeping(store), store)
    assert asyncio.run(face.handle(Request("POST", "/"))).status == status


def test_waiting_work_that_can_neither_be_released_nor_failed_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> Swept:
        store = Refusing(unwritten=keys.FAILED)
        await store.put(f"{keys.WAITING}0", b"it says no time")
        return await swept(store)

    assert asyncio.run(story()).released == 1
    assert f"{keys.WAITING}0 cannot be released" in caplog.text


def test_work_that_cannot_be_counted_stops_no_other() -> None:
    done = asyncio.run(swept(Refusing(unwritten=keys.redrives(keys.INBOX))))
    assert (dict(done.woken), done.refused) == ({"send": 1}, 1)


class Local:
    """A relay of which every stage writes down what it is given."""

    def __init__(self, store: Refusing) -> None:
        self.given: set[str] = set()
        stages = [Stage(name, self._work) for name in keys.WORK.values()]
        at_once = {stage.name: AtOnce(1, 1) for stage in stages}
        self.relay = Relay(store, lambda: NOW, stages, at_once)

    async def _work(self, key: str, body: bytes) -> list[Wake]:
        self.given.add(key)
        return []

    async def sweep(self) -> None:
        self.relay.start()
        await self.relay.sweep(30.0)
        await self.relay.idle()
        await self.relay.stop()


def test_in_one_process_too_the_others_are_woken_and_the_sweep_counts_as_failed() -> None:
    async def story() -> None:
        store = Refusing([keys.INBOX])
        for key in (UPLOAD, BAG, keys.waiting(OLD, keys.submitted(BATCH))):
            await store.put(key, b"work")
        here = Local(store)
        await here.sweep()
        assert here.given == {BAG, keys.submitted(BATCH)}
        assert (here.relay.sweeps.failed, here.relay.sweeps.done) == (1, 0)

    asyncio.run(story())


def test_in_one_process_a_store_that_lists_nothing_is_an_error() -> None:
    async def story() -> None:
        here = Local(Refusing(EVERYTHING))
        with pytest.raises(StoreRefused):
            await here.relay.sweep(30.0)
        assert here.relay.sweeps.failed == 1

    asyncio.run(story())
