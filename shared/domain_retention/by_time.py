"""Events, received mail, and what is written down of calls: their keys begin with their time.

So looking ends at the first that is young enough. Of what came in by mail, the mail that is kept in
`archive/` goes first: by what it led to it is found.
"""

import re
from collections.abc import Sequence

from shared import keys
from shared.domain_retention.counted import Counted
from shared.domain_retention.forgetting import delete
from shared.domain_retention.listings import PAGE, Budget
from shared.domain_retention.open_work import OpenWork
from shared.ids import time_of
from shared.store.base import Entry, Store

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class ByTime:
    """Of any Domain, in one turn."""

    def __init__(self, store: Store, counted: Counted, work: OpenWork, budget: Budget) -> None:
        self._store = store
        self._counted = counted
        self._work = work
        self._budget = budget
        self.forgotten = 0

    async def events(self, domain: str, cutoff: float) -> bool:
        """Those that are counted. Returns whether it came to the end; raises `Temporary`."""
        last, after = keys.day(cutoff), ""
        while not self._budget.is_spent:
            page = await self._page(keys.events(domain), after)
            of_days = [(_part(each.key, 2), each.key) for each in page]
            old = [key for day, key in of_days if _is_day(day) and day < last]
            gone = [key for key in old if await self._is_done_with(domain, key)]
            await self._forget([keys.name_of_event(key) for key in gone], gone)
            if len(page) < PAGE or any(_is_day(day) and day >= last for day, _ in of_days):
                return True
            after = page[-1].key
        return False

    async def _is_done_with(self, domain: str, key: str) -> bool:
        if self._work.keeps(keys.name_of_event(key)):
            return False
        return await self._counted.has_event(domain, key)

    async def received(self, domain: str, cutoff: float) -> bool:
        """The same of mail for the Domain's people."""
        after = ""
        while not self._budget.is_spent:
            page = await self._page(keys.received_by(domain), after)
            old = [each for each in page if _came(each) < cutoff]
            gone = [each.key for each in old if not self._work.keeps(keys.parse_received(each.key))]
            await self._forget([keys.parse_received(key) for key in gone], gone)
            if len(page) < PAGE or len(old) < len(page):
                return True
            after = page[-1].key
        return False

    async def calls(self, domain: str, cutoff: float) -> bool:
        """The same of what Webhooks were told; each has its own days."""
        last, after = keys.day(cutoff), ""
        while not self._budget.is_spent:
            page = await self._page(keys.calls_of(domain), after)
            of_days = [(_part(each.key, 3), each.key) for each in page]
            await self._forget([], [key for day, key in of_days if _is_day(day) and day < last])
            if len(page) < PAGE:
                return True
            day, after = of_days[-1]
            if _is_day(day) and day >= last:
                after = keys.behind_calls(domain, _part(after, 2))
        return False

    async def _page(self, prefix: str, after: str) -> list[Entry]:
        self._budget.spend()
        return await self._store.list_page(prefix, after, PAGE)

    async def _forget(self, inbound: Sequence[str], gone: Sequence[str]) -> None:
        """Died in between: the objects are there, and are found again."""
        await delete(self._store, [keys.archived(keys.inbound(each)) for each in inbound])
        await delete(self._store, gone)
        self.forgotten += len(gone)


def _part(key: str, number: int) -> str:
    parts = key.split("/")
    return parts[number] if len(parts) > number else ""


def _is_day(text: str) -> bool:
    return _DAY.fullmatch(text) is not None


def _came(mail: Entry) -> float:
    return time_of(keys.parse_received(mail.key)) or mail.modified
