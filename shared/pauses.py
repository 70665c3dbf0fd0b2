"""Destinations that an operator has paused: `control/paused/<name>.json`.

The name is a recipient's domain, a mail server, or a name above it. Who sends obeys within seconds.
"""

import asyncio
import ipaddress
import re

import msgspec

from shared import keys
from shared.address import normal_domain
from shared.errors import Malformed, NotFound
from shared.store.base import Store, list_all

LONGEST_REASON = 500
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?")


class Pause(msgspec.Struct, frozen=True):
    """The object."""

    reason: str
    at: float
    """Since when, seconds since 1970."""


async def read(store: Store) -> dict[str, Pause]:
    """Name → why and since when, of all that is paused."""
    entries = [entry async for entry in list_all(store, keys.PAUSED)]
    found = await asyncio.gather(*(_read(store, entry.key) for entry in entries))
    names = [keys.parse_paused(entry.key) for entry in entries]
    return {name: pause for name, pause in zip(names, found, strict=True) if pause}


async def _read(store: Store, key: str) -> Pause | None:
    try:
        return msgspec.json.decode((await store.get(key)).body, type=Pause)
    except NotFound:
        return None  # resumed just now
    except msgspec.MsgspecError:  # its name says all that counts
        return Pause("the reason cannot be read", 0.0)


async def pause(store: Store, name: str, reason: str, at: float) -> None:
    """Raises `Malformed`."""
    record = Pause(" ".join(reason.split())[:LONGEST_REASON], at)
    await store.put(keys.paused(checked(name)), msgspec.json.encode(record))


async def resume(store: Store, name: str) -> None:
    """Raises `Malformed`."""
    await store.delete(keys.paused(checked(name)))


def checked(name: str) -> str:
    """The name as senders look for it. Raises `Malformed`."""
    plain = name.strip().lower().rstrip(".")
    found = normal_domain(plain) or plain
    if ":" in found:
        return _ipv6(found)
    if not _HOST.fullmatch(found):
        raise Malformed(f"{name[:100]!r} is no domain and no server's name")
    return found


def _ipv6(text: str) -> str:
    """A port is not part of a name: such a pause would hold nothing back. Raises `Malformed`."""
    try:
        return str(ipaddress.IPv6Address(text.strip("[]")))
    except ValueError as error:
        detail = f"{text[:100]!r} is no server's name: write it without a port"
        raise Malformed(detail) from error
