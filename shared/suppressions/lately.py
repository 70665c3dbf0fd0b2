"""What this process has just changed itself: it counts at once here, although `reading` remembers
a listing that does not show it yet."""

import time
from collections.abc import Container
from weakref import WeakKeyDictionary, WeakSet

from shared.domains import REMEMBER_S, Directory
from shared.store.base import Store

KEPT_S = 2 * REMEMBER_S
"""A listing that began before is forgotten by then."""


class Lately:
    """The addresses that were suppressed while a Directory remembers, and how often the lists of
    Domains have changed otherwise."""

    def __init__(self) -> None:
        self._added: dict[str, dict[str, float]] = {}
        self._changes: dict[str, int] = {}

    def add(self, domain: str, digest: str) -> None:
        now = time.monotonic()
        added = self._added.setdefault(domain, {})
        added.pop(digest, None)  # the youngest is last
        added[digest] = now
        _drop_old(added, now)

    def change(self, domain: str, gone: str) -> None:
        self._changes[domain] = self.changes(domain) + 1
        self._added.get(domain, {}).pop(gone, None)

    def added(self, domain: str) -> Container[str]:
        """Digests. What is older is in the listing, or was taken away by another process."""
        found = self._added.get(domain)
        if not found:
            return frozenset()
        _drop_old(found, time.monotonic())
        return found

    def changes(self, domain: str) -> int:
        return self._changes.get(domain, 0)


def _drop_old(added: dict[str, float], now: float) -> None:
    while added and added[next(iter(added))] < now - KEPT_S:
        del added[next(iter(added))]


def of_directory(store: Store, directory: Directory) -> Lately:
    found = _known.setdefault(directory, Lately())
    _of_store.setdefault(store, WeakSet()).add(found)
    return found


def note_added(store: Store, domain: str, digest: str) -> None:
    """To be called when it is stored."""
    for each in _of_store.get(store, ()):
        each.add(domain, digest)


def note_change(store: Store, domain: str, gone: str = "") -> None:
    """The list has to be read again. `gone`: the digest that was taken away."""
    for each in _of_store.get(store, ()):
        each.change(domain, gone)


_known: WeakKeyDictionary[Directory, Lately] = WeakKeyDictionary()
_of_store: WeakKeyDictionary[Store, WeakSet[Lately]] = WeakKeyDictionary()
