"""A Batch goes through the whole relay over a real S3 server, as it does over SQLite.

The same stages, the same objects: only the store's URL is another one.
"""

import asyncio
import json

from seaweed import Seaweed
from station import BATCH, Here, running_station


def test_a_batch_goes_through_a_real_bucket(seaweed: Seaweed) -> None:
    recipients = [
        {
            "email": f"{'gone' if n % 10 == 0 else 'here'}{n}@d{n % 3}.example",
            "fields": {"name": "N"},
        }
        for n in range(300)
    ]

    async def run(here: Here) -> None:
        batch = await here.submit({**BATCH, "recipients": recipients, "tags": ["spring"]})
        status = await here.done(batch)
        assert status["outcomes"] == {"delivered": 270, "bounced": 30}
        assert here.sink.accepted == 270
        await here.idle()
        left = {key.split("/")[0] for key in await here.keys()}
        assert left == {"archive", "batches", "domains"}, "no work object is left"
        assert (await here.call("GET", "/v1/batches?tag=spring")).json["batches"] == [batch]

    async def story() -> None:
        refuse = "550 5.1.1 no such user"
        async with running_station(
            seaweed.url("a-real-bucket"),
            refuse=lambda recipient, _: refuse if recipient.startswith("gone") else None,
            validate__bag_size="50",
        ) as here:
            await run(here)

    asyncio.run(story())


def test_an_upload_to_the_bucket_is_a_submit(seaweed: Seaweed) -> None:
    async def story() -> None:
        async with running_station(seaweed.url("an-upload"), sweep__interval="1s") as here:
            upload = json.dumps(BATCH).encode()
            await here.store.put("inbox/example.org/first.json", upload)
            await here.station.relay.sweep(0)
            await here.idle()
            assert here.sink.accepted == 1
            assert "inbox/example.org/first.json" not in await here.keys()

    asyncio.run(story())
