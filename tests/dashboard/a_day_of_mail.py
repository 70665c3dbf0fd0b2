"""A bucket in which a day of mail has happened, made from a seed: for pages and their pictures.

Every hour has a Batch or two; most Deliveries arrive, some are refused, some wait. What is counted
of it is counted by the compaction itself.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import msgspec
from contents import content_of

from shared import feedback, keys
from shared.bounce_classes import classify
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.model import Sender
from shared.outcome import Outcome, State, decode_lines, encode_lines
from shared.stats.compact import Compaction
from shared.store.base import Store

HOUR_S = 3600.0
SUBJECTS = (
    "Your order {{ number }} is on its way",
    "{{ name }}, please confirm your address",
    "Receipt for {{ month }}",
    "Your weekly report",
    "A new sign-in to your account",
)
HOSTS = (
    "gmail.com",
    "gmail.com",
    "gmail.com",
    "outlook.com",
    "yahoo.com",
    "gmx.de",
    "corp.example",
)
REPLIES = {
    State.DELIVERED: (250, "2.0.0", "OK queued"),
    State.DEFERRED: (450, "4.7.1", "greylisted, come back later"),
    State.BOUNCED: (550, "5.1.1", "no such user here"),
}


@dataclass(frozen=True)
class Day:
    """What was made."""

    domain: str
    batches: list[str]
    deliveries: int


async def make(store: Store, domain: str, now: float, seed: int = 7, size: int = 400) -> Day:
    """`size`: about so many Deliveries at the busiest hour. The seed is printed."""
    print(f"a day of mail from seed {seed}")
    chance = Random(seed)
    batches: list[str] = []
    deliveries = 0
    hour_now = now - now % HOUR_S
    for hour in range(24, 0, -1):
        at = hour_now - hour * HOUR_S + chance.uniform(0, 0.9) * HOUR_S
        wave = 0.25 + 0.75 * max(0.0, math.sin(math.pi * ((hour + 7) % 24) / 24))
        number = max(3, int(size * wave * chance.uniform(0.7, 1.1)))
        batches.append(await put_batch(store, domain, at, number, chance))
        await _read(store, domain, batches[-1], at)
        deliveries += number
    compaction = Compaction(store, lambda: now, 60.0)
    while (await compaction.round()).behind:
        pass
    return Day(domain, batches, deliveries)


async def put_batch(store: Store, domain: str, at: float, number: int, chance: Random) -> str:
    """A Batch that was sent at this time; returns its id."""
    batch = batch_id(at, chance.randbytes(10))
    content = content_of(
        batch,
        domain,
        at,
        accepted=number,
        sender=Sender(f"post@{domain}"),
        subject=chance.choice(SUBJECTS),
        tags=["shop"],
        bag_size=500,
    )
    await store.put(keys.content(batch), msgspec.json.encode(content))
    lines = list(_outcomes(batch, at, number, chance))
    for bag in range(-(-number // 500)):
        of_bag = lines[bag * 500 : (bag + 1) * 500]
        await store.put(keys.outcome_part(batch, bag, 0, 0), encode_lines(of_bag))
    complaints = [_complaint(each) for each in lines if chance.random() < 0.002]
    if complaints:
        await store.put(keys.event(domain, at, batch), feedback.encode_lines(complaints))
    return batch


def _outcomes(batch: str, at: float, number: int, chance: Random) -> Iterator[Outcome]:
    states = chance.choices((State.DELIVERED, State.DEFERRED, State.BOUNCED), (93, 4, 3), k=number)
    for n, state in enumerate(states):
        code, enhanced, text = REPLIES[state]
        host = chance.choice(HOSTS)
        said = classify(code, enhanced, text, "rcpt") if state != State.DELIVERED else None
        yield Outcome(
            delivery=delivery_id(batch, n // 500, n % 500),
            recipient=f"reader{n}@{host}",
            outcome=state,
            at=at + n * 0.01,
            code=code,
            enhanced=enhanced,
            text=text,
            reason="rcpt" if said else "",
            bounce_class=said.name if said else "",
            hard=said.hard if said else False,
            retry_at=at + 300 if state == State.DEFERRED else 0,
            host=f"mx.{host}",
            address="192.0.2.1:25",
            tls="TLSv1.3",
            tls_proof="pki",
            transmit_s=0.1,
        )


async def _read(store: Store, domain: str, batch: str, at: float) -> None:
    """What readers did with the first Bag of a Batch."""
    outcomes = decode_lines((await store.get(keys.outcome_part(batch, 0, 0, 0))).body)
    happened = list(_opened(outcomes, batch))
    await store.put(keys.event(domain, at, f"{batch}-read"), feedback.encode_lines(happened))


def _opened(outcomes: list[Outcome], batch: str) -> Iterator[Event]:
    """Opened within the half hour by two of five, and then perhaps clicked."""
    chance = Random(batch)
    for each in outcomes:
        for kind, share in ((feedback.OPENED, 0.4), (feedback.CLICKED, 0.15)):
            if each.outcome != State.DELIVERED or chance.random() > share:
                break
            at = each.at + chance.uniform(0, 1800)
            yield Event(
                delivery=each.delivery, recipient=each.recipient, kind=kind, at=at, batch=batch
            )


def _complaint(outcome: Outcome) -> Event:
    return Event(
        delivery=outcome.delivery,
        recipient=outcome.recipient,
        kind=feedback.COMPLAINED,
        at=outcome.at + 60,
        feedback_type="abuse",
    )
