"""send: transmits one Bag of Envelopes, and records what the servers answered.

    dispatched/<batch>/<bag>.<attempt>.jsonl
        → batches/<batch>/outcomes/<bag>.<attempt>.<part>.jsonl
          waiting/<due>/send/<batch>/<bag>.<attempt + 1>.jsonl   what is deferred
          domains/<domain>/suppressions/…                        who does not exist
          submitted/<batch>.json                                 a report to who sent by SMTP
          notifying/<domain>/<webhook>/<batch>.<bag>.<attempt>…  what Webhooks have to hear

The only stage with a side effect on the world, so the only one that takes a lease. What is in the
bucket decides: a Delivery that has an Outcome for this attempt, or a final one for any, is never
transmitted again.
"""

from collections.abc import Sequence
from contextlib import nullcontext, suppress

from msgspec.structs import replace

from functions.send import bagfile
from functions.send.aftermath import write_aftermath
from functions.send.following import next_bag
from functions.send.lease import Lease
from functions.send.open_bag import OpenBag
from functions.send.retry import RetryPolicy
from functions.send.settings import SendSettings
from functions.send.transmit import Transmitter
from shared import keys, traces
from shared.codec import plain_size
from shared.errors import EkidenError
from shared.outcome import count
from shared.stage import Clock, Stage, Wake, write_once
from shared.store.base import Store
from shared.watch import Watch


def stage(
    store: Store, clock: Clock, watch: Watch, transmitter: Transmitter, settings: SendSettings
) -> Stage:
    open_room, announcer = settings.room, settings.announcer

    async def work(key: str, body: bytes) -> Sequence[Wake]:
        async with open_room.of(key, plain_size(body)) if open_room else nullcontext():
            return await send_bag(key, body)

    async def send_bag(key: str, body: bytes) -> Sequence[Wake]:
        header, envelopes = bagfile.decode(body)
        place = keys.lease(header.batch, header.bag, header.attempt)
        lease = Lease(store, clock, place, settings.owner, settings.lease_s)
        await lease.take()
        bag = OpenBag(store, clock, watch, lease, settings, header, envelopes, key)
        traces.note(domain=header.domain, deliveries=len(envelopes))
        try:
            # Asked for here, the Domain is in memory when the transmitter asks: no read more.
            listening = await announcer.listening(header.domain) if announcer else {}
            await bag.send(transmitter)
            await _defer(store, bag, settings.retry)
            ready = await write_aftermath(store, bag, settings, listening)
            _note(bag)
        except BaseException:
            if await lease.stop() and not bag.has_unwritten:
                with suppress(EkidenError):
                    await (lease.hand_on() if lease.stolen else store.delete(place))
            raise
        # Everything that this Bag leads to is stored. Died before: it is read again, and nothing
        # is left to transmit. Died after: nothing is left at all. The lease comes first, so that
        # one without a Bag is rare (the sweep finds those).
        await store.delete(*([place] if await lease.stop() else []), key)
        return ready

    return Stage("send", work, settings.stored_room, settings.counts)


def _note(bag: OpenBag) -> None:
    """For the span of this run."""
    if traces.spans is not None:
        found = count(bag.outcomes.values())
        traces.note(**{f"outcomes.{state}": number for state, number in found.items()})


async def _defer(store: Store, bag: OpenBag, retry: RetryPolicy) -> None:
    """Put what is deferred, as one new Bag, to where it waits."""
    delay_s = retry.report_delay_after_s
    following = next_bag(bag.header, bag.envelopes, bag.outcomes, delay_s, bag.elsewhere)
    if following is None:
        return
    due, header, envelopes = following
    header = replace(header, parts_before=bag.parts)
    work = keys.dispatched(header.batch, header.bag, header.attempt)
    # Died before: the Outcomes say what was deferred, and the same Bag is made again.
    await write_once(store, keys.waiting(due, work), bagfile.encode_bag(header, envelopes))
