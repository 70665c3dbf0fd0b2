"""From which address a session is opened, and as whom."""

import asyncio

import pytest
from smtp_mail import LOOPS, Mail, deliver, run

from functions.send.smtp.options import Options
from functions.send.smtp.target import Source, Target
from shared.errors import Misconfigured

OPTIONS = Options("client.test")


class Visitors:
    """A server that notes who comes, and sends everybody away."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, bytes]] = []
        self._server: asyncio.Server

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.test\r\n")
        self.seen.append((writer.get_extra_info("peername")[0], await reader.readline()))
        writer.write(b"421 go away\r\n")
        writer.close()

    def close(self) -> None:
        self._server.close()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("address", ["127.0.0.1", ""])
def test_it_is_the_one_that_was_asked_for(loop: str, address: str) -> None:
    async def main() -> None:
        visitors = Visitors()
        port = await visitors.start()
        for source in (Source("127.0.0.7", "seven.test"), Source("127.0.0.8")):
            target = Target("localhost", port, address, source=source)
            reports = await deliver(target, OPTIONS, [Mail.to("one")])
            assert reports.lines() == ["one temporary ehlo 421"]
        visitors.close()
        assert visitors.seen == [
            ("127.0.0.7", b"EHLO seven.test\r\n"),
            ("127.0.0.8", b"EHLO client.test\r\n"),
        ]

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("source", "address", "text"),
    [
        ("192.0.2.1", "127.0.0.1", "cannot send from 192.0.2.1: "),
        ("2001:db8::1", "127.0.0.1", "mx.test has no address that 2001:db8::1 can reach"),
        ("127.0.0.1", "::1", "mx.test has no address that 127.0.0.1 can reach"),
    ],
)
def test_one_that_cannot_be_used_is_a_temporary_failure_that_says_so(
    loop: str, source: str, address: str, text: str
) -> None:
    target = Target("mx.test", 9, address, source=Source(source))
    reports = run(deliver(target, OPTIONS, [Mail.to("one")]), loop)
    assert reports.lines() == ["one temporary connect -"]
    assert reports.verdicts[0][1].text.startswith(text)


@pytest.mark.parametrize("address", ["", "mx.test", "127.0.0.1/8", "1.2.3"])
def test_it_has_to_be_an_ip_address(address: str) -> None:
    with pytest.raises(Misconfigured, match="no IP address"):
        Source(address)


@pytest.mark.parametrize("name", ["a b", "a\r\nMAIL FROM:<>", "é.test"])
def test_its_name_has_to_be_one(name: str) -> None:
    with pytest.raises(Misconfigured, match="no host name"):
        Source("127.0.0.1", name)
