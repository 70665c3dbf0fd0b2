"""An app's network breaks: it does not know whether its call arrived, and calls again.

With an `Idempotency-Key` it may do so at any time: at the same moment, while the mail is on its
way, and long after it was delivered. The customer gets one mail.
"""

import asyncio
from pathlib import Path

from station import BATCH, run, running_station


def test_however_often_an_app_repeats_itself_one_mail_is_sent(tmp_path: Path) -> None:
    async def story() -> None:
        async with running_station(f"sqlite:///{tmp_path}/ekiden.db") as here:

            async def call() -> str:
                return await here.submit(BATCH, idempotency_key="order-4711")

            batches = set(await asyncio.gather(*(call() for _ in range(8))))
            (batch,) = batches
            while not (await here.call("GET", f"/v1/batches/{batch}")).json["done"]:
                batches.add(await call())
            await here.idle()
            batches.add(await call())
            await here.idle()
            assert batches == {batch}
            assert here.sink.accepted == 1
            folders = {key.partition("/")[0] for key in await here.keys()}
            assert folders == {"batches", "domains"}

    run(story)
