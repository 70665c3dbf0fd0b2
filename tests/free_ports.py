"""Ports for servers that have to be told one before they start.

Below those that the system gives to connections, which may take one in between; and each worker of
the suite has its own.
"""

import os
import random
import socket
from contextlib import suppress
from itertools import cycle, islice

MOST_WORKERS = 32
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_own = range(3000 + _worker % MOST_WORKERS, 10_000, MOST_WORKERS)
# From anywhere on: another run of the suite may be under way on this machine.
_next = islice(cycle(_own), random.randrange(len(_own)), None)


def free_port() -> int:
    """One that nobody has, and that no other test is told."""
    for port in islice(_next, len(_own)):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports of this worker are taken")
