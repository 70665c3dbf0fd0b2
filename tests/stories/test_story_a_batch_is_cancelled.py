"""Somebody schedules a mail for tomorrow, and thinks better of it.

Tomorrow's mail waits in Bags. Taken back, every Delivery says so now and not tomorrow, and the
sink has seen nothing. What is done cannot be taken back.
"""

from datetime import UTC, datetime, timedelta

from station import BATCH, Here, run, running_station

THREE = [{"email": f"r{n}@sink.example", "fields": {"name": "x"}} for n in range(3)]


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()


async def scheduled(here: Here) -> str:
    batch = await here.submit({**BATCH, "recipients": THREE, "scheduled_time": tomorrow()})
    await here.idle()
    return batch


def test_a_scheduled_batch_is_taken_back_before_anything_is_sent() -> None:
    async def story() -> None:
        async with running_station(validate__bag_size="2") as here:
            batch = await scheduled(here)
            assert len(await here.keys("waiting/")) == 2
            assert {each["state"] for each in await here.deliveries(batch)} == {"queued"}

            answer = await here.call("POST", f"/v1/batches/{batch}/cancel")
            assert (answer.status, answer.json["state"]) == (202, "cancelled")
            seen = await here.done(batch)
            assert seen["outcomes"] == {"cancelled": 3}
            assert {each["last"]["reason"] for each in await here.deliveries(batch)} == {
                "cancelled"
            }
            await here.idle()
            assert (here.sink.accepted, here.sink.connections) == (0, 0)
            assert {key.partition("/")[0] for key in await here.keys()} == {
                "archive",
                "batches",
                "domains",
            }

    run(story)


def test_taking_a_batch_back_twice_is_taking_it_back() -> None:
    async def story() -> None:
        async with running_station() as here:
            batch = await scheduled(here)
            first = await here.call("POST", f"/v1/batches/{batch}/cancel")
            second = await here.call("POST", f"/v1/batches/{batch}/cancel")
            assert first.status == 202
            assert second.status in (202, 409)  # by then everything may be cancelled
            assert (await here.done(batch))["outcomes"] == {"cancelled": 3}

    run(story)


def test_a_batch_that_is_done_cannot_be_taken_back() -> None:
    async def story() -> None:
        async with running_station() as here:
            batch = await here.submit(BATCH)
            before = await here.done(batch)
            await here.idle()
            answer = await here.call("POST", f"/v1/batches/{batch}/cancel")
            assert (answer.status, answer.problem) == (409, "already_done")
            assert await here.done(batch) == before
            assert f"batches/{batch}/cancelled.json" not in await here.keys()

    run(story)


def test_an_unknown_batch_cannot_be_taken_back() -> None:
    async def story() -> None:
        async with running_station() as here:
            answer = await here.call("POST", f"/v1/batches/{'0' * 26}/cancel")
            assert (answer.status, answer.problem) == (404, "unknown_batch")
            assert await here.keys("batches/") == []

    run(story)
