"""What both listeners do, over real sockets: order, limits, smuggling, TLS, balancers, the end."""

import asyncio
import contextlib
import re
import struct

import pytest
from smtp_desk import HOST, LIMITS, MESSAGE, Client, Keeping, listening, story, trusting

from shared.config_listeners import Listen
from shared.smtp_server.proxy_header import SIGNATURE

ENHANCED = re.compile(r"[245]\d\d [245]\.\d{1,3}\.\d{1,3} .+")
MAIL = b"MAIL FROM:<news@example.org>\r\n"
RCPT = b"RCPT TO:<ann@sink.example>\r\n"


# Order, and what replies look like.


def test_a_mail_comes_through_byte_for_byte() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            client = await Client.greeted(port)
            await client.until_data()
            client.send(MESSAGE + b"..a dot\r\n\xc3\xa9\xff\r\n.\r\n")
            assert await client.reply() == "250 2.0.0 kept"
            assert await client.says("QUIT") == "221 2.0.0 bye"
            assert await client.is_hung_up_on()
        assert keeping.kept == [
            ("news@example.org", ["ann@sink.example"], MESSAGE + b".a dot\r\n\xc3\xa9\xff\r\n")
        ]

    story(told)


def test_every_reply_has_an_enhanced_code() -> None:
    async def told() -> None:
        async with listening(Keeping(), max_errors=100) as (port, _):
            client = await Client.of(port)
            assert await client.reply() == "220 mx.example ESMTP Ekiden"
            before = ["MAIL FROM:<a@b.example>", "RCPT TO:<a@b.example>", "DATA", "EHLO", "HELO"]
            assert await client.says("HELO x") == "250 mx.example"
            after = [
                *("NOOP", "NOOP x", "RSET", "RSET x", "VRFY", "VRFY ann", "EXPN list", "HELP"),
                *("HELP MAIL", "XYZ", "AUTH PLAIN", "STARTTLS x", "MAIL", "MAIL FROM:x", "DATA"),
                *("MAIL FROM:<> XYZ=1", "RCPT TO:<a@b.example>", "MAIL FROM:<a@b.example>"),
                *("MAIL FROM:<a@b.example>", "RCPT TO:<>", "RCPT TO:<nobody@b.example>", "DATA"),
                *("RCPT TO:<a@b.example> X=1", "RCPT TO:<a@b.example>", "DATA x", ""),
            ]
            for command in after:
                assert ENHANCED.fullmatch(reply := await client.says(command)), (command, reply)
            fresh = await Client.of(port)
            await fresh.reply()
            for command in before:
                assert ENHANCED.fullmatch(reply := await fresh.says(command)), (command, reply)
                assert reply[0] == "5"

    story(told)


def test_it_announces_what_it_does() -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            client = await Client.of(port)
            await client.reply()
            client.send(b"EHLO client.example\r\n")
            lines = [line[4:] for line in await client.lines()]
            assert lines == [
                *("mx.example", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"),
                *("SIZE 100000", "STARTTLS"),
            ]
            await client.starts_tls()
            client.send(b"EHLO client.example\r\n")
            assert "STARTTLS" not in "".join(await client.lines())

    story(told)


def test_commands_in_one_packet_are_answered_in_order() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            client = await Client.greeted(port)
            client.send(MAIL + b"RCPT TO:<nobody@sink.example>\r\n" + RCPT + b"DATA\r\n")
            assert [reply[:3] for reply in await client.replies(4)] == ["250", "550", "250", "354"]
            client.send(MESSAGE + b".\r\n" + MAIL + RCPT + b"RSET\r\n" + b"NOOP\r\n" * 500)
            assert {reply[:3] for reply in await client.replies(504)} == {"250"}
            client.send(MAIL + RCPT + b"DATA\r\n")
            assert (await client.replies(3))[2][:3] == "354"
            client.send(MESSAGE + b".\r\nQUIT\r\n")
            assert [reply[:3] for reply in await client.replies(2)] == ["250", "221"]
        assert [recipients for _, recipients, _ in keeping.kept] == [["ann@sink.example"]] * 2

    story(told)


@pytest.mark.parametrize("behind", [MESSAGE + b".\r\n", b"MAIL", b"."])
def test_nothing_may_be_sent_behind_data_before_it_is_asked_for(behind: bytes) -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            client = await Client.greeted(port)
            client.send(MAIL + RCPT + b"DATA\r\n" + behind)
            await client.replies(2)
            assert (await client.rest()).startswith(b"554 5.5.0 ")
        assert keeping.kept == []

    story(told)


def test_nothing_of_the_client_gets_into_a_reply() -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            client = await Client.greeted(port)
            for command in ("EVIL-ONE x", "VRFY evil", "MAIL FROM:<evil", "HELP evil", "AUTH evil"):
                assert "evil" not in (await client.says(command)).lower()

    story(told)


@pytest.mark.parametrize("verb", ["GET / HTTP/1.1", "POST / HTTP/1.1", "CONNECT a:25 HTTP/1.1"])
def test_another_protocol_is_hung_up_on(verb: str) -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            client = await Client.of(port)
            await client.reply()
            assert (await client.says(verb))[:3] == "421"
            assert await client.is_hung_up_on()

    story(told)


# Smuggling.


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    "false_end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r"]
)
def test_a_smuggled_mail_is_refused_with_the_one_that_carries_it(
    false_end: bytes, split: bool
) -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            client = await Client.greeted(port)
            await client.until_data()
            smuggled = b"MAIL FROM:<evil@example.com>\r\n" + RCPT + b"DATA\r\nevil\r\n.\r\n"
            sent = MESSAGE.removesuffix(b"\r\n") + false_end + smuggled
            await client.packets(*([bytes([each]) for each in sent] if split else [sent]))
            assert (await client.reply()).startswith("554 5.6.0 bare CR or LF")
            assert await client.says("NOOP") == "250 2.0.0 OK"
        assert keeping.kept == []

    story(told)


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\rNOOP\r\n", b"MAIL FROM:<a@b.example>\nX\r\n"])
def test_a_command_with_a_bare_line_end_is_the_last(line: bytes) -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            client = await Client.greeted(port)
            client.send(line + b"NOOP\r\n")
            assert (await client.reply()).startswith("500 5.5.2 bare CR or LF")
            assert await client.is_hung_up_on()

    story(told)


