"""The newest Batches, of one Domain or of all, found by their ids.

There is no index of a Domain's Batches: it would cost every mail one more write. Ids are in order
of time, and a store lists forwards only; so stretches of time are listed, going back, each as long
as the one before was sparse. Then the contents are read until enough are of this Domain. They never
change, so they are remembered. Each call is bounded, and says from where to go on: among many
Batches of others a page may be short, or empty.
"""

import asyncio
import re
from collections import OrderedDict
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header

import msgspec

from shared import keys
from shared.codec import unpack
from shared.errors import NotFound
from shared.ids import batch_id, time_of
from shared.model import Content, Sender
from shared.stage import Clock
from shared.store.base import Store

MOST_LISTINGS = 24
MOST_READ = 300
"""Contents that are read for one page."""
REMEMBERED = 20_000
FIRST_STRETCH_S = 600.0
SHORTEST_STRETCH_S = 0.01
WIDER = 4.0
_PAGES_OF_A_STRETCH = 3
_READ_AT_ONCE = 25
_PAGE = 1000
_AHEAD_S = 3600.0
"""Other processes' clocks may be ahead of ours."""


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One Batch, as lists show it. Times are in seconds since 1970."""

    batch: str
    domain: str
    accepted_at: float
    due_at: float
    sender: str
    subject: str
    """As its author wrote it, with placeholders."""
    accepted: int
    rejected: int
    tags: list[str]
    bag_size: int


class _Stored(msgspec.Struct):
    """What a list needs of `content.json`; all else is passed over."""

    batch: str
    domain: str
    accepted_at: float
    due_at: float
    sender: Sender
    accepted: int
    rejected: list[msgspec.Raw] = []
    subject: str = ""
    message: str = ""
    tags: list[str] = []
    bag_size: int = 0


_STORED = msgspec.json.Decoder(_Stored)
_SUBJECT = re.compile(
    r"^subject:[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Found:
    """One page of Batches, the newest first."""

    batches: list[Batch]
    next: str
    """Go on before this id; empty: there is no more."""


class Newest:
    """Finds Batches. Keeps what it has read."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: OrderedDict[str, Batch | None] = OrderedDict()

    async def page(self, domain: str, before: str, limit: int) -> Found:
        """`domain` empty: of all. `before`: an id, or empty."""
        batches: list[Batch] = []
        back = _Back(self._store, before or batch_id(self._clock() + _AHEAD_S, bytes(10)))
        looked_at = 0
        while looked_at < MOST_READ:
            ids = await back.more()
            if not ids:
                return Found(batches, back.before if back.is_tired else "")
            for start in range(0, len(ids), _READ_AT_ONCE):
                group = ids[start : start + _READ_AT_ONCE]
                looked_at += len(group)
                for each in await asyncio.gather(*map(self._batch, group)):
                    if each is None or domain not in ("", each.domain):
                        continue
                    batches.append(each)
                    if len(batches) == limit:
                        return Found(batches, each.batch)
                if looked_at >= MOST_READ:
                    return Found(batches, group[-1])
        return Found(batches, back.before)

    async def _batch(self, batch: str) -> Batch | None:
        """None: its content is not there, or cannot be read."""
        if batch in self._known:
            self._known.move_to_end(batch)
            return self._known[batch]
        try:
            stored = _STORED.decode(unpack((await self._store.get(keys.content(batch))).body))
        except NotFound:
            return None  # it may come
        except msgspec.MsgspecError:
            found = None
        else:
            found = _listed(stored)
        self._known[batch] = found
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


class _Back:
    """Goes back in time through the ids below `batches/`."""

    def __init__(self, store: Store, before: str) -> None:
        self._store = store
        self.before = before
        self._stretch_s = FIRST_STRETCH_S
        self._listings = 0
        self._first_at: float | None = None

    @property
    def is_tired(self) -> bool:
        """It has listed as often as it may."""
        return self._listings >= MOST_LISTINGS

    async def more(self) -> list[str]:
        """Some more ids, the newest first. None: there are no more, or `is_tired`."""
        if self._first_at is None:
            first = await self._list("", 1)
            self._first_at = time_of(keys.parse_batch(first[0])) if first else float("inf")
        while not self.is_tired and time_of(self.before) >= self._first_at:
            since = batch_id(max(0.0, time_of(self.before) - self._stretch_s), bytes(10))
            ids = await self._between(since)
            if ids is None:
                self._stretch_s /= WIDER
                continue
            last, self.before = self.before, since
            if len(ids) < _READ_AT_ONCE:
                self._stretch_s *= WIDER
            if ids:
                return sorted((each for each in ids if each < last), reverse=True)
        return []

    async def _between(self, since: str) -> list[str] | None:
        """All ids from `since` to `before`, or None if they are too many."""
        found: dict[str, None] = {}
        start = keys.batch_prefix(since).rstrip("/")
        for _ in range(_PAGES_OF_A_STRETCH):
            page = await self._list(start, _PAGE)
            ids = [keys.parse_batch(key) for key in page]
            found |= dict.fromkeys(each for each in ids if each < self.before)
            if len(page) < _PAGE or ids[-1] >= self.before:
                return list(found)
            start = keys.behind_batch(ids[-1])  # its many Outcomes are of no interest
        return list(found) if self._stretch_s <= SHORTEST_STRETCH_S else None

    async def _list(self, start: str, limit: int) -> list[str]:
        self._listings += 1
        return [each.key for each in await self._store.list_page(keys.BATCHES, start, limit)]


def _listed(stored: _Stored) -> Batch:
    return Batch(
        batch=stored.batch,
        domain=stored.domain,
        accepted_at=stored.accepted_at,
        due_at=stored.due_at,
        sender=stored.sender.email,
        subject=subject_of(stored),
        accepted=stored.accepted,
        rejected=len(stored.rejected),
        tags=stored.tags,
        bag_size=stored.bag_size,
    )


def subject_of(content: _Stored | Content) -> str:
    """What the Batch is about; a ready-made message's own subject (RFC 2047 decoded)."""
    if not content.message:
        return content.subject
    found = _SUBJECT.search(content.message.partition("\r\n\r\n")[0])
    if found is None:
        return ""
    plain = found[1].replace("\r\n", "").encode("latin-1").decode("utf-8", "replace")
    try:
        return str(make_header(decode_header(plain)))
    except (HeaderParseError, LookupError, ValueError):
        return plain
