"""An app cancels while a Bag is under way: what is not transmitted by then is not transmitted."""

import asyncio

from station import BATCH, run, running_station

COUNT = 60


def test_a_cancel_reaches_a_bag_under_way() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        halfway = asyncio.Event()
        seen: list[str] = []

        def watch(recipient: str, _: int) -> None:
            seen.append(recipient)
            if len(seen) == COUNT // 3:
                loop.call_soon(halfway.set)

        async with running_station(
            refuse=watch,
            send__flush_outcomes="5",
            send__max_connections_per_destination="1",
        ) as here:
            rows = [{"email": f"u{n}@a.example", "fields": {"name": "U"}} for n in range(COUNT)]
            batch = await here.submit({**BATCH, "recipients": rows})
            await halfway.wait()
            assert (await here.call("POST", f"/v1/batches/{batch}/cancel")).status == 202
            outcomes = (await here.done(batch))["outcomes"]
            assert outcomes["delivered"] == here.sink.accepted
            assert outcomes["delivered"] + outcomes["cancelled"] == COUNT
            assert outcomes["cancelled"] > 0

    run(story)
