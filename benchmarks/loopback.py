"""Ports of the loopback interface, and waiting until something listens on one."""

import random
import socket
import time

HOST = "127.0.0.1"
LOWEST_PORT, HIGHEST_PORT = 20_000, 32_000
"""Below the range that Linux gives to outgoing connections, so that none of ours takes it."""


def free_port() -> int:
    """A port that nothing listens on now."""
    while True:
        port = random.randint(LOWEST_PORT, HIGHEST_PORT)
        with socket.socket() as candidate:
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                candidate.bind((HOST, port))
            except OSError:
                continue
            return port


def wait_until_listens(port: int, timeout_s: float = 20) -> None:
    """Return when a connection to `port` is accepted. Raises `TimeoutError`."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing listens on port {port}") from error
            time.sleep(0.02)
