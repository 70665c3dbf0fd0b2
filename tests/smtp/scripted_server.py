"""A server that speaks a written dialog, as `dialogs/README.md` describes, and nothing else."""

import asyncio
import ssl
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

NEXT_CONNECTION = "== next connection"
MESSAGE = "(message)"
CHUNK = "(chunk)"
LISTS = ("message", "tlsa")


@dataclass
class Dialog:
    """A file of `dialogs/`."""

    settings: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in LISTS})
    expected: list[str] = field(default_factory=list)
    connections: list[list[tuple[str, str]]] = field(default_factory=lambda: [[]])

    @classmethod
    def read(cls, path: Path) -> "Dialog":
        dialog = cls()
        lines = path.read_text("utf-8").splitlines()
        for line in (line for line in lines if line and not line.startswith("#")):
            kind, _, text = line.partition(": ")
            if line == NEXT_CONNECTION:
                dialog.connections.append([])
            elif kind in ("S", "C", "P", "X"):
                dialog.connections[-1].append((kind, text))
            elif kind == "expect":
                dialog.expected.append(text)
            elif kind in LISTS:
                dialog.lists[kind].append(text)
            else:
                dialog.settings[kind] = text
        return dialog


class ScriptedServer:
    """`deviations` says where a client left the script; `messages` what it was given."""

    def __init__(self, dialog: Dialog, context: ssl.SSLContext) -> None:
        self._scripts = deque(dialog.connections)
        self._context = context
        self._tls_first = "tls-first" in dialog.settings
        self._server: asyncio.Server
        self._sessions: list[asyncio.Task[None]] = []
        self.deviations: list[str] = []
        self.messages: list[bytes] = []

    async def start(self) -> int:
        context = self._context if self._tls_first else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Wait for all sessions to end: a client that stays, or does not come, is a deviation."""
        self._server.close()
        await asyncio.gather(*self._sessions)
        self.deviations += [f"never came for {script}" for script in self._scripts if script]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._sessions.append(task)
        if not self._scripts:
            self.deviations.append("came once more than expected")
        else:
            session = _Session(self, reader, writer, self._context)
            try:
                await session.play(self._scripts.popleft())
            except (AssertionError, OSError) as deviation:
                self.deviations.append(repr(deviation))
        writer.close()


class _Session:
    def __init__(
        self,
        server: ScriptedServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
    ) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer
        self._context = context
        self._chunk_bytes = 0

    async def play(self, script: list[tuple[str, str]]) -> None:
        steps = {"S": self._say, "P": self._say_raw, "C": self._hear, "X": self._act}
        for kind, text in script:
            await steps[kind](text)
        if not script or script[-1][0] != "X":
            with suppress(ConnectionError):
                await self._part()

    async def _part(self) -> None:
        rest = await self._reader.readline()
        if rest == b"QUIT\r\n":
            await self._say("221 bye")
            rest = await self._reader.read()
        assert rest == b"", f"the client went on: {rest!r}"

    async def _say(self, text: str) -> None:
        self._writer.write(text.encode() + b"\r\n")
        await self._writer.drain()

    async def _say_raw(self, text: str) -> None:
        self._writer.write(text.replace(r"\r", "\r").replace(r"\n", "\n").encode())
        await self._writer.drain()

    async def _hear(self, pattern: str) -> None:
        if pattern == MESSAGE:
            message = await self._reader.readuntil(b"\r\n.\r\n")
            if message.startswith(b".."):
                message = message[1:]
            self._server.messages.append(message[:-3].replace(b"\r\n..", b"\r\n."))
            return
        if pattern == CHUNK:
            self._server.messages.append(await self._reader.readexactly(self._chunk_bytes))
            return
        line = (await self._reader.readline()).decode()
        matches = line.endswith("\r\n") and fnmatchcase(line[:-2], pattern)
        assert matches, f"the client said {line!r}, not {pattern!r}"
        if line.startswith("BDAT "):
            self._chunk_bytes = int(line.split()[1])

    async def _act(self, what: str) -> None:
        if what == "tls":
            await self._writer.start_tls(self._context)
        elif what == "failing tls":
            with suppress(OSError):
                await self._writer.start_tls(self._context)
        elif what == "reset":
            self._writer.transport.abort()
        elif what == "close":
            self._writer.close()
        else:
            raise ValueError(what)
