"""All ways of looking at mail, over one store: they share what they remember."""

from functions.admin.mail.counts import BatchCounts, Counts
from functions.admin.mail.newest import Newest
from functions.admin.mail.search import Search
from functions.admin.mail.timeline import Timelines
from shared.batches import is_cancelled
from shared.model import Content
from shared.outcome import FINAL
from shared.readback import ReadBack
from shared.stage import Clock
from shared.store.base import Store


class MailReader:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self.read = ReadBack(store)
        self.newest = Newest(store, clock)
        self.counts = BatchCounts(store)
        self.search = Search(self.read, self.counts)
        self.timelines = Timelines(store, self.read)

    async def state(self, content: Content, counts: Counts, now: float) -> str:
        """As `BatchStatus.state` has it; `sending` while not all is counted."""
        if counts.is_done:
            return "done"
        if await is_cancelled(self._store, content.batch):
            return "cancelled"
        if content.due_at > now:
            return "scheduled"
        begun = content.bag_size or any(counts.states[state] for state in FINAL)
        return "sending" if begun else "accepted"