# Limits.


def test_a_command_line_that_is_too_long_is_the_last() -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            client = await Client.greeted(port)
            assert await client.says("NOOP " + "x" * 3000) == "500 5.5.2 line too long"
            client.send(b"x" * 20_000)
            assert (await client.reply())[:9] == "500 5.5.2"
            assert await client.rest() == b""

    story(told)


def test_a_message_over_the_limit_is_refused_and_the_session_goes_on() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            client = await Client.greeted(port)
            assert (await client.says("MAIL FROM:<a@b.example> SIZE=100001"))[:9] == "552 5.3.4"
            await client.until_data()
            client.send((b"x" * 98 + b"\r\n") * 1600 + b".\r\n")
            assert (await client.reply())[:9] == "552 5.3.4"
            await client.until_data()
            client.send(b"x" * 999 + b"\r\n.\r\n")
            assert (await client.reply())[:9] == "554 5.6.0"
            await client.until_data()
            client.send((b"x" * 98 + b"\r\n") * 1000 + b".\r\n")
            assert (await client.reply())[:3] == "250"
        assert [len(message) for _, _, message in keeping.kept] == [100_000]

    story(told)


def test_too_many_errors_end_the_session() -> None:
    async def told() -> None:
        async with listening(Keeping(), max_errors=3) as (port, _):
            client = await Client.greeted(port)
            replies = [await client.says("XYZ") for _ in range(3)]
            assert [reply[:3] for reply in replies] == ["500"] * 3
            assert await client.rest() == b"421 4.7.0 too many errors\r\n"

    story(told)


def test_one_address_has_so_many_sessions_and_all_have_so_many() -> None:
    async def told() -> None:
        few = Listen(max_connections_per_address=2, max_connections=3, proxy_networks=(HOST,))
        async with listening(Keeping(), listen=few) as (port, _):
            first = b"PROXY TCP4 192.0.2.%d 198.51.100.1 4000 25\r\n"
            clients = [await Client.of(port, first % 1) for _ in range(3)]
            answers = [await client.reply() for client in clients]
            assert [each[:9] for each in answers] == ["220 mx.ex", "220 mx.ex", "421 4.7.0"]
            other, last = [await Client.of(port, first % n) for n in (2, 3)]
            assert (await other.reply())[:3] == "220"
            assert (await last.reply())[:9] == "421 4.7.0"
            assert (await other.says("QUIT"))[:3] == "221"
            assert await other.is_hung_up_on()
            assert (await (await Client.of(port, first % 3)).reply())[:3] == "220"

    story(told)


