"""Two small servers to stand in S3's way: one answers what it is told, one counts requests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def answering(status: int, body: bytes = b"") -> AsyncIterator[str]:
    """An HTTP server that answers every request with `status`; yields its endpoint."""
    answer = b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                _, _, length = head.partition(b"content-length: ")
                await reader.readexactly(int(length.split(b"\r\n")[0] or 0))
                writer.write(answer)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield _endpoint(server)
    server.close()


@asynccontextmanager
async def counting(port: int) -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy to `port`; yields its endpoint and the request lines that it has seen."""
    seen: list[str] = []

    async def pass_on(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lines: list[str]
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                first, end, _ = data.partition(b" HTTP/1.1\r\n")
                lines += [first.decode()] if end else []
                writer.write(data)
                await writer.drain()
        writer.close()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pass_on(reader, up_writer, seen), pass_on(up_reader, writer, []))

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    yield _endpoint(server), seen
    server.close()


def _endpoint(server: asyncio.Server) -> str:
    return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
