"""The check of the way out: real servers that greet, refuse, are silent or talk nonsense."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from examination import check, one, only

from ekiden.doctor.finding import Finding, Scene, State
from ekiden.doctor.way_out import parse_server
from ekiden.sink import Sink
from shared.config import load
from shared.domain_check.port_25 import Server
from shared.errors import Malformed
from shared.smtp_server.certificate import self_signed
from shared.store import open_store


def knocked(port_of: Callable[[], Awaitable[int]], **options: str) -> list[Finding]:
    """What the check says about the server that `port_of` starts."""

    async def run() -> list[Finding]:
        port = await port_of()
        flags = {k.replace("__", "."): v.replace("PORT", str(port)) for k, v in options.items()}
        flags.setdefault("send.route", f"smtp://127.0.0.1:{port}")
        config = load(None, {}, flags)
        return await one("port-25", Scene(config, open_store("memory:"), time.time))

    return asyncio.run(run())


def saying(words: bytes, context: ssl.SSLContext | None = None, hang_up: bool = True):  # type: ignore[no-untyped-def]
    """Starts a server that greets so."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        with contextlib.suppress(OSError):
            if not hang_up:
                await reader.read()
            writer.close()

    async def start() -> int:
        server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
        return int(server.sockets[0].getsockname()[1])

    return start


def test_a_server_that_greets_is_well() -> None:
    finding = only(knocked(Sink().start))
    assert finding.state is State.OK
    assert "220 sink.invalid" in finding.seen


def test_a_greeting_of_many_lines_is_read_to_its_end() -> None:
    assert only(knocked(saying(b"220-one\r\n220-two\r\n220 three\r\n"))).state is State.OK


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (b"554 5.7.1 you are on a list\r\n", "on a list"),
        (b"421 too many\r\n", "421"),
        (b"", "without a greeting"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (b"\xff\xfe\x00\r\n", "said"),
        (b"x" * 100_000, "no SMTP"),
        (b"220-again\r\n" * 60, "220-again"),
    ],
)
def test_what_is_no_welcome_fails(words: bytes, said: str) -> None:
    finding = only(knocked(saying(words)))
    assert finding.state is State.FAILED
    assert said in finding.seen


def test_nobody_there_fails() -> None:
    finding = only(check("port-25", send__route="smtp://127.0.0.1:9"))
    assert finding.state is State.FAILED
    assert "port 9" in finding.seen
    assert "block port 25" in finding.advice


def test_a_silent_server_is_given_up() -> None:
    async def run() -> Finding:
        port = await saying(b"", hang_up=False)()
        config = load(None, {}, {"send.route": f"smtp://127.0.0.1:{port}"})
        scene = Scene(config, open_store("memory:"), time.time)
        return only(await one("port-25", scene, timeout_s=0.2))

    assert asyncio.run(run()).seen == "no answer within 0.2 s"


def test_tls_from_the_first_byte_is_spoken_where_the_route_says_so(tmp_path: Path) -> None:
    pem = tmp_path / "pem"
    pem.write_bytes(self_signed("mail.example.com", datetime.now(UTC)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    greeted = knocked(saying(b"220 hi\r\n", context), send__route="smtps://127.0.0.1:PORT")
    assert only(greeted).state is State.OK
    plain = knocked(saying(b"220 hi\r\n"), send__route="smtps://127.0.0.1:PORT")
    assert only(plain).state is State.FAILED


def test_each_sending_address_knocks() -> None:
    pools = "default=127.0.0.3,bulk=127.0.0.4"
    findings = knocked(Sink().start, send__pools=pools)
    assert [(each.about, each.state) for each in findings] == [
        ("127.0.0.3", State.OK),
        ("127.0.0.4", State.OK),
    ]


def test_an_address_that_is_not_ours_fails() -> None:
    findings = knocked(Sink().start, send__pools="default=192.0.2.1,six=2001:db8::1")
    assert {each.state for each in findings} == {State.FAILED}
    assert "no address of the family" in findings[1].seen


def test_the_best_server_of_a_well_known_domain_is_asked() -> None:
    async def run() -> Finding:
        from dns_server import DnsServer

        port = await Sink().start()
        mx = ["20 no.example.", "10 mx.example."]
        dns = DnsServer({("gmail.com", "MX"): mx, ("mx.example", "A"): ["127.0.0.1"]})
        flags = {"send.nameservers": await dns.start(), "send.mx_port": str(port)}
        scene = Scene(load(None, {}, flags), open_store("memory:"), time.time)
        try:
            return only(await one("port-25", scene))
        finally:
            dns.close()

    assert "mx.example (127.0.0.1)" in asyncio.run(run()).seen


def test_without_dns_another_server_can_be_named() -> None:
    finding = only(check("port-25"))
    assert finding.state is State.FAILED
    assert "--smtp HOST" in finding.advice
    assert only(check("port-25", smtp="127.0.0.1:9")).state is State.FAILED


def test_the_demo_sends_nothing() -> None:
    assert only(check("port-25", send__route="demo:")).state is State.SKIPPED


def test_servers_are_read() -> None:
    assert parse_server("mail.example.com") == Server("mail.example.com", 25)
    assert parse_server("[2001:db8::1]:2525") == Server("2001:db8::1", 2525)


@pytest.mark.parametrize(
    "text", ["", " ", "a b", "host:0", "host:99999", "u:p@host", "h/x", "[::1"]
)
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_server(text)
