"""Ports that servers are told before they start."""

import random
import socket
from collections.abc import Sequence

HOST = "127.0.0.1"
RANGE = range(10_000, 22_000)
"""Below those that the system gives to connections: one of them could have taken the port by the
time that a server listens, or starts again."""


class NoFreePorts(Exception):
    """All that were tried are taken."""


def free_ports(count: int, beside: Sequence[int] = (0,)) -> list[int]:
    """Ports that are free, and also those above them by each of `beside`. Raises `NoFreePorts`."""
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if all(_is_free(port + offset) for offset in beside):
            found.append(port)
        if len(found) == count:
            return found
    raise NoFreePorts(f"no {count} free ports from {RANGE.start} to {RANGE.stop}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
