"""Telling a Webhook again: what failed, and what it was told before.

What it never took is work under `failed/notify/`; what it took is in its log, as long as that is
kept. All of it keeps its message id, so that a receiver can drop what it has.
"""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from shared import failures, keys, notifying, webhook_log, webhooks
from shared.errors import Malformed, NotFound
from shared.notifying import Call
from shared.stage import Failure, Wake
from shared.store.base import Store, list_all

LONGEST_RANGE_S = 31 * 86400.0
LAST_TIME = 2.0**33
"""In the year 2242: behind it there are no days to look at."""


@dataclass(frozen=True, slots=True)
class Range:
    """Times in seconds since 1970, both included."""

    since: float
    until: float

    def __post_init__(self) -> None:
        in_order = 0 <= self.since <= self.until <= LAST_TIME
        if not in_order or self.until - self.since > LONGEST_RANGE_S:
            raise Malformed("until: it has to be at most 31 days behind since")

    def has(self, at: float) -> bool:
        return self.since <= at <= self.until

    def days(self) -> list[str]:
        whole = [self.since + 86400.0 * each for each in range(33)]
        return sorted({keys.day(at) for at in [*whole, self.until] if at <= self.until})


async def test(store: Store, domain: str, webhook_id: str, now: float) -> Wake:
    """Have a test event told. Raises `NotFound`."""
    await webhooks.load(store, domain, webhook_id)
    call = Call(domain=domain, webhook=webhook_id, source=notifying.TEST, at=now)
    return await notifying.put(store, call, _mark(now))


async def replay(
    store: Store,
    domain: str,
    webhook_id: str,
    wanted: Range,
    now: float,
    *,
    only_failed: bool = False,
    message: str = "",
) -> list[Wake]:
    """Put back what fits; with `message` that one alone. Raises `NotFound`, `Malformed`."""
    await webhooks.load(store, domain, webhook_id)
    put_back = [] if message else await _failed(store, domain, webhook_id, wanted, now)
    if only_failed:
        return put_back
    told = await _told(store, domain, webhook_id, wanted, message)
    if message and not told:
        raise NotFound(f"the log of {webhook_id} has no message {message!r} in this range")
    for source, ids in told.items():
        call = Call(domain=domain, webhook=webhook_id, source=source, at=now, only=sorted(ids))
        put_back.append(await notifying.put(store, call, _mark(now)))
    return put_back


async def _failed(
    store: Store, domain: str, webhook_id: str, wanted: Range, now: float
) -> list[Wake]:
    """What is under `failed/`, as if it had never been tried."""
    prefix = keys.failed_of("notify", keys.notifying_of(domain, webhook_id))
    put_back: list[Wake] = []
    for key in [entry.key async for entry in list_all(store, prefix)]:
        with suppress(NotFound):  # replayed just now
            failure = await failures.load(store, key)
            if wanted.has(failure.at):
                call = _afresh(failure, now)
                mark = f"{_mark(now)}.{len(put_back):06d}"
                put_back.append(await notifying.put(store, call, mark))
                # Died before: it is told, and still shown as failed.
                await store.delete(key)
    return put_back


def _afresh(failure: Failure, now: float) -> Call:
    call = notifying.decode(failure.body)
    return msgspec.structs.replace(call, attempt=0, holds=0, at=now)


async def _told(
    store: Store, domain: str, webhook_id: str, wanted: Range, message: str
) -> dict[str, set[str]]:
    """Source → the ids of the messages that were taken, of the range."""
    found: dict[str, set[str]] = defaultdict(set)
    for day in wanted.days():
        async for _, attempts in webhook_log.of_day(store, domain, webhook_id, day):
            for each in attempts:
                fits = each.id == message if message else each.taken
                if fits and wanted.has(each.at) and each.source != notifying.TEST:
                    found[each.source].add(each.id)
    return found


def _mark(now: float) -> str:
    return f"+{int(now * 1000):013d}"
