"""Telling a Webhook again: what failed, and what it was told before.

What it never took is work under `failed/notify/`; what it took is in its log, as long as that is
kept. All of it keeps its message id, so that a receiver can drop what it has.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from shared import failures, keys, notifying, webhook_log, webhooks
from shared.errors import Malformed, NotFound
from shared.notifying import Call
from shared.stage import Failure, Wake
from shared.store.base import Store, list_all
from shared.webhook_log import WebhookAttempt

USUAL_RANGE_S = 86400.0
LONGEST_RANGE_S = 31 * 86400.0
"""Of the log, which is read day by day."""
LAST_TIME = 2.0**33
"""In the year 2242: behind it there are no days to look at."""


@dataclass(frozen=True, slots=True)
class Range:
    """Times in seconds since 1970, both included."""

    since: float
    until: float

    def __post_init__(self) -> None:
        if not 0 <= self.since <= self.until <= LAST_TIME:
            raise Malformed("since, until: seconds since 1970, the one not behind the other")

    def has(self, at: float) -> bool:
        return self.since <= at <= self.until

    def days(self) -> list[str]:
        """Raises `Malformed`."""
        if self.until - self.since > LONGEST_RANGE_S:
            raise Malformed("until: it may be at most 31 days later than since")
        whole = [self.since + 86400.0 * each for each in range(33)]
        return sorted({keys.day(at) for at in [*whole, self.until] if at <= self.until})


def usual(until: float, *, only_failed: bool = False, message: str = "") -> Range:
    """Where nothing is said: what failed has no age, and one message is looked for everywhere."""
    if only_failed:
        return Range(0, until)
    back_s = LONGEST_RANGE_S if message else USUAL_RANGE_S
    return Range(max(0.0, until - back_s), until)


async def test(store: Store, domain: str, webhook_id: str, now: float) -> Wake:
    """Have a test event told. Raises `NotFound`."""
    await webhooks.load(store, domain, webhook_id)
    call = Call(domain=domain, webhook=webhook_id, source=notifying.TEST, at=now)
    return await _put(store, call, now)


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
    days = [] if only_failed else wanted.days()
    put_back = [] if message else await _failed(store, domain, webhook_id, wanted, now)
    if only_failed:
        return put_back
    logged = [webhook_log.of_day(store, domain, webhook_id, day) for day in days]
    told = await _told(logged, wanted, message)
    if message and not told:
        raise NotFound(f"the log of {webhook_id} has no message {message!r} in this range")
    for source, ids in told.items():
        call = Call(domain=domain, webhook=webhook_id, source=source, at=now, only=sorted(ids))
        put_back.append(await _put(store, call, now))
    return put_back


async def _failed(
    store: Store, domain: str, webhook_id: str, wanted: Range, now: float
) -> list[Wake]:
    """What is under `failed/`, as if it had never been tried."""
    prefix = keys.failed_of("notify", keys.notifying_of(domain, webhook_id))
    put_back: list[Wake] = []
    for key in [entry.key async for entry in list_all(store, prefix)]:
        # Replayed just now; or it cannot be read, and is for a person to look at.
        with suppress(NotFound, Malformed):
            failure = await failures.load(store, key)
            if wanted.has(failure.at):
                call = _afresh(failure, now)
                put_back.append(await _put(store, call, now))
                # Died before: it is told, and still shown as failed.
                await store.delete(key)
    return put_back


def _afresh(failure: Failure, now: float) -> Call:
    call = notifying.decode(failure.body)
    return msgspec.structs.replace(call, attempt=0, holds=0, at=now)


async def _told(
    logged: Iterable[AsyncIterator[tuple[str, list[WebhookAttempt]]]], wanted: Range, message: str
) -> dict[str, set[str]]:
    """Source → the ids of the messages that were taken, of the range."""
    found: dict[str, set[str]] = defaultdict(set)
    for day in logged:
        async for _, attempts in day:
            for each in attempts:
                fits = each.id == message if message else each.taken
                if fits and wanted.has(each.at) and each.source != notifying.TEST:
                    found[each.source].add(each.id)
    return found


async def _put(store: Store, call: Call, now: float) -> Wake:
    """Under a key that says when, and what: two replays of one moment are two."""
    mark = f"+{int(now * 1000):013d}.{keys.mark_of(msgspec.json.encode(call))}"
    return await notifying.put(store, call, mark)