@pytest.mark.parametrize("is_tls", [False, True])
def test_who_goes_away_in_any_way_leaves_room_for_others(is_tls: bool) -> None:
    async def told() -> None:
        few = Listen(max_connections_per_address=1)
        async with listening(Keeping(), is_tls, few) as (port, listener):
            for first in (b"", b"EHLO x\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"\x16\x03\x01"):
                for leave in ("close", "abort", "eof"):
                    client = await Client.of(port, first)
                    if leave == "eof":
                        client.writer.write_eof()
                        await client.rest()
                    getattr(client.writer.transport, leave.replace("eof", "close"))()
                    while listener._sessions or listener._tasks:  # noqa: ASYNC110 - no time is waited
                        await asyncio.sleep(0)
            await Client.greeted(port, is_tls)

    story(told)


@pytest.mark.parametrize("sent", [b"", b"NOO", MAIL + RCPT + b"DATA\r\n"])
def test_a_client_that_falls_silent_is_hung_up_on(sent: bytes) -> None:
    async def told() -> None:
        async with listening(Keeping(), idle_timeout_s=0.05) as (port, _):
            client = await Client.greeted(port)
            client.send(sent)
            assert (await client.rest()).endswith(b"421 4.4.2 silent for too long\r\n")

    story(told)


@pytest.mark.parametrize("in_message", [False, True])
def test_a_byte_now_and_then_is_silence(in_message: bool) -> None:
    async def told() -> None:
        async with listening(Keeping(), idle_timeout_s=0.3) as (port, _):
            client = await Client.greeted(port)
            if in_message:
                await client.until_data()

            async def drip() -> None:
                for _ in range(1000):
                    await client.packets(b"x")

            dripping = asyncio.create_task(drip())
            heard = await client.rest()
            dripping.cancel()
            assert heard.endswith(b"421 4.4.2 silent for too long\r\n")

    story(told)


def test_a_message_that_is_being_stored_is_no_silence() -> None:
    async def told() -> None:
        gate = asyncio.Event()
        async with listening(Keeping(gate), idle_timeout_s=0.05) as (port, _):
            client = await Client.greeted(port)
            await client.until_data()
            client.send(MESSAGE + b".\r\n")
            other = await Client.greeted(port)
            assert b"421 4.4.2" in await other.rest()  # so much time has gone by
            gate.set()
            assert await client.reply() == "250 2.0.0 kept"

    story(told)


def test_a_client_that_goes_away_in_mid_message_leaves_nothing() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            for leave in ("close", "abort", "eof"):
                client = await Client.greeted(port)
                await client.until_data()
                await client.packets(MESSAGE + b".", b"\r")
                if leave == "abort":
                    client.writer.transport.abort()
                elif leave == "eof":
                    client.writer.write_eof()
                    assert await client.is_hung_up_on()
                else:
                    client.close()
            last = await Client.greeted(port)
            await last.says("QUIT")
        assert keeping.kept == []

    story(told)


def test_a_client_that_closes_behind_its_dot_is_still_answered() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            client = await Client.greeted(port)
            await client.until_data()
            client.send(MESSAGE + b".\r\nQUIT\r\n")
            client.writer.write_eof()
            assert await client.rest() == b"250 2.0.0 kept\r\n221 2.0.0 bye\r\n"
        assert len(keeping.kept) == 1

    story(told)


# TLS.


def test_a_session_begins_anew_behind_starttls() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping) as (port, _):
            client = await Client.greeted(port)
            await client.says("MAIL FROM:<a@b.example>")
            await client.starts_tls()
            assert (await client.says("MAIL FROM:<a@b.example>"))[:9] == "503 5.5.1"
            assert (await client.says("EHLO client.example"))[:3] == "250"
            assert (await client.says("STARTTLS"))[:9] == "503 5.5.1"
            await client.until_data()
            client.send(MESSAGE * 1000 + b".\r\n")
            assert await client.reply() == "250 2.0.0 kept"
            assert (await client.says("QUIT"))[:3] == "221"
        assert keeping.kept[0][2] == MESSAGE * 1000

    story(told)


@pytest.mark.parametrize("injected", [b"NOOP\r\n", MAIL + RCPT, b"x"])
def test_nothing_sent_in_the_clear_counts_under_tls(injected: bytes) -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            client = await Client.greeted(port)
            client.send(b"STARTTLS\r\n" + injected)
            assert await client.rest() == b"554 5.5.0 sent before it was asked for\r\n"
            late = await Client.greeted(port)
            assert (await late.says("STARTTLS"))[:3] == "220"
            late.send(b"NOOP\r\n")  # where a TLS handshake has to begin
            assert b"250" not in await late.rest()

    story(told)


def test_tls_from_the_first_byte() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping, is_tls=True) as (port, _):
            client = await Client.greeted(port, is_tls=True)
            assert (await client.says("STARTTLS"))[:9] == "503 5.5.1"
            await client.until_data()
            client.send(MESSAGE + b".\r\n")
            assert await client.reply() == "250 2.0.0 kept"
            plain = await Client.of(port)
            plain.send(b"EHLO client.example\r\n")
            assert b"250" not in await plain.rest()

    story(told)


