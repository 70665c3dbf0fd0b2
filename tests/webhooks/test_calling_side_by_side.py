"""How a Webhook is called: connections that stay, time that is bounded, TLS, and nobody waits for
another."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from notify_world import delivered, notify_world
from own_authority import Authority
from receiver import Told, receiver, whole

from functions.notify.endpoint import MOST_OF_DOMAIN, Endpoint, Endpoints, Manners, NotNow
from shared import keys
from shared.http_client import NoAnswer, Way
from shared.http_url import HttpUrl, parse


async def here_it_is(host: str) -> list[str]:
    return ["127.0.0.1"]


def endpoint(timeout_s: float = 10, connections: int = 4, **way: object) -> Endpoint:
    manners = Manners(Way(here_it_is, **way), timeout_s, connections)  # type: ignore[arg-type]
    return Endpoint(manners, asyncio.get_running_loop().time)


def test_a_connection_is_used_again() -> None:
    async def story() -> None:
        async with receiver() as there:
            end = endpoint()
            for _ in range(5):
                answer = await end.post(parse(there.url), {}, b"{}")
                assert answer.status == 204
            assert there.connections == 1
            end.close()

    asyncio.run(story())


def test_one_that_was_closed_meanwhile_is_opened_again() -> None:
    async def story() -> None:
        async with receiver() as there:
            end = endpoint()
            there.answer = lambda told: 204 if len(there.told) != 2 else b""
            await end.post(parse(there.url), {"webhook-id": "1"}, b"{}")
            await end.post(parse(there.url), {"webhook-id": "2"}, b"{}")
            assert (there.connections, there.ids) == (2, ["1", "2", "2"])
            end.close()

    asyncio.run(story())


def test_one_that_the_server_wants_closed_is_not_used_again() -> None:
    async def story() -> None:
        async with receiver() as there:
            end = endpoint()
            there.answer = lambda told: whole(200, "Connection: close")
            for _ in range(2):
                await end.post(parse(there.url), {}, b"{}")
            assert there.connections == 2
            end.close()

    asyncio.run(story())


def test_a_server_that_never_answers_costs_a_bounded_time() -> None:
    async def story() -> None:
        async with receiver() as there:

            async def never(told: Told) -> int:
                await asyncio.Event().wait()
                return 204

            there.answer = never
            with pytest.raises(NoAnswer, match=r"nothing within 0\.2 s"):
                await endpoint(timeout_s=0.2).post(parse(there.url), {}, b"{}")

    asyncio.run(story())


def test_no_more_connections_than_allowed_are_open_to_one() -> None:
    async def story() -> None:
        async with receiver() as there:
            under_way, most = 0, 0

            async def slowly(told: Told) -> int:
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                await asyncio.sleep(0)
                under_way -= 1
                return 204

            there.answer = slowly
            end = endpoint(connections=2)
            posts = [end.post(parse(there.url), {}, b"{}") for _ in range(20)]
            await asyncio.gather(*posts)
            assert most <= 2
            assert there.connections == 2
            end.close()

    asyncio.run(story())


def test_one_that_is_left_alone_is_not_called() -> None:
    async def story() -> None:
        async with receiver() as there:
            end = endpoint()
            end.leave_alone()
            assert not end.is_free
            with pytest.raises(NotNow):
                await end.post(parse(there.url), {}, b"{}")
            assert there.connections == 0

    asyncio.run(story())


def test_tls_proves_the_name_though_the_address_is_what_is_called() -> None:
    authority = Authority()

    async def story() -> None:
        context = authority.server("hooks.example.test")
        async with receiver(context=context) as there:
            good = HttpUrl("https", "hooks.example.test", there.port, "/")
            end = endpoint(context=authority.trusted)
            assert (await end.post(good, {}, b"{}")).status == 204
            end.close()
            other = HttpUrl("https", "other.example.test", there.port, "/")
            with pytest.raises(NoAnswer, match="certificate"):
                await endpoint(context=authority.trusted).post(other, {}, b"{}")
            with pytest.raises(NoAnswer, match="certificate"):
                await endpoint(context=Authority().trusted).post(good, {}, b"{}")
            assert len(there.told) == 1

    asyncio.run(story())


def test_one_that_never_answers_does_not_delay_another() -> None:
    """The slow one's calls are all under way, and wait; the other one hears everything."""

    async def story() -> None:
        async with receiver() as slow, receiver() as quick, notify_world() as here:
            let_go = asyncio.Event()

            async def hang(told: Told) -> int:
                await let_go.wait()
                return 204

            slow.answer = hang
            await here.webhook(slow.url)
            await here.webhook(quick.url)
            for bag in range(30):
                await here.happened(*delivered(2), bag=bag)
            runs = [asyncio.create_task(here.do(key)) for key in await here.work()]
            await quick.heard(60)
            await slow.heard(4)
            assert slow.connections == 4
            let_go.set()
            await asyncio.gather(*runs)
            assert len(slow.told) == len(quick.told) == 60
            assert await here.keys(keys.NOTIFYING) == []

    asyncio.run(story())


def test_a_domain_whose_webhooks_all_hang_leaves_room_for_the_others() -> None:
    async def story() -> None:
        endpoints = Endpoints(Manners(Way(here_it_is)), asyncio.get_running_loop().time)
        async with AsyncExitStack() as under_way:
            for number in range(MOST_OF_DOMAIN):
                call = endpoints.call("a.example", f"wh_{number % 20}")
                assert await under_way.enter_async_context(call) is not None
            async with endpoints.call("a.example", "wh_0") as one_more:
                assert one_more is None
            async with endpoints.call("b.example", "wh_99") as other:
                assert other is not None
        async with endpoints.call("a.example", "wh_0") as later:
            assert later is not None

    asyncio.run(story())


def test_a_dead_one_is_tried_by_few_and_the_rest_waits_in_the_bucket() -> None:
    async def story() -> None:
        async with receiver() as there, notify_world() as here:
            there.answer = lambda told: 503
            await here.webhook(there.url)
            for bag in range(50):
                await here.happened(*delivered(1), bag=bag)
            await asyncio.gather(*(here.do(key) for key in await here.work()))
            assert len(there.told) <= 4
            assert len(await here.waiting()) == 50
            assert await here.keys(keys.FAILED) == []
            there.answer = lambda told: 204
            for _ in range(3):
                await here.later(30)
            assert await here.waiting() == []
            assert len([each for each in await here.log() if each.taken]) == 50

    asyncio.run(story())
