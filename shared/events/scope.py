"""Which events concern a function, or a source that feeds them all. The others can never do so:
they are counted and dropped."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from shared import keys
from shared.events.event import Event
from shared.key_form import is_possible


@dataclass(frozen=True, slots=True)
class Scope:
    """The objects that one function works on."""

    stage: str
    """Whose work it is; empty: any stage's."""
    bucket: str = ""
    """Events that name another one are dropped; empty: none is."""
    prefix: str = ""
    """Of all Ekiden's keys in the bucket: empty, or with a slash at its end."""

    def sort(self, events: Iterable[Event]) -> tuple[dict[str, Event], Counter[str]]:
        """(key → event of the work to do, each once; reason → how many were dropped)."""
        work: dict[str, Event] = {}
        dropped: Counter[str] = Counter()
        for event in events:
            key, reason = self._look(event)
            if reason:
                dropped[reason] += 1
            else:
                work.setdefault(key, event)
        return work, dropped

    def _look(self, event: Event) -> tuple[str, str]:
        """(the key as Ekiden knows it, why it does not concern us or "")."""
        key = event.key
        if self.bucket and event.bucket not in ("", self.bucket):
            return key, "other_bucket"
        if event.bucket and self.prefix:
            key = key.removeprefix(self.prefix)
            if key == event.key:
                return key, "other_prefix"
        stage = keys.stage_of(key)
        if stage is None or self.stage not in ("", stage):
            return key, "other_stage"
        if key.endswith("/"):
            return key, "folder"
        if not is_possible(event.key):  # asked for it, the store would refuse, each time
            return key, "impossible_key"
        return key, ""


def prefix_of(store_url: str) -> str:
    """What stands before Ekiden's keys in the bucket of `s3://BUCKET[/PREFIX]`."""
    parts = urlsplit(store_url)
    prefix = unquote(parts.path.strip("/")) if parts.scheme == "s3" else ""
    return prefix and f"{prefix}/"
