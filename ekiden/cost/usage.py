"""What a month of mail takes: how often each thing happens, times what it was measured to take.

    what happens    how often in a month
    batch           mails / Batch size
    large           the same, if a Batch has more than one Bag: it is archived beside its content
    bag             Bags
    part            objects of Outcomes: one per 200 of a Bag, or one per second that it takes
    delivery        mails
    lookup          the key, the Domain and its suppressions are read again after some seconds
    sweep           one per interval, by the process that always runs
    timer           one per interval, by the function that a timer calls

No clock, no store: what was measured comes in as an argument.
"""

from math import ceil

import msgspec

from ekiden.cost.traffic import MONTH_S, Traffic

QUEUES = 3
POLL_S = 20.0
"""The longest that SQS lets a consumer wait for a message."""
SQS_REQUESTS_PER_EVENT = 3
"""It is sent, received and deleted, each alone in the worst case."""


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What something takes. Requests are those to the store."""

    put: float = 0
    list: float = 0
    get: float = 0
    delete: float = 0
    waited: float = 0
    """Of these requests, those that a billed function waits for."""
    events: float = 0
    """Work objects that somebody is told of."""
    calls: float = 0
    """Of functions."""
    function_cpu_s: float = 0
    machine_cpu_s: float = 0
    kept_bytes: float = 0


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to run it, measured."""

    title: str
    sweep_every_s: float
    """Where nobody says otherwise."""
    timer_every_s: float
    """0: there is no timer."""
    each: dict[str, Usage]
    """What happens → what it takes once."""


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`measured.json`."""

    by: str
    date: str
    sizes: list[int]
    """Of the Batches that it was fitted to."""
    bag_size: int
    part_size: int
    """Outcomes in one object, `send.flush_outcomes`."""
    part_interval_s: float
    """`send.flush_interval`."""
    remembered_s: float
    """How long a Domain is not looked up again."""
    shapes: dict[str, Shape]


class Term(msgspec.Struct, frozen=True):
    """How often something happens, and how much it takes of one thing."""

    what: str
    count: float
    each: float


class Month(msgspec.Struct, frozen=True):
    """What a month takes, and how that was reckoned."""

    counts: dict[str, float]
    each: dict[str, Usage]

    def terms(self, name: str) -> list[Term]:
        """Of one field of `Usage`: what it is the sum of."""
        found = [
            Term(what, self.counts[what], getattr(usage, name)) for what, usage in self.each.items()
        ]
        return [term for term in found if term.each and term.count]

    def total(self, name: str) -> float:
        return sum(term.count * term.each for term in self.terms(name))


def month(traffic: Traffic, measured: Measured, shape: Shape) -> Month:
    """What this traffic takes, run in this shape."""
    batches = traffic.mails / traffic.batch_size
    per_batch = of_one_batch(traffic.batch_size, measured, traffic.bag_time_s)
    counts = {what: batches * count for what, count in per_batch.items()}
    # Who sends often looks up once for many Batches.
    counts["lookup"] = min(batches, MONTH_S / measured.remembered_s)
    counts["sweep"] = MONTH_S / (traffic.sweep_every_s or shape.sweep_every_s)
    counts["timer"] = MONTH_S / shape.timer_every_s if shape.timer_every_s else 0
    each = dict(shape.each)
    content = msgspec.structs.replace(
        each["batch"], kept_bytes=each["batch"].kept_bytes + traffic.size_bytes
    )
    return Month(counts, each | {"batch": content})


def of_one_batch(recipients: int, measured: Measured, bag_time_s: float = 0.0) -> dict[str, float]:
    """What happens when a Batch of this size is sent."""
    full, rest = divmod(recipients, measured.bag_size)
    bags = [(full, measured.bag_size), (1 if rest else 0, rest)]
    parts = sum(number * _parts(size, measured, bag_time_s) for number, size in bags if number)
    return {
        "batch": 1,
        "large": 1 if recipients > measured.bag_size else 0,
        "bag": full + bool(rest),
        "part": parts,
        "delivery": recipients,
    }


def _parts(bag: int, measured: Measured, bag_time_s: float) -> int:
    by_number = ceil(bag / measured.part_size)
    takes_s = bag_time_s * bag / measured.bag_size
    by_time = min(bag, ceil(takes_s / measured.part_interval_s))
    return max(by_number, by_time)


def queue_requests(traffic: Traffic, taken: Month) -> float:
    """To SQS, also those that find nothing."""
    empty = QUEUES * MONTH_S / POLL_S
    return taken.total("events") * SQS_REQUESTS_PER_EVENT + empty if traffic.events == "sqs" else 0
