"""What the endpoints are made of."""

from collections.abc import Callable
from dataclasses import dataclass

from shared.config import Config
from shared.domains import Directory
from shared.stage import Clock, Wake
from shared.store.base import Store


@dataclass(frozen=True, slots=True)
class Parts:
    """Handed to each module of `resources/`."""

    config: Config
    store: Store
    clock: Clock
    directory: Directory
    wake: Callable[[Wake], None]
    """Told of work that was put back; nothing rests on it."""
