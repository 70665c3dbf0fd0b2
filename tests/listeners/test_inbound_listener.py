"""Port 25: what it takes, what it refuses at RCPT, and what is in the bucket before 250."""

import asyncio
import itertools
import smtplib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from contents import content_of
from free_ports import free_port
from smtp_desk import HOST, MESSAGE, Away, Client, story, trusting

from functions.bounce.smtp import InboundListener
from shared import config, keys
from shared.domains import Directory
from shared.ids import batch_id, is_batch_id, return_path
from shared.inbound import decode
from shared.inbound_addresses import InboundAddresses
from shared.model import encode
from shared.provision import add_domain
from shared.return_paths import ReturnPaths
from shared.stage import Wake
from shared.store.base import list_all
from shared.store.memory import MemoryStore

DOMAIN = "example.org"
NOW = 1_800_000_000.0
BATCH = batch_id(NOW, b"0123456789")
DELIVERY = f"{BATCH}.0000.0000"


class Here:
    """A listener, and the bucket behind it."""

    def __init__(self, store: Away, bounce: str, **options: str) -> None:
        given = {
            "inbound.host": HOST,
            "inbound.port": str(free_port()),
            "inbound.feedback_addresses": "complaints@fbl.example",
            "send.hostname": "mx.example",
        }
        given |= {name.replace("__", "."): value for name, value in options.items()}
        loaded = config.load(environ={}, flags=given)
        self.now = NOW
        self.store = store
        self.bounce = bounce
        self.woken: list[Wake] = []
        self.port = loaded.inbound.port
        directory = Directory(store, lambda: self.now)
        addresses = InboundAddresses(
            store,
            directory,
            ReturnPaths(store, directory),
            loaded.inbound.feedback_addresses,
        )
        entropy = itertools.count(1)
        self.listener = InboundListener(
            store,
            addresses,
            loaded,
            lambda: self.now,
            lambda: next(entropy).to_bytes(10),
            self.woken.append,
        )

    async def arrived(self) -> list[str]:
        return [entry.key async for entry in list_all(self.store, keys.INBOUND)]


@asynccontextmanager
async def listening(**options: str) -> AsyncIterator[Here]:
    """A Domain that has sent one Batch, and waits for what comes back."""
    store = Away(MemoryStore(lambda: NOW))
    await add_domain(store, DOMAIN, ["ed25519-sha256"], NOW)
    await store.put(keys.content(BATCH), encode(content_of(BATCH, DOMAIN, NOW)))
    record = await Directory(store, time.time).domain(DOMAIN)
    path = return_path(DELIVERY, DOMAIN, bytes.fromhex(record.return_path_secret))
    here = Here(store, path, **options)
    await here.listener.start()
    try:
        yield here
    finally:
        await here.listener.stop(0.1)


async def sent(client: Client, to: str, message: bytes = MESSAGE, sender: str = "<>") -> str:
    """The reply to a message."""
    assert (await client.says(f"MAIL FROM:{sender}"))[:3] == "250"
    assert (await client.says(f"RCPT TO:<{to}>"))[:3] == "250"
    assert (await client.says("DATA"))[:3] == "354"
    client.send(message + b".\r\n")
    return await client.reply()


@pytest.mark.parametrize("spelled", [str, str.upper])
def test_a_bounce_is_stored_with_its_envelope_before_250(spelled: Any) -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.greeted(here.port)
            reply = await sent(client, spelled(here.bounce))
            [key] = await here.arrived()
            assert reply == f"250 2.0.0 kept as {keys.parse_inbound(key)}"
            assert is_batch_id(keys.parse_inbound(key))
            assert [wake.key for wake in here.woken] == [key]
            inbound = decode((await here.store.get(key)).body)
            assert (inbound.sender, inbound.recipients) == ("", [spelled(here.bounce)])
            received, rest = inbound.message.split(b"\r\nFrom:")
            assert b"From:" + rest == MESSAGE
            assert received.decode().split("\r\n\t") == [
                f"Received: from client.example ([{HOST}])",
                f"by mx.example with ESMTP id {keys.parse_inbound(key)};",
                "Fri, 15 Jan 2027 08:00:00 +0000",
            ]

    story(told)


def test_ids_sort_by_time() -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.greeted(here.port)
            replies = []
            for _ in range(3):
                replies.append((await sent(client, here.bounce)).split()[-1])
                here.now += 1
            assert replies == sorted(replies)
            assert [keys.parse_inbound(key) for key in await here.arrived()] == replies

    story(told)


@pytest.mark.parametrize(
    "address",
    ["postmaster", "Postmaster@example.org", "abuse@example.org", "complaints@fbl.example"],
)
def test_it_takes_mail_for_addresses_that_are_ours(address: str) -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.greeted(here.port)
            reply = await sent(client, address, sender="<someone@else.example> BODY=8BITMIME")
            assert reply[:3] == "250"
            [key] = await here.arrived()
            inbound = decode((await here.store.get(key)).body)
            assert (inbound.sender, inbound.recipients) == ("someone@else.example", [address])

    story(told)


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("someone@example.org", "550 5.1.1"),
        (f"b-{DELIVERY}-aaaaaaaaaaaaaaaa@example.org", "550 5.1.1"),
        ("someone@elsewhere.example", "550 5.7.1"),
        ("someone%elsewhere.example@example.org", "550 5.1.1"),
        ("@example.org:someone@elsewhere.example", "550 5.7.1"),
        ("someone@[127.0.0.1]", "550 5.7.1"),
        ("someone", "550 5.7.1"),
        ("a@..", "550 5.7.1"),
        ("a@../domains", "550 5.7.1"),
    ],
)
def test_it_refuses_everything_else_at_rcpt(address: str, reply: str) -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.greeted(here.port)
            await client.says("MAIL FROM:<spam@bulk.example>")
            assert (await client.says(f"RCPT TO:<{address}>"))[:9] == reply
            assert (await client.says("DATA"))[:9] == "503 5.5.1"

    story(told)


