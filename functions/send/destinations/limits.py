"""What a destination is given at most. Pure.

A site is what shares one limit: a well-known provider, whatever the names of its servers, or else
one set of mail exchangers, so that domains hosted together share it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Limits:
    """How a site is treated."""

    connections: int = 20
    messages: int = 100
    """On one connection. Some providers hang up after so many."""
    per_minute: int = 0
    """0: no limit."""


PROVIDERS: dict[str, dict[str, int]] = {
    "google.com": {"connections": 20, "messages": 100},
    "googlemail.com": {"connections": 20, "messages": 100},
    "outlook.com": {"connections": 10, "messages": 50},
    "yahoodns.net": {"connections": 5, "messages": 20},
    "icloud.com": {"connections": 5, "messages": 50},
    "gmx.net": {"connections": 5, "messages": 50},
    "web.de": {"connections": 5, "messages": 50},
    "t-online.de": {"connections": 5, "messages": 50},
    "orange.fr": {"connections": 2, "messages": 50},
    "free.fr": {"connections": 3, "messages": 50},
    "comcast.net": {"connections": 10, "messages": 100},
    "mail.ru": {"connections": 10, "messages": 50},
    "qq.com": {"connections": 5, "messages": 20},
    "163.com": {"connections": 5, "messages": 20},
}
"""By a name above the mail servers. Few publish figures; these are what senders found to be taken
without complaint. The pace adapts below them (`pace.py`)."""


class LimitBook:
    """The limits of every site: those of the configuration, then `PROVIDERS`, then the default."""

    def __init__(self, default: Limits, own: Mapping[str, Mapping[str, int]] = {}) -> None:
        self._default = default
        names = PROVIDERS.keys() | own.keys()
        self._known = {
            name: self._limits({**PROVIDERS.get(name, {}), **own.get(name, {})}, name in own)
            for name in names
        }

    def _limits(self, given: Mapping[str, int], asked_for: bool) -> Limits:
        limits = replace(self._default, **given)
        if asked_for:
            return limits
        # An operator who lowers the default means everybody.
        return replace(
            limits,
            connections=min(limits.connections, self._default.connections),
            messages=min(limits.messages, self._default.messages),
        )

    def site_of(self, hosts: Iterable[str]) -> tuple[str, Limits]:
        """(name, limits) of the site that these servers belong to."""
        names = sorted({host.lower().rstrip(".") for host in hosts})
        above = {self._above(name) for name in names}
        if len(above) == 1 and (known := above.pop()):
            return known, self._known[known]
        return ",".join(names), self._default

    def _above(self, host: str) -> str:
        """The longest known name that is this host's, or stands above it; or empty."""
        while host and host not in self._known:
            host = host.partition(".")[2]
        return host
