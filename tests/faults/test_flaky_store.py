"""A store that fails by chance, half of the time after it did the work: all is done in the end."""

import asyncio
from contextlib import suppress
from random import Random

import msgspec
import pytest
from endings import MESSAGE, SEVEN, Ending, refuse, see_ending
from lives import Process, process, run, seeded_random, world
from station import DOMAIN

from ekiden import relay
from functions.send import lease, recorder
from shared import keys
from shared.errors import Temporary
from shared.store.base import Store
from shared.store.wrap import FlakyStore

UPLOADS = {
    f"inbox/{DOMAIN}/seven.json": msgspec.json.encode(SEVEN),
    f"inbox/{DOMAIN}/fay.eml": MESSAGE,
}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(relay, "LONGEST_PAUSE_S", 0.01)
    monkeypatch.setattr(relay, "LONGEST_BUSY_PAUSE_S", 0.01)
    monkeypatch.setattr(recorder, "PAUSE_S", 0.001)
    monkeypatch.setattr(lease, "SKEW_S", 0.0)


async def settle(alive: Process) -> None:
    """As `serve` does: sweep again, after a sweep that failed too, as long as there is work."""
    while await alive.world.keys(*keys.WORK):
        with suppress(Temporary):
            await alive.settle()


async def ending(rng: Random, rate: float) -> Ending:
    def flaky(store: Store) -> Store:
        return FlakyStore(store, rng, rate)

    async with world(refuse) as here:
        await here.put(UPLOADS)
        loop = asyncio.get_running_loop()

        def tick() -> None:
            here.now += 0.1
            ticking.append(loop.call_later(0.005, tick))

        # Time passes quickly: a lease whose taking was not answered has to end.
        ticking = [loop.call_later(0.005, tick)]
        async with process(here, between=flaky, lease_s=0.3) as alive:
            await settle(alive)
        ticking[-1].cancel()
        async with process(here) as second:
            here.at(1000)
            await second.settle()
        return await see_ending(here)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("run_number", range(5))
def test_everything_arrives_once_and_is_recorded_once(rate: float, run_number: int) -> None:
    assert run(ending(seeded_random(), rate)) == run(ending(Random(0), 0.0))
