"""Who may come in: sessions of one client address, and of a listener in all. Pure."""

from collections import Counter
from ipaddress import IPv6Address, ip_address

MAX_HELD_BYTES = 64 * 1024 * 1024
"""Of messages that are being received, in one listener: sessions times messages would be more."""


def counted_as(address: str) -> str:
    """What counts as one client: an address, or a /64 of IPv6 (nobody has less)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(IPv6Address(int(parsed) >> 64 << 64))


class Door:
    """Counts who is inside."""

    def __init__(self, max_sessions: int, max_per_address: int) -> None:
        self._max_sessions = max_sessions
        self._max_per_address = max_per_address
        self._inside: Counter[str] = Counter()
        self._sessions = 0
        self.held_bytes = 0

    def enter(self, address: str) -> str | None:
        """None, or the reply to a client that has to wait outside."""
        client = counted_as(address)
        if self._sessions >= self._max_sessions:
            return "421 4.7.0 too many sessions, try again later"
        if self._inside[client] >= self._max_per_address:
            return "421 4.7.0 too many sessions from your address"
        self._inside[client] += 1
        self._sessions += 1
        return None

    def leave(self, address: str) -> None:
        client = counted_as(address)
        self._inside[client] -= 1
        self._sessions -= 1
        if not self._inside[client]:
            del self._inside[client]

    @property
    def is_full_of_bytes(self) -> bool:
        return self.held_bytes > MAX_HELD_BYTES