# Balancers.

PROXIED = [
    b"PROXY TCP4 192.0.2.7 198.51.100.1 4000 25\r\n",
    SIGNATURE + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, b"\xc0\0\2\7", b"\xc6\x33\x64\1", 1, 2),
]


@pytest.mark.parametrize("header", PROXIED)
@pytest.mark.parametrize("is_tls", [False, True])
def test_a_trusted_balancer_says_who_the_client_is(header: bytes, is_tls: bool) -> None:
    async def told() -> None:
        keeping = Keeping()
        trusted = Listen(proxy_networks=("127.0.0.0/8",))
        async with listening(keeping, is_tls, trusted) as (port, _):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(header)
            client = Client(reader, writer)
            if is_tls:
                await writer.start_tls(trusting())
            assert (await client.reply())[:3] == "220"
            await client.says("EHLO client.example")
            await client.until_data()
            client.send(MESSAGE + b".\r\n")
            await client.reply()
        assert keeping.clients == ["192.0.2.7"]

    story(told)


@pytest.mark.parametrize(
    "first", [b"EHLO client.example\r\n", b"PROXY TCP4 x\r\n      ", b"Q" * 99]
)
def test_a_trusted_balancer_has_to_say_it(first: bytes) -> None:
    async def told() -> None:
        async with listening(Keeping(), listen=Listen(proxy_networks=(HOST,))) as (port, _):
            client = await Client.of(port, first)
            with contextlib.suppress(ConnectionResetError):  # when bytes were left unread
                assert await client.is_hung_up_on()

    story(told)


def test_nobody_else_may_speak_for_others() -> None:
    async def told() -> None:
        keeping = Keeping()
        async with listening(keeping, listen=Listen(proxy_networks=("192.0.2.0/24",))) as (port, _):
            client = await Client.of(port, PROXIED[0])
            assert (await client.replies(2))[1] == "500 5.5.1 unknown command"
            await client.says("EHLO client.example")
            await client.until_data()
            client.send(MESSAGE + b".\r\n")
            await client.reply()
            binary = await Client.of(port, PROXIED[1])
            assert b"250" not in await binary.rest()
        assert keeping.clients == [HOST]

    story(told)


# The end.


def test_a_message_in_flight_is_finished_before_the_end() -> None:
    async def told() -> None:
        keeping = Keeping(gate := asyncio.Event())
        async with listening(keeping) as (port, listener):
            busy, idle = await Client.greeted(port), await Client.greeted(port)
            await busy.until_data()
            busy.send(MESSAGE + b".\r\n")
            await keeping.storing.wait()
            stopping = asyncio.create_task(listener.stop(20))
            assert (await idle.rest())[:9] == b"421 4.3.2"
            with pytest.raises(ConnectionRefusedError):
                await Client.of(port)
            assert not stopping.done()
            gate.set()
            replies = (await busy.rest()).split(b"\r\n")
            assert [each[:9] for each in replies] == [b"250 2.0.0", b"421 4.3.2", b""]
            await stopping
        assert len(keeping.kept) == 1

    story(told)


def test_patience_has_an_end() -> None:
    async def told() -> None:
        keeping = Keeping(asyncio.Event())
        async with listening(keeping) as (port, listener):
            busy, slow = await Client.greeted(port), await Client.greeted(port)
            await busy.until_data()
            busy.send(MESSAGE + b".\r\n")
            await slow.until_data()
            await keeping.storing.wait()
            await listener.stop(0.01)
            for client in (busy, slow):
                with contextlib.suppress(ConnectionResetError):  # when bytes were left unread
                    assert await client.is_hung_up_on()
        assert keeping.kept == []

    story(told)


def test_a_fault_of_ours_is_temporary_and_tells_nothing() -> None:
    class Broken(Keeping):
        async def handle_DATA(self, *_: object) -> str:
            raise ZeroDivisionError("a secret\r\n250 ok")

    async def told() -> None:
        async with listening(Broken()) as (port, _):
            client = await Client.greeted(port)
            await client.until_data()
            client.send(MESSAGE + b".\r\n")
            assert await client.reply() == "451 4.3.0 a fault of ours, try again later"
            assert await client.says("NOOP") == "250 2.0.0 OK"

    story(told)


def test_a_mail_that_goes_round_is_refused() -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            client = await Client.greeted(port)
            for count, code in ((100, "250 2.0.0"), (101, "554 5.4.6")):
                await client.until_data()
                client.send(b"Received: x\r\n" * count + MESSAGE + b".\r\n")
                assert (await client.reply())[:9] == code

    story(told)


def test_limits_stand_where_they_are_used() -> None:
    assert LIMITS.max_errors == Listen().max_errors
