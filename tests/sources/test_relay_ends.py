"""Who brings a key to the relay hears when the relay is finished with it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
from feeding import KEY, run, soon

from ekiden.relay import Relay
from ekiden.sources.answer import DONE
from ekiden.sources.posting import Poster
from ekiden.sources.ways import STOPPED, ways
from shared.errors import Busy, Malformed, Temporary
from shared.stage import Stage, Wake
from shared.store.memory import MemoryStore

Work = Callable[[str, bytes], Awaitable[Sequence[Wake]]]


async def relay_of(work: Work) -> tuple[Relay, MemoryStore]:
    store = MemoryStore()
    await store.put(KEY, b"{}")
    relay = Relay(store, time.time, [Stage("dispatch", work)])
    relay.start()
    return relay, store


def test_it_ends_when_the_stage_has_returned() -> None:
    async def story() -> None:
        began, go_on = asyncio.Event(), asyncio.Event()

        async def work(_key: str, _body: bytes) -> Sequence[Wake]:
            began.set()
            await go_on.wait()
            return ()

        relay, _ = await relay_of(work)
        relay.wake(Wake(KEY))
        both = [asyncio.create_task(relay.finished(Wake(KEY))) for _ in range(2)]
        await began.wait()
        assert not any(each.done() for each in both)
        go_on.set()
        assert await soon(asyncio.gather(*both)) == [True, True]
        await relay.stop()

    run(story)


def test_work_that_is_gone_is_done() -> None:
    async def story() -> None:
        async def work(_key: str, _body: bytes) -> Sequence[Wake]:
            raise AssertionError("there is nothing to do")

        relay, store = await relay_of(work)
        await store.delete(KEY)
        assert await soon(relay.finished(Wake(KEY)))
        await relay.stop()

    run(story)


@pytest.mark.parametrize("error", [Malformed("no Bag"), ZeroDivisionError()])
def test_work_that_moved_to_failed_is_done(error: Exception) -> None:
    async def story() -> None:
        async def work(_key: str, _body: bytes) -> Sequence[Wake]:
            raise error

        relay, store = await relay_of(work)
        assert await soon(relay.finished(Wake(KEY)))
        assert await store.get(f"failed/dispatch/{KEY}.json")
        await relay.stop()

    run(story)


def test_a_temporary_error_is_no_end() -> None:
    async def story() -> None:
        errors: list[Exception] = [Temporary("the first time"), Busy("the second time")]

        async def work(_key: str, _body: bytes) -> Sequence[Wake]:
            if errors:
                raise errors.pop(0)
            return ()

        relay, _ = await relay_of(work)
        assert await soon(relay.finished(Wake(KEY)))
        assert not errors
        await relay.stop()

    run(story)


def test_a_stop_ends_the_waiting_and_it_comes_again() -> None:
    async def story() -> None:
        began = asyncio.Event()

        async def work(_key: str, _body: bytes) -> Sequence[Wake]:
            began.set()
            raise Temporary("as long as this process runs")

        relay, _ = await relay_of(work)
        way = ways(relay, {"dispatch": "http://nobody.invalid/"}, Poster())["dispatch"]
        waiting = asyncio.create_task(way(Wake(KEY)))
        await began.wait()
        assert not waiting.done()
        await relay.stop()
        assert await soon(waiting) == STOPPED
        assert await soon(way(Wake(KEY))) == STOPPED != DONE

    run(story)


def test_a_stop_lets_what_runs_be_finished() -> None:
    async def story() -> None:
        began, go_on = asyncio.Event(), asyncio.Event()

        async def work(_key: str, _body: bytes) -> Sequence[Wake]:
            began.set()
            await go_on.wait()
            return ()

        relay, _ = await relay_of(work)
        waiting = asyncio.create_task(relay.finished(Wake(KEY)))
        await began.wait()
        stopping = asyncio.create_task(relay.stop())
        await asyncio.sleep(0)
        go_on.set()
        assert await soon(waiting)
        await stopping

    run(story)
