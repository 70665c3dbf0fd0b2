"""Calls go to the Internet, and nowhere else: no name and no redirect leads them inside."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from dns_server import SERVFAIL, DnsServer, Lasting, Zone
from notify_world import DOMAIN, Here, delivered, notify_world
from receiver import Receiver, receiver, whole

from shared import keys, webhooks
from shared.dns import MxResolver
from shared.errors import Malformed
from shared.http_client import Answer, ForbiddenAddress, NoAnswer, Way, connect
from shared.http_url import HttpUrl
from shared.webhooks import Rules, WebhookChange

HOST = "hooks.example.test"
CLOUD = "169.254.169.254"


async def ask(way: Way, url: HttpUrl, most_bytes: int = 1000) -> Answer:
    connection = await connect(way, url)
    try:
        return await connection.request("POST", {"X": "y"}, b"body", most_bytes)
    finally:
        connection.close()


def with_names(
    zone: Zone, play: Callable[[MxResolver, Receiver, DnsServer], Awaitable[None]]
) -> None:
    async def story() -> None:
        server = DnsServer(zone)
        resolver = MxResolver([await server.start()], timeout_s=5)
        async with receiver() as there:
            await asyncio.wait_for(play(resolver, there, server), 30)
        server.close()

    asyncio.run(story())


@pytest.mark.parametrize("address", ["127.0.0.1", CLOUD, "10.0.0.1", "0.0.0.0"])
def test_a_name_that_leads_inside_is_not_called(address: str) -> None:
    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        way = Way(resolver.addresses, lambda each: webhooks.may_call(each, Rules()))
        with pytest.raises(ForbiddenAddress, match="must not go"):
            await ask(way, HttpUrl("http", HOST, there.port, "/"))
        assert there.connections == 0

    with_names({(HOST, "A"): [address]}, play)


def test_neither_is_one_of_which_one_address_leads_inside() -> None:
    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        way = Way(resolver.addresses, lambda each: webhooks.may_call(each, Rules()))
        with pytest.raises(ForbiddenAddress, match="must not go"):
            await ask(way, HttpUrl("http", HOST, there.port, "/"))
        assert there.connections == 0

    with_names({(HOST, "A"): ["1.1.1.1", "8.8.8.8"], (HOST, "AAAA"): ["::1"]}, play)


def test_nor_one_behind_an_alias() -> None:
    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        way = Way(resolver.addresses, lambda each: webhooks.may_call(each, Rules()))
        with pytest.raises(ForbiddenAddress):
            await ask(way, HttpUrl("http", HOST, there.port, "/"))

    with_names({(HOST, "CNAME"): ["inside.test."], ("inside.test", "A"): ["127.0.0.1"]}, play)


def test_what_the_name_says_after_the_check_does_not_matter() -> None:
    """DNS rebinding: the answer changes while its first one is being checked."""
    zone: Zone = {(HOST, "A"): Lasting(0, ["127.0.0.99"])}  # where nobody listens

    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        def allows(address: str) -> bool:
            zone[HOST, "A"] = Lasting(0, ["127.0.0.1"])
            return address != "127.0.0.1"

        url = HttpUrl("http", HOST, there.port, "/")
        with pytest.raises(NoAnswer) as failure:
            await ask(Way(resolver.addresses, allows), url)
        assert not isinstance(failure.value, ForbiddenAddress), "the first answer passed"
        assert server.asked[HOST, "A"] == 1
        with pytest.raises(ForbiddenAddress):
            await ask(Way(resolver.addresses, allows), url)
        assert there.connections == 0

    with_names(zone, play)


def test_the_name_stays_in_the_host_header() -> None:
    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        answer = await ask(Way(resolver.addresses), HttpUrl("http", HOST, there.port, "/x?y"))
        assert (answer.status, there.told[0].path) == (204, "/x?y")
        assert there.told[0].headers["host"] == f"{HOST}:{there.port}"

    with_names({(HOST, "A"): ["127.0.0.1"]}, play)


def test_a_redirect_to_the_inside_is_an_answer_and_nothing_more() -> None:
    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        there.answer = lambda told: whole(307, f"Location: http://127.0.0.1:{there.port}/secret")
        answer = await ask(Way(resolver.addresses), HttpUrl("http", HOST, there.port, "/"))
        assert answer.status == 307
        assert [each.path for each in there.told] == ["/"]

    with_names({(HOST, "A"): ["127.0.0.1"]}, play)


@pytest.mark.parametrize("zone", [{}, {(HOST, "A"): SERVFAIL}, {(HOST, "TXT"): ['"x"']}])
def test_a_host_without_an_address_gives_no_answer(zone: Zone) -> None:
    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        with pytest.raises(NoAnswer, match=HOST):
            await ask(Way(resolver.addresses), HttpUrl("http", HOST, there.port, "/"))

    with_names(zone, play)


@pytest.mark.parametrize(
    "said",
    [
        *(b"", b"\r\n", b"SSH-2.0-x\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"\x00\xff" * 99),
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
        b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100 + b"HTTP/1.1 204 Well\r\n\r\n",
    ],
)
def test_what_is_no_http_is_no_answer(said: bytes) -> None:
    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            writer.close()

        other = await asyncio.start_server(once, "127.0.0.1", 0)
        url = HttpUrl("http", HOST, other.sockets[0].getsockname()[1], "/")
        with pytest.raises(NoAnswer):
            await ask(Way(resolver.addresses), url)
        other.close()

    with_names({(HOST, "A"): ["127.0.0.1"]}, play)


def test_of_an_endless_answer_little_is_read() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"a" * 10_000)
                await writer.drain()
        except OSError:
            writer.close()

    async def play(resolver: MxResolver, there: Receiver, server: DnsServer) -> None:
        other = await asyncio.start_server(endless, "127.0.0.1", 0)
        port = other.sockets[0].getsockname()[1]
        answer = await ask(Way(resolver.addresses), HttpUrl("http", HOST, port, "/"), 5000)
        assert (answer.status, len(answer.body), answer.is_whole) == (200, 5000, False)
        other.close()

    with_names({(HOST, "A"): ["127.0.0.1"]}, play)


# What a person may write down as a Webhook.


@pytest.mark.parametrize(
    "url",
    [
        *("http://hooks.example/", "https://127.0.0.1/", "https://[::1]/", f"https://{CLOUD}/"),
        *("https://[::ffff:10.0.0.1]/", "https://10.1.2.3:8443/x", "https://0.0.0.0/"),
        *(
            "https://[fd00:ec2::254]/latest",
            "https://user:pw@hooks.example/",
            "gopher://x.example/",
        ),
    ],
)
def test_a_webhook_that_would_be_forbidden_is_refused(url: str) -> None:
    with pytest.raises(Malformed):
        webhooks.check_url(url, Rules())


def test_a_private_network_may_be_allowed() -> None:
    rules = Rules(networks=("10.0.0.0/8",))
    webhooks.check_url("https://10.1.2.3/", rules)
    with pytest.raises(Malformed):
        webhooks.check_url("https://192.168.0.1/", rules)


def test_a_name_that_leads_inside_is_tried_again_and_never_called() -> None:
    """Names change: at the time of writing nobody can say."""

    async def story() -> None:
        server = DnsServer({(HOST, "A"): ["127.0.0.1"]})
        options = {"send__nameservers": await server.start(), "webhooks__allow_private": "off"}
        async with receiver() as there, notify_world(**options) as here:
            await here.webhook(f"http://{HOST}:{there.port}/")
            await here.happened(*delivered(3))
            await here.settle()
            await told_nothing(here, there)
        server.close()

    async def told_nothing(here: Here, there: Receiver) -> None:
        assert there.connections == 0
        assert len(await here.waiting()) == 1
        assert all("must not go" in each.error for each in await here.log())

    asyncio.run(story())


def test_a_url_that_was_changed_by_hand_is_checked_all_the_same() -> None:
    async def story() -> None:
        async with receiver() as there, notify_world() as here:
            webhook = await here.webhook(there.url)
            key = keys.webhook(DOMAIN, webhook.id)
            body = (await here.store.get(key)).body.replace(
                there.url.encode(), b"file:///etc/passwd"
            )
            await here.store.put(key, body)
            await here.happened(*delivered(1))
            await here.settle()
            (tried,) = await here.log()
            assert "no URL that can be called" in tried.error

    asyncio.run(story())


def test_a_change_is_checked_like_a_new_one() -> None:
    async def story() -> None:
        async with receiver() as there, notify_world() as here:
            webhook = await here.webhook(there.url)
            for wanted in (
                WebhookChange(url="https://127.0.0.1/"),
                WebhookChange(events=[]),
                WebhookChange(events=["queued"]),
                WebhookChange(per_post=0),
                WebhookChange(per_post=501),
                WebhookChange(tag="x" * 101),
            ):
                with pytest.raises(Malformed):
                    await webhooks.change(here.store, DOMAIN, webhook.id, wanted, Rules())

    asyncio.run(story())
