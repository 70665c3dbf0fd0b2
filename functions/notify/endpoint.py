"""One Webhook in this process: a few connections that stay open, and who may speak next.

What a slow one cannot take is not queued here without bound: it goes back to the bucket, so that
the calls of others find room. One that does not answer is left alone for a moment.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from functions.notify.decide import LEFT_ALONE_S
from shared.errors import Temporary
from shared.http_client import Answer, Connection, NoAnswer, Way, connect
from shared.http_url import HttpUrl

IDLE_S = 10.0
"""Servers close what is idle, commonly after a minute or less; and to look up anew is right."""
MOST_CALLS = 200
"""Of one Webhook, under way and waiting here."""
MOST_OF_DOMAIN = 300
"""Of all its Webhooks: some of them may hang, and other Domains' calls have to find room."""
LONGEST_WAIT_S = 5.0
"""For its turn. What would have to wait longer waits in the bucket."""
MOST_BODY_BYTES = 4096
"""Of an answer: only its status is of interest."""
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Manners:
    """How Webhooks are called."""

    way: Way
    timeout_s: float = 15.0
    """For one POST, connection included."""
    connections: int = 4
    """To one Webhook."""


class NotNow(Temporary):
    """It did not answer just now, and is left alone."""


class Endpoint:
    """Where one Webhook is."""

    def __init__(self, manners: Manners, monotonic: Callable[[], float]) -> None:
        self._manners = manners
        self._monotonic = monotonic
        self._places = asyncio.Semaphore(manners.connections)
        self._idle: list[tuple[HttpUrl, Connection, asyncio.TimerHandle]] = []
        self._open_again_at = 0.0
        self._usual_s = 0.0
        """What a POST takes, lately."""
        self.calls = 0
        """Under way and waiting."""

    @property
    def is_free(self) -> bool:
        """Whether another call may come now."""
        wait_s = self.calls * self._usual_s / self._manners.connections
        return self.calls < MOST_CALLS and wait_s <= LONGEST_WAIT_S and not self._is_left_alone

    @property
    def _is_left_alone(self) -> bool:
        return self._monotonic() < self._open_again_at

    @property
    def is_in_use(self) -> bool:
        return bool(self.calls or self._idle) or self._is_left_alone

    def leave_alone(self) -> None:
        self._open_again_at = self._monotonic() + LEFT_ALONE_S

    async def post(self, url: HttpUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        """Raises `NoAnswer`, `NotNow`."""
        async with self._places:
            if self._is_left_alone:
                raise NotNow(f"{url.host} did not answer just now")
            began = self._monotonic()
            try:
                async with asyncio.timeout(self._manners.timeout_s):
                    return await self._post(url, headers, body)
            except TimeoutError as late:
                why = f"{url.host}: nothing within {self._manners.timeout_s:g} s"
                raise NoAnswer(why) from late
            finally:
                self._usual_s += (self._monotonic() - began - self._usual_s) / 4

    async def _post(self, url: HttpUrl, headers: Mapping[str, str], body: bytes) -> Answer:
        kept = self._take(url)
        if kept is not None:
            try:
                return await self._ask(url, kept, headers, body)
            except NoAnswer:
                if kept.heard:
                    raise
                # It was closed meanwhile. Should the server have taken it all the same, it
                # hears the same id twice.
        return await self._ask(url, await connect(self._manners.way, url), headers, body)

    async def _ask(
        self, url: HttpUrl, connection: Connection, headers: Mapping[str, str], body: bytes
    ) -> Answer:
        answer = await connection.request("POST", headers, body, MOST_BODY_BYTES)
        if connection.is_open:
            self._keep(url, connection)
        else:
            connection.close()
        return answer

    def _take(self, url: HttpUrl) -> Connection | None:
        while self._idle:
            of, connection, timer = self._idle.pop()
            timer.cancel()
            if of == url and connection.is_open:
                return connection
            connection.close()
        return None

    def _keep(self, url: HttpUrl, connection: Connection) -> None:
        timer = asyncio.get_running_loop().call_later(IDLE_S, self._let_go, connection)
        self._idle.append((url, connection, timer))

    def _let_go(self, connection: Connection) -> None:
        connection.close()
        self._idle = [each for each in self._idle if each[1] is not connection]

    def close(self) -> None:
        for _, connection, timer in self._idle:
            timer.cancel()
            connection.close()
        self._idle.clear()


class Endpoints:
    """All that were called lately."""

    def __init__(self, manners: Manners, monotonic: Callable[[], float]) -> None:
        self._manners = manners
        self._monotonic = monotonic
        self._known: OrderedDict[str, Endpoint] = OrderedDict()
        self._of_domain: Counter[str] = Counter()
        """Calls under way."""

    @asynccontextmanager
    async def call(self, domain: str, webhook_id: str) -> AsyncIterator[Endpoint | None]:
        """A Domain's Webhook, for one call; None: not now."""
        endpoint = self._known.setdefault(webhook_id, Endpoint(self._manners, self._monotonic))
        self._known.move_to_end(webhook_id)
        if not endpoint.is_free or self._of_domain[domain] >= MOST_OF_DOMAIN:
            yield None
            return
        endpoint.calls += 1
        self._of_domain[domain] += 1
        try:
            yield endpoint
        finally:
            endpoint.calls -= 1
            self._of_domain[domain] -= 1
            if not self._of_domain[domain]:
                del self._of_domain[domain]
            self._forget_some()

    def _forget_some(self) -> None:
        if len(self._known) > REMEMBERED:
            name, oldest = next(iter(self._known.items()))
            if not oldest.is_in_use:
                del self._known[name]

    def close(self) -> None:
        for endpoint in self._known.values():
            endpoint.close()
