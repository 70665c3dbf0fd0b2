"""Rendering on all cores: a few processes that take Bags in turn.

Rendering and signing are most of the work, and Python runs one thread at a time. The parent keeps
the store, the HTTP server and the SMTP connections; the children are pure.
"""

import asyncio
import os
import sys
from collections import deque

import msgspec

from ekiden.renderer import Rendered, frame
from functions.dispatch.job import Job
from shared.errors import Permanent, Temporary

DEAD = "a renderer process ended"
_RENDERED = msgspec.msgpack.Decoder(Rendered)


class RenderFailed(Permanent):
    """A Bag cannot be rendered; the message says why."""


class RendererDied(Temporary):
    """The process that rendered the Bag ended: it was killed, or ran out of memory."""


class _Child:
    """One renderer process. Answers come in the order of the jobs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._open: deque[asyncio.Future[Rendered]] = deque()
        self.alive = True
        self.ready: asyncio.Future[Rendered] = asyncio.get_running_loop().create_future()
        self._open.append(self.ready)
        self._reader = asyncio.create_task(self._read())

    @property
    def load(self) -> int:
        return len(self._open)

    async def render(self, job: Job) -> Rendered:
        """Raises `RendererDied`."""
        answer: asyncio.Future[Rendered] = asyncio.get_running_loop().create_future()
        stdin = self._process.stdin
        assert stdin is not None
        self._open.append(answer)
        stdin.write(frame(job))
        return await answer

    async def _read(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            while True:
                size = int.from_bytes(await stdout.readexactly(4))
                answer = self._open.popleft()
                rendered = _RENDERED.decode(await stdout.readexactly(size))
                if not answer.done():
                    answer.set_result(rendered)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            self._fail()

    def _fail(self) -> None:
        """Whoever waits must not wait for ever."""
        self.alive = False
        while self._open:
            answer = self._open.popleft()
            if not answer.done():
                answer.set_exception(RendererDied(DEAD))

    async def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()
        await self._reader


class Cores:
    """Renders on so many processes; starts a new one where one has died."""

    def __init__(self, processes: int = 0) -> None:
        self._wanted = processes or os.cpu_count() or 1
        self._children: list[_Child] = []
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Have all processes running."""
        async with self._starting:
            alive = self._alive()
            new = [_Child(await self._spawn()) for _ in range(self._wanted - len(alive))]
            self._children = alive + new
            await asyncio.gather(*(child.ready for child in new))

    def _alive(self) -> list[_Child]:
        return [child for child in self._children if child.alive]

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ekiden.renderer",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )

    async def render(self, job: Job) -> bytes:
        """The renderer for `dispatch`. Raises `RenderFailed`, `RendererDied`."""
        if len(self._alive()) < self._wanted:
            await self.start()
        child = min(self._alive(), key=lambda each: each.load, default=None)
        if child is None:
            raise RendererDied(DEAD)
        rendered = await child.render(job)
        if rendered.error:
            raise RenderFailed(f"{rendered.error}: {rendered.message}")
        return rendered.body

    async def stop(self) -> None:
        await asyncio.gather(*(child.stop() for child in self._children))
