"""Bodies that do not fit into the network's buffers, and servers that do not want all of them."""

import asyncio

import pytest
import smtp_mail
from smtp_mail import LOOPS, Mail, Reports, run

from ekiden.sink import Sink
from functions.send.smtp.options import Options
from functions.send.smtp.target import Target

LINE = b"." + b"x" * 70 + b"\r\n"
LARGE = LINE * 200_000
PATIENT = Options("client.test")


async def deliver(port: int, names: str, options: Options = PATIENT) -> Reports:
    mails = [Mail(name, ("a@mx.test",), message=LARGE) for name in names]
    return await smtp_mail.deliver(Target("mx.test", port, "127.0.0.1"), options, mails)


@pytest.mark.parametrize("loop", LOOPS)
def test_they_arrive_whole(loop: str) -> None:
    async def main() -> None:
        sink = Sink()
        reports = await deliver(await sink.start(), "12")
        await sink.close()
        assert reports.kinds == ["accepted", "accepted"]
        assert [each.message == LARGE for each in sink.received] == [True, True]

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_server_that_stops_reading_has_not_got_the_message(loop: str) -> None:
    async def main() -> None:
        server = _StoppingServer(says=b"")
        reports = await deliver(await server.start(), "1", Options("client.test", block_s=0.05))
        server.close()
        expected = '1 temporary body - "the server read nothing for 0.05 s"'
        assert reports.lines(with_text=True) == [expected]

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_refusal_in_the_middle_counts(loop: str) -> None:
    async def main() -> None:
        server = _StoppingServer(says=b"552 5.3.4 too big\r\n")
        reports = await deliver(await server.start(), "1")
        server.close()
        assert reports.lines() == ["1 permanent body 552 5.3.4"]

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_no_server_can_accept_what_it_has_not_read(loop: str) -> None:
    async def main() -> None:
        server = _StoppingServer(says=b"250 2.0.0 queued\r\n")
        reports = await deliver(await server.start(), "1")
        server.close()
        assert reports.lines() == ["1 temporary body -"]

    run(main(), loop)


class _StoppingServer:
    """Accepts everything up to DATA, reads the first bytes of the body, and then no more."""

    def __init__(self, says: bytes) -> None:
        self._says = says
        self._server: asyncio.Server
        self._end = asyncio.Event()

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        self._server.close()
        self._end.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.test\r\n")
        while (await reader.readline()).strip() != b"DATA":
            writer.write(b"250 ok\r\n")
        writer.write(b"354 go ahead\r\n")
        await reader.readexactly(1000)
        writer.write(self._says)
        await self._end.wait()
        writer.transport.abort()
