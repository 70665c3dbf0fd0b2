"""TCP from an address of our own choice."""

import asyncio
import socket
from typing import Any

from functions.send.smtp.target import Source, Target


async def reach_from(source: Source, target: Target) -> socket.socket:
    """A connected socket. Raises `OSError` that says what was wrong."""
    family = socket.AF_INET6 if ":" in source.address else socket.AF_INET
    failure = OSError(f"{target.host} has no address that {source.address} can reach")
    for there in await _addresses(target, family):
        here = _bound(source, family)
        try:
            await asyncio.get_running_loop().sock_connect(here, there)
            return here
        except OSError as no:
            here.close()
            failure = no
        except BaseException:
            here.close()
            raise
    raise failure


async def _addresses(target: Target, family: socket.AddressFamily) -> list[Any]:
    if target.address:
        if (":" in target.address) != (family == socket.AF_INET6):
            return []
        return [(target.address, target.port)]
    found = await asyncio.get_running_loop().getaddrinfo(
        target.host, target.port, family=family, type=socket.SOCK_STREAM
    )
    return [each[4] for each in found]


def _bound(source: Source, family: socket.AddressFamily) -> socket.socket:
    here = socket.socket(family, socket.SOCK_STREAM)
    try:
        here.setblocking(False)
        here.bind((source.address, 0))
    except OSError as no:
        here.close()
        raise OSError(f"cannot send from {source.address}: {no.strerror or no}") from no
    return here
