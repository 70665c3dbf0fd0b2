"""What all callers of one destination share: permits to connect, and idle connections."""

import asyncio

from functions.send.smtp.connection import Connection


class Site:
    """At most `connections` at once, in use and idle together: a lane that holds a permit takes
    an idle connection before it opens one. Permits are given out first come, first served."""

    def __init__(self, connections: int, idle_s: float, leaving: set[asyncio.Task[None]]) -> None:
        self.permits = asyncio.Semaphore(connections)
        self._idle_s = idle_s
        self._idle: dict[Connection, asyncio.TimerHandle] = {}
        self._leaving = leaving

    def reuse(self) -> Connection | None:
        """An open connection: the one used last, which the server is least likely to drop."""
        while self._idle:
            connection, timer = self._idle.popitem()
            timer.cancel()
            if connection.usable:
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._idle[connection] = loop.call_later(self._idle_s, self._dismiss, connection)

    def dismiss_all(self) -> None:
        for connection in list(self._idle):
            self._dismiss(connection)

    def _dismiss(self, connection: Connection) -> None:
        self._idle.pop(connection).cancel()
        task = asyncio.get_running_loop().create_task(connection.quit())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
