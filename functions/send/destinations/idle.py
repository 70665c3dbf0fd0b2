"""Open connections that nobody uses just now."""

import asyncio

from functions.send.smtp.connection import Connection


class Idle:
    """Keeps them for a while for the next mail, then says QUIT."""

    def __init__(self, idle_s: float, leaving: set[asyncio.Task[None]]) -> None:
        self._idle_s = idle_s
        self._open: dict[Connection, asyncio.TimerHandle] = {}
        self._leaving = leaving

    def __len__(self) -> int:
        return len(self._open)

    def reuse(self) -> Connection | None:
        """An open connection: the one used last, which the server is least likely to drop."""
        while self._open:
            connection, timer = self._open.popitem()
            timer.cancel()
            if connection.usable:
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._open[connection] = loop.call_later(self._idle_s, self._dismiss, connection)

    def dismiss_all(self) -> None:
        for connection in list(self._open):
            self._dismiss(connection)

    def _dismiss(self, connection: Connection) -> None:
        self._open.pop(connection).cancel()
        task = asyncio.get_running_loop().create_task(connection.quit())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
