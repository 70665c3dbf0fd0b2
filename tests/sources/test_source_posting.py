"""Posting to functions: many at once without threads, on kept connections, whatever they answer."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from feeding import KEY, run, soon

from ekiden.sources import posting
from ekiden.sources.answer import Verdict
from ekiden.sources.posting import NoReply, Poster, Reply
from ekiden.sources.ways import ways
from shared.stage import Wake

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    """A function's URL, which holds its connections as `talk` does."""

    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(talking, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/function/x?y=1"
    finally:
        listening.close()


async def request(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """(head, body) of the next one."""
    head = await reader.readuntil(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(size)


def test_an_event_carries_key_and_token() -> None:
    async def story() -> None:
        seen: list[tuple[bytes, bytes]] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.append(await request(reader))
            writer.write(NO_CONTENT)

        async with server(talk) as url:
            way = ways(None, {"dispatch": url}, Poster("a-token"))["dispatch"]
            assert (await way(Wake(KEY))).verdict is Verdict.DONE
        ((head, body),) = seen
        assert head.startswith(b"POST /function/x?y=1 HTTP/1.1\r\n")
        assert b"authorization: bearer a-token\r\n" in head.lower()
        assert body == b'{"key":"%s"}' % KEY.encode()

    run(story)


def test_a_hundred_and_fifty_wait_for_their_answers_without_a_thread() -> None:
    async def story() -> None:
        waiting = asyncio.Barrier(150)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            await waiting.wait()  # each is answered when all have come
            writer.write(NO_CONTENT)

        async with server(talk) as url:
            poster = Poster()
            before = threading.active_count()
            posts = [asyncio.create_task(poster.post(url, b"{}")) for _ in range(150)]
            assert await soon(asyncio.gather(*posts)) == [Reply(204)] * 150
            assert threading.active_count() <= before + 5  # who looks names up, at most
            poster.close()

    run(story)


def test_a_connection_is_used_again() -> None:
    async def story() -> None:
        connections = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            while await request(reader):
                writer.write(b"HTTP/1.1 503 x\r\nRetry-After: 3\r\nContent-Length: 2\r\n\r\nno")

        async with server(talk) as url:
            poster = Poster()
            for _ in range(5):
                assert await poster.post(url, b"{}") == Reply(503, "3")
            poster.close()
        assert connections == 1

    run(story)


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async def story() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            writer.write(NO_CONTENT)  # and then it closes, without having said so

        async with server(talk) as url:
            poster = Poster()
            for _ in range(3):
                assert await poster.post(url, b"{}") == Reply(204)

    run(story)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 2",
        b"hello\r\n\r\n",
        b"HTTP/1.1 200 x\r\nContent-Length: 5\r\n\r\nhel",
        b"\0",
    ],
)
def test_a_broken_answer_is_no_reply(answer: bytes) -> None:
    async def story() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            writer.write(answer)

        async with server(talk) as url:
            with pytest.raises(NoReply, match="does not answer"):
                await soon(Poster().post(url, b"{}"))

    run(story)


def test_who_does_not_answer_in_time_is_told_again() -> None:
    async def story() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with server(talk) as url:
            way = ways(None, {"dispatch": url}, Poster(reply_s=0.05))["dispatch"]
            answer = await soon(way(Wake(KEY)))
            assert (answer.verdict, answer.after_s) == (Verdict.AGAIN, None)

    run(story)


CHUNKED = b"HTTP/1.1 503 x\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
LONG = b"HTTP/1.1 503 x\r\nRetry-After: 7\r\nContent-Length: 100000000\r\n\r\n"
CHUNK = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"


@pytest.mark.parametrize(
    ("head", "body"), [(CHUNKED, CHUNK), (LONG, b"x" * 0x1000)], ids=["chunked", "long"]
)
def test_of_an_answer_without_an_end_the_status_counts(head: bytes, body: bytes) -> None:
    async def story() -> None:
        closed = asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            writer.write(head)
            try:
                while True:
                    writer.write(body)
                    await writer.drain()
            except ConnectionError:
                closed.set()

        async with server(talk) as url:
            assert await soon(Poster().post(url, b"{}")) == Reply(503, "7")
            await soon(closed.wait())

    run(story)


def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "BODY_S", 0.05)

    async def story() -> None:
        connections = 0

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await request(reader)
            writer.write(LONG)
            await reader.read()  # says no more, until we close

        async with server(talk) as url:
            poster = Poster()
            assert await soon(poster.post(url, b"{}")) == Reply(503, "7")
            assert await soon(poster.post(url, b"{}")) == Reply(503, "7")
        assert connections == 2, "a half-read answer's connection is not used again"

    run(story)


def test_who_only_says_that_it_goes_on_does_not_answer() -> None:
    async def story() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await request(reader)
            while True:
                writer.write(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)
                await writer.drain()

        async with server(talk) as url:
            with pytest.raises(NoReply, match="does not come to an answer"):
                await soon(Poster().post(url, b"{}"))

    run(story)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "http://nobody.invalid/", "https://127.0.0.1:1/"]
)
def test_where_nobody_listens_there_is_no_reply(url: str) -> None:
    async def story() -> None:
        with pytest.raises(NoReply):
            await soon(Poster().post(url, b"{}"))

    run(story)