def test_one_of_two_recipients_is_refused_and_the_other_gets_the_mail() -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.greeted(here.port)
            await client.says("MAIL FROM:<>")
            assert (await client.says("RCPT TO:<someone@elsewhere.example>"))[:3] == "550"
            assert (await sent_rest(client, here.bounce))[:3] == "250"
            [key] = await here.arrived()
            assert decode((await here.store.get(key)).body).recipients == [here.bounce]

    async def sent_rest(client: Client, to: str) -> str:
        await client.says(f"RCPT TO:<{to}>")
        await client.says("DATA")
        client.send(MESSAGE + b".\r\n")
        return await client.reply()

    story(told)


def test_who_tries_many_addresses_is_hung_up_on() -> None:
    async def told() -> None:
        async with listening(listen__max_errors="5") as here:
            client = await Client.greeted(here.port)
            await client.says("MAIL FROM:<>")
            for n in range(5):
                assert (await client.says(f"RCPT TO:<guess{n}@example.org>"))[:3] == "550"
            assert await client.rest() == b"421 4.7.0 too many errors\r\n"

    story(told)


def test_limits_on_size_and_recipients() -> None:
    async def told() -> None:
        async with listening(inbound__max_payload="2000", inbound__max_recipients="1") as here:
            client = await Client.greeted(here.port)
            assert (await client.says("MAIL FROM:<> SIZE=2001"))[:9] == "552 5.3.4"
            assert (await sent(client, here.bounce, MESSAGE + b"x\r\n" * 1000))[:9] == "552 5.3.4"
            await client.says("MAIL FROM:<>")
            await client.says(f"RCPT TO:<{here.bounce}>")
            assert (await client.says("RCPT TO:<postmaster>"))[:9] == "452 4.5.3"
            assert await here.arrived() == []

    story(told)


def test_a_silent_client_is_hung_up_on() -> None:
    async def told() -> None:
        async with listening(inbound__read_timeout="50ms") as here:
            client = await Client.greeted(here.port)
            assert await client.rest() == b"421 4.4.2 silent for too long\r\n"

    story(told)


def test_while_the_store_is_away_mail_is_put_off() -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.greeted(here.port)
            await client.says("MAIL FROM:<>")
            here.store.is_away = True
            assert (await client.says(f"RCPT TO:<{here.bounce}>"))[:9] == "451 4.3.0"
            here.store.is_away = False
            await client.says(f"RCPT TO:<{here.bounce}>")
            await client.says("DATA")
            here.store.is_away = True
            client.send(MESSAGE + b".\r\n")
            assert (await client.reply())[:9] == "451 4.3.0"
            here.store.is_away = False
            assert await here.arrived() == []
            assert (await sent(client, here.bounce))[:3] == "250"

    story(told)


@pytest.mark.parametrize("helo", ["evil) by x; (", "x\tInjected: y", "é.example", "[192.0.2.1]"])
def test_what_a_client_calls_itself_stays_where_it_belongs(helo: str) -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.of(here.port)
            await client.reply()
            if (await client.says(f"HELO {helo}"))[:3] == "500":
                return
            await sent(client, here.bounce)
            [key] = await here.arrived()
            first = decode((await here.store.get(key)).body).message.split(b"\r\n")[:2]
            shown = helo if helo == "[192.0.2.1]" else "unknown"
            assert first[0] == f"Received: from {shown} ([{HOST}])".encode()
            assert first[1].startswith(b"\tby mx.example with SMTP id ")

    story(told)


def test_odd_bytes_of_a_report_are_kept() -> None:
    async def told() -> None:
        async with listening() as here:
            client = await Client.greeted(here.port)
            odd = b"no header\xff\x00\r\n" + b"x" * 5000 + b"\r\n"
            assert (await sent(client, here.bounce, odd))[:3] == "250"
            assert (await sent(client, here.bounce, b""))[:3] == "250"
            bodies = [(await here.store.get(key)).body for key in await here.arrived()]
            assert decode(bodies[0]).message.endswith(b"\r\n" + odd)
            assert (await sent(client, here.bounce, b"a\nb\r\n"))[:9] == "554 5.6.0"

    story(told)


def test_tls_is_offered_logging_in_is_not() -> None:
    async def told() -> None:
        async with listening() as here:

            def deliver() -> tuple[bool, bool]:
                with smtplib.SMTP(HOST, here.port) as client:
                    client.starttls(context=trusting())
                    client.sendmail("", [here.bounce], MESSAGE)
                    return client.has_extn("auth"), client.has_extn("starttls")

            assert await asyncio.to_thread(deliver) == (False, False)
            client = await Client.greeted(here.port)
            assert (await client.says("AUTH PLAIN"))[:9] == "502 5.5.1"
            [key] = await here.arrived()
            assert b"with ESMTPS id" in (await here.store.get(key)).body

    story(told)
