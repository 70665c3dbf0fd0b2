"""A lease whose Bag is gone: its holder died between the two deletes that end a Bag."""

import msgspec
from lives import START, World, dispatched_bag, process, run, world

from functions.send.lease import Held
from shared import keys

BATCH_ID = "01mcc5rm00000000000000000z"


async def put_lease(here: World, key: str) -> None:
    await here.put({key: msgspec.json.encode(Held("the dead", START + 60))})


def test_the_sweep_deletes_an_old_lease_without_a_bag() -> None:
    async def story() -> None:
        async with world() as here, process(here) as alive:
            await put_lease(here, keys.lease(BATCH_ID, 0, 0))
            here.at(100)
            await alive.relay.sweep(30)
            assert await here.keys(keys.LEASES) == []

    run(story())


def test_the_sweep_leaves_a_fresh_lease_alone() -> None:
    async def story() -> None:
        async with world() as here, process(here) as alive:
            await put_lease(here, keys.lease(BATCH_ID, 0, 0))
            here.at(10)
            await alive.relay.sweep(30)
            assert len(await here.keys(keys.LEASES)) == 1

    run(story())


def test_the_sweep_leaves_the_lease_on_a_bag_alone_and_a_key_that_is_not_ours() -> None:
    async def story() -> None:
        async with world() as here:
            bag = await dispatched_bag(here)
            leases = [keys.lease(*keys.parse_dispatched(bag.key)), f"{keys.LEASES}by-hand"]
            async with process(here) as alive:
                for key in leases:
                    await put_lease(here, key)
                here.at(1)
                await alive.relay.sweep(0)
                assert await here.keys(keys.LEASES) == leases

    run(story())
