"""Logging in by SMTP: what a client sends, and how often it may be wrong. Pure."""

from collections import OrderedDict, deque
from dataclasses import dataclass

from shared.address import normal_domain
from shared.smtp_server.door import counted_as

WINDOW_S = 600.0
REMEMBERED = 10_000
"""Client addresses, the latest ones."""
MAX_DELAY_S = 60.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """A Domain, and the API key that shall speak for it."""

    domain: str
    api_key: str


def plain(response: bytes) -> Credentials | None:
    """The response of PLAIN: who to act as, who logs in, the password (RFC 4616 §2)."""
    parts = response.split(b"\x00")
    if len(parts) != 3:
        return None
    acts_as, user, password = parts
    found = credentials(user, password)
    if acts_as and found and _domain(acts_as) != found.domain:
        return None  # nobody acts as somebody else
    return found


def credentials(user: bytes, password: bytes) -> Credentials | None:
    """The user is the Domain, or any address of it. None if it can be no one."""
    domain = _domain(user)
    if domain is None or not password.isascii():
        return None
    return Credentials(domain, password.decode("ascii"))


def _domain(user: bytes) -> str | None:
    return normal_domain(user.decode("utf-8", "replace").rpartition("@")[2])


class Failures:
    """Failed logins by client address. Times are seconds of any clock that only goes forward."""

    def __init__(self, max_failures: int, delay_s: float) -> None:
        self._max_failures = max_failures
        self._delay_s = delay_s
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def are_too_many(self, client: str, now: float) -> bool:
        times = self._times.get(counted_as(client), deque())
        while times and times[0] <= now - WINDOW_S:
            times.popleft()
        return len(times) >= self._max_failures

    def add(self, client: str, now: float) -> float:
        """Count one; return for how long the reply shall wait."""
        client = counted_as(client)
        times = self._times.setdefault(client, deque(maxlen=self._max_failures))
        times.append(now)
        self._times.move_to_end(client)
        if len(self._times) > REMEMBERED:
            self._times.popitem(last=False)
        return min(self._delay_s * len(times), MAX_DELAY_S)
