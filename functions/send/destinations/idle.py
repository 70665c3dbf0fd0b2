"""Open connections that nobody uses just now."""

import asyncio

from functions.send.destinations.site import Site
from functions.send.smtp.connection import Connection


class Idle:
    """Those of one queue: kept for a while for its next mail, then told QUIT."""

    def __init__(self, idle_s: float, site: Site, leaving: set[asyncio.Task[None]]) -> None:
        self._idle_s = idle_s
        self._site = site
        self._open: dict[Connection, asyncio.TimerHandle] = {}
        self._leaving = leaving

    def __len__(self) -> int:
        return len(self._open)

    def reuse(self) -> Connection | None:
        """An open connection: the one used last, which the server is least likely to drop."""
        while self._open:
            connection = next(reversed(self._open))
            self._let_go(connection)
            if connection.usable:
                return connection
        return None

    def keep(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        self._open[connection] = loop.call_later(self._idle_s, self.dismiss, connection)
        self._site.idle[connection] = self

    def dismiss_all(self) -> None:
        for connection in list(self._open):
            self.dismiss(connection)

    def dismiss(self, connection: Connection) -> asyncio.Task[None]:
        """Say QUIT to it, kept or not; the result is done when it is closed."""
        self._let_go(connection)
        task = asyncio.get_running_loop().create_task(connection.quit())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        return task

    def _let_go(self, connection: Connection) -> None:
        timer = self._open.pop(connection, None)
        if timer is not None:
            timer.cancel()
            del self._site.idle[connection]
