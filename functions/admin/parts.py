"""What the endpoints are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from functions.admin.mail.reader import MailReader
from shared.config import Config
from shared.domains import Directory
from shared.stage import Clock, Wake
from shared.store.base import Store


@dataclass(frozen=True)
class Parts:
    """Handed to each module of `resources/`."""

    config: Config
    store: Store
    clock: Clock
    directory: Directory
    wake: Callable[[Wake], None]
    """Told of work that was put back; nothing rests on it."""
    queues: Callable[[], Sequence[object]] | None = None
    """The destinations of the sender of this process (`QueueState` of `send`), if it has one."""

    @cached_property
    def mail(self) -> MailReader:
        """One for all: it remembers what it has read."""
        return MailReader(self.store, self.clock)
