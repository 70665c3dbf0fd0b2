"""Kinds of options that speak of mail: routes, pools, limits, protection of some domains."""

import re
from datetime import date

from shared.config_kinds import Kind
from shared.config_network import DEMO, mask, parse_route

_PATTERN = r"(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
TLS_WORDS = ("off", "opportunistic", "required", "verified")


class RouteFor(Kind, frozen=True):
    """`example.com=route`; the value stays text."""

    def parse(self, text: str) -> str:
        parse_route_for(text)
        return text

    def show(self, value: str) -> str:
        return mask(value)

    @property
    def word(self) -> str:
        return "domain=route"


def parse_route_for(text: str) -> tuple[str, str]:
    """(domain pattern in lower case, route) of `*.example.com=smtp://host`. Raises ValueError."""
    pattern, equals, route = text.partition("=")
    if not equals or not re.fullmatch(_PATTERN, pattern):
        raise ValueError(f"{mask(text)!r} is no domain with its route: write example.com=smtp://…")
    parse_route(route)
    if route == DEMO:
        raise ValueError("demo: is a route for all mail, or for none: write it as send.route")
    return pattern.lower(), route


def parse_own_route(text: str) -> tuple[str, str]:
    """The same for a Domain's own routes, where `*` and a whole address may stand, too."""
    pattern, _, route = text.partition("=")
    stand_in = "example.com" if pattern == "*" else pattern.rpartition("@")[2]
    _, route = parse_route_for(f"{stand_in}={route}")
    return pattern.lower(), route


class PoolMember(Kind, frozen=True):
    """`pool=address/name`; the value stays text."""

    def parse(self, text: str) -> str:
        parse_pool_member(text)
        return text

    @property
    def word(self) -> str:
        return "pool=address/name"


def parse_pool_member(text: str) -> tuple[str, str, str]:
    """(pool, IP address, name for EHLO or "") of `bulk=192.0.2.10/m1.example.com`.

    Raises ValueError.
    """
    from ipaddress import ip_address

    match = re.fullmatch(r"([a-z0-9][a-z0-9_-]{0,49})=([0-9A-Fa-f.:]+)(?:/([A-Za-z0-9.-]+))?", text)
    if not match:
        raise ValueError(f"{text!r} is no member of a pool: write it like bulk=192.0.2.10/m1.name")
    return match[1], str(ip_address(match[2])), match[3] or ""


class WarmUp(Kind, frozen=True):
    """`address=day`; the value stays text."""

    def parse(self, text: str) -> str:
        parse_warmup(text)
        return text

    @property
    def word(self) -> str:
        return "address=day"


def parse_warmup(text: str) -> tuple[str, date]:
    """(IP address, day of its first mail) of `192.0.2.10=2026-11-21`. Raises ValueError."""
    from ipaddress import ip_address

    address, _, day = text.partition("=")
    try:
        return str(ip_address(address)), date.fromisoformat(day)
    except ValueError:
        raise ValueError(
            f"{text!r} is no warm-up: write the address and its first day, 192.0.2.10=2026-11-21"
        ) from None


class DestinationLimits(Kind, frozen=True):
    """`google.com connections=10 …`; the value stays text."""

    def parse(self, text: str) -> str:
        parse_limits(text)
        return text

    @property
    def word(self) -> str:
        return "limits of destinations"


LIMIT_NAMES = ("connections", "messages", "per_minute")


def parse_limits(text: str) -> tuple[str, dict[str, int]]:
    """(name above the mail servers, limits by name) of `google.com connections=10`.

    Raises ValueError.
    """
    name, *words = text.lower().split()
    given: dict[str, int] = {}
    for word in words:
        key, _, number = word.partition("=")
        least = 0 if key == "per_minute" else 1
        if key not in LIMIT_NAMES or not re.fullmatch("[0-9]{1,8}", number) or int(number) < least:
            raise ValueError(
                f"{word!r} is no limit: write connections=10, messages=100 or per_minute=600"
            )
        given[key] = int(number)
    if not given or name.startswith("*") or not re.fullmatch(_PATTERN, name):
        raise ValueError(f"{text!r} is no limit: write it like google.com connections=10")
    return name, given


class TlsFor(Kind, frozen=True):
    """`example.com=verified`; the value stays text."""

    def parse(self, text: str) -> str:
        parse_tls_for(text)
        return text

    @property
    def word(self) -> str:
        return "domain=protection"


def parse_tls_for(text: str) -> tuple[str, str]:
    """(domain pattern in lower case, one of `TLS_WORDS`). Raises ValueError."""
    pattern, _, word = text.partition("=")
    if word not in TLS_WORDS or not re.fullmatch(_PATTERN, pattern):
        raise ValueError(f"{text!r}: write a domain and {', '.join(TLS_WORDS)}: example.com=off")
    return pattern.lower(), word
