"""What else follows from a Bag's Outcomes: reports to who sent by SMTP, Webhooks.

All of it is derived from the Bag and its recorded Outcomes, and put create-only: a crash before or
after any of these writes changes nothing. A repeat long after, as by a replay, finds its report
taken by the same id; Webhooks are told once more, under the ids that they know.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from functions.send.decide import is_late
from shared import keys
from shared.outcome import State
from shared.stage import Wake, wake, write_once
from shared.store.base import Store

if TYPE_CHECKING:
    from functions.send.open_bag import OpenBag
    from functions.send.settings import SendSettings

LOST = frozenset({State.BOUNCED, State.FAILED, State.REJECTED})


async def write_aftermath(
    store: Store,
    bag: "OpenBag",
    settings: "SendSettings",
    listening: Mapping[str, Collection[str]],
) -> Sequence[Wake]:
    """Report, and have the Webhooks told that are listening. Returns what other stages may take
    up."""
    ready = await _report(store, bag, settings) if bag.header.reports_to else []
    return ready + await _announce(bag, settings, listening)


async def _announce(
    bag: "OpenBag", settings: "SendSettings", listening: Mapping[str, Collection[str]]
) -> list[Wake]:
    outcomes = bag.outcomes.values()
    if not settings.announcer or not listening or not outcomes:
        return []
    header = bag.header
    source = keys.outcomes_of_attempt(header.batch, header.bag, header.attempt)
    happened = {str(each.outcome) for each in outcomes}
    at = max(each.at for each in outcomes)
    return await settings.announcer.announce(header.domain, source, happened, at, listening)


async def _report(store: Store, bag: "OpenBag", settings: "SendSettings") -> list[Wake]:
    from functions.send.notices import notice

    header = bag.header
    found = [(each, bag.outcomes.get(bag.id_of(each))) for each in bag.envelopes]
    told = [(envelope, outcome) for envelope, outcome in found if outcome is not None]
    lost = [pair for pair in told if pair[1].outcome in LOST]
    after_s = settings.retry.report_delay_after_s
    late = [
        pair for pair in told if is_late(header, pair[1], after_s) and not pair[0].delay_reported
    ]
    ready: list[Wake] = []
    kinds = (("failure", notice.failure_report, lost), ("delay", notice.delay_report, late))
    for kind, make, group in kinds:
        if group and notice.is_wanted(header):
            # Of the whole attempt: a Bag made again may hold fewer Envelopes.
            at = max(outcome.at for outcome in bag.outcomes.values())
            message = make(header, group, header.domain, settings.hostname, at)
            key, body = notice.report_batch(header, kind, message, at)
            await write_once(store, key, body)
            ready.append(wake(key, body))
    return ready
