"""An app wants to know what became of its mail, without asking again and again (feature R4)."""

from typing import Any

import pytest
from station import BATCH, Here, run, running_station


async def one_and_its_etag(here: Here, path: str) -> tuple[Any, str]:
    answer = await here.call("GET", path)
    return answer.json, answer.headers["etag"]


def test_waiting_without_an_etag_is_waiting_for_the_end() -> None:
    async def story() -> None:
        async with running_station() as here:
            batch = await here.submit(BATCH)
            answer = await here.call("GET", f"/v1/batches/{batch}", prefer="wait=20")
            assert (answer.json["done"], answer.json["state"]) == (True, "done")
            assert answer.headers["preference-applied"] == "wait=20"

    run(story)


@pytest.mark.parametrize("path", ["/v1/batches/{}", "/v1/deliveries/{}.0000.0000"])
def test_an_etag_tells_what_is_news(path: str) -> None:
    async def story() -> None:
        async with running_station() as here:
            batch = await here.submit(BATCH)
            await here.done(batch)
            await here.idle()
            seen, etag = await one_and_its_etag(here, path.format(batch))
            known = await here.call("GET", path.format(batch), if_none_match=etag)
            assert (known.status, known.json, known.headers["etag"]) == (304, b"", etag)
            news = await here.call("GET", path.format(batch), if_none_match='"an older one"')
            assert (news.status, news.json, news.headers["etag"]) == (200, seen, etag)

    run(story)


def test_news_end_the_wait_of_who_knows_the_state_before() -> None:
    async def story() -> None:
        async with running_station() as here:
            batch = await here.submit(BATCH)
            path = f"/v1/batches/{batch}"
            seen, etag = await one_and_its_etag(here, path)
            steps = [seen["outcomes"]]
            while not seen["done"]:
                answer = await here.call("GET", path, prefer="wait=20", if_none_match=etag)
                assert answer.status == 200, "the wait ended without news"
                assert answer.headers["etag"] != etag
                seen, etag = answer.json, answer.headers["etag"]
                steps.append(seen["outcomes"])
            assert steps[0] == {"queued": 1}
            assert steps[-1] == {"delivered": 1}

    run(story)


def test_a_deferred_delivery_is_news_but_not_the_end() -> None:
    async def story() -> None:
        async with running_station(refuse=lambda _to, _tries: "450 4.2.0 later") as here:
            batch = await here.submit(BATCH)
            await here.idle()
            delivery = f"/v1/deliveries/{batch}.0000.0000"
            seen, _ = await one_and_its_etag(here, delivery)
            assert (seen["state"], [each["code"] for each in seen["outcomes"]]) == (
                "deferred",
                [450],
            )
            answer = await here.call("GET", delivery, prefer="wait=0")
            assert (answer.status, answer.json["state"]) == (200, "deferred")

    run(story)


@pytest.mark.parametrize("prefer", ["", "wait=", "wait=x", "wait=-1", "respond-async", "wait=0"])
def test_who_asks_for_no_wait_is_answered_at_once(prefer: str) -> None:
    async def story() -> None:
        async with running_station(services__validate="no") as here:
            batch = await here.submit(BATCH)
            answer = await here.call("GET", f"/v1/batches/{batch}", prefer=prefer)
            assert (answer.status, answer.json["state"]) == (200, "accepted")

    run(story)
