"""`python -m benchmarks.cost`: measure what Batches take; write what `ekiden cost` reckons with.

Over a real bucket, in one process and with every stage apart. Each quantity is fitted to what it
follows from: requests to Batches, Bags and objects of Outcomes; time and bytes to Batches and
Deliveries. At the end stands how near the model comes, also for sizes that it was not fitted to.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

from rich.console import Console
from rich.table import Table

from benchmarks import content
from benchmarks.bucket import bucket
from benchmarks.counted import Apart, Counted, OneProcess, apart, one_process
from benchmarks.fit import fitted
from benchmarks.sink import Sink
from ekiden.cost import measured as shipped
from ekiden.cost.usage import Measured, Month, Shape, Usage, of_one_batch
from shared.config import Config
from shared.domains import REMEMBER_S

FITTED = (1, 10, 500, 1000, 5000)
UNSEEN = (3, 120, 750, 3200)
ROUNDS = 3
SMALL, SMALL_RUNS = 10, 5
"""Short ones are measured more often."""
SELDOM = "15s"
"""Outcomes are put when there are so many, and at the end of a Bag. What comes on top because a
second has gone by depends on the destinations: the model adds it."""
TIMER_S = 60.0
"""How often the timers in `infra/` call the sweep."""
BY_BAGS = ("batch", "large", "bag", "part")
BY_MAILS = ("batch", "delivery")
FOLLOWS = {
    **dict.fromkeys(("put", "list", "get", "delete", "waited", "events", "calls"), BY_BAGS),
    **dict.fromkeys(("function_cpu_s", "machine_cpu_s", "kept_bytes"), BY_MAILS),
}
"""A quantity → what it follows from."""
REQUESTS = ("put", "list", "get", "delete")
NOT_ITS_OWN = {"lookup": 0.0, "sweep": 0.0, "timer": 0.0}
"""What does not happen because of one Batch."""
SHOWN = (*REQUESTS, "function_cpu_s", "machine_cpu_s", "kept_bytes")

Seen = dict[int, list[Counted]]
"""Recipients → what each such Batch took."""
Place = Apart | OneProcess
Open = Callable[..., AbstractAsyncContextManager[Place]]


def main() -> None:
    with bucket() as url, Sink() as sink:
        # Before there is anything to find, or to count.
        idle = [asyncio.run(_sweep(open_, url, sink.port)) for open_ in (one_process, apart)]
        seen = {
            "one-process": asyncio.run(_look(one_process, url, sink.port)),
            "functions": asyncio.run(_look(apart, url, sink.port)),
        }
    one, functions = seen.values()
    sweep, timer = map(_usage, idle)
    each = {"one-process": _each(*one), "functions": _each(*functions) | {"timer": timer}}
    each = {name: taken | {"sweep": sweep} for name, taken in each.items()}
    every_s = Config().sweep.interval
    shapes = {
        "one-process": Shape("one process", every_s, 0, each["one-process"]),
        "functions": Shape("functions, and a pod", every_s, TIMER_S, each["functions"]),
    }
    measured = _measured(shapes)
    shipped.write(measured)
    console = Console(width=140)
    for name, (batches, _) in seen.items():
        console.print(comparison(batches, measured, shapes[name]))
    console.print(f"written to {shipped.SHIPPED.name}")


async def _sweep(open_: Open, url: str, port: int) -> Counted:
    async with open_(url, port) as place:
        return await place.sweep()


async def _look(open_: Open, url: str, port: int) -> tuple[Seen, list[Counted]]:
    """(Batches of all sizes, the first ones of a process)"""
    seen: Seen = {size: [] for size in sorted({*FITTED, *UNSEEN})}
    first: list[Counted] = []
    for _ in range(ROUNDS):
        async with open_(url, port, send__flush_interval=SELDOM) as place:
            first.append(await place.batch(1))
            for size, runs in seen.items():
                for _ in range(SMALL_RUNS if size <= SMALL else 1):
                    await place.batch(1)  # what it looks up is remembered
                    runs.append(await place.batch(size))
    return seen, first


def _measured(shapes: dict[str, Shape]) -> Measured:
    defaults = Config()
    return Measured(
        by="python -m benchmarks.cost",
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        sizes=list(FITTED),
        bag_size=defaults.validate.bag_size,
        part_size=defaults.send.flush_outcomes,
        part_interval_s=defaults.send.flush_interval,
        remembered_s=REMEMBER_S,
        shapes=shapes,
    )


def _each(batches: Seen, first: list[Counted]) -> dict[str, Usage]:
    """What happens → what it takes once."""
    each: dict[str, Counted] = {what: {} for what in (*BY_BAGS, "delivery")}
    for field, columns in FOLLOWS.items():
        observed = {size: typical(batches[size], field) for size in FITTED}
        if field == "kept_bytes":  # without the content, which is as large as it is
            observed = {size: kept - len(content.html()) for size, kept in observed.items()}
        rows = [[_events(size)[what] for what in columns] for size in FITTED]
        factors = fitted(rows, list(observed.values()))
        for what, factor in zip(columns, factors, strict=True):
            each[what][field] = factor
    each["lookup"] = {
        field: typical(first, field) - typical(batches[1], field) for field in (*REQUESTS, "waited")
    }
    return {what: _usage(taken) for what, taken in each.items()}


def _events(recipients: int) -> dict[str, float]:
    return of_one_batch(recipients, _measured({}))


def _usage(taken: Counted) -> Usage:
    """Four digits: more would claim a precision that no machine has. Noise may be below zero."""
    rounded = {field: float(f"{max(0.0, value):.4g}") for field, value in taken.items()}
    return Usage(**{field: value for field, value in rounded.items() if value > 1e-7})


def typical(runs: Iterable[Counted], field: str) -> float:
    """The median; of time the mean, for the system counts it in hundredths of a second."""
    middle = statistics.fmean if field.endswith("_cpu_s") else statistics.median
    return float(middle([run.get(field, 0.0) for run in runs]))


def expected(recipients: int, measured: Measured, shape: Shape, field: str) -> float:
    """What the model says that one Batch takes, when everything is remembered."""
    total = Month(of_one_batch(recipients, measured) | NOT_ITS_OWN, shape.each)
    content_bytes = len(content.html()) if field == "kept_bytes" else 0
    return total.total(field) + content_bytes


def comparison(batches: Seen, measured: Measured, shape: Shape) -> Table:
    table = Table(
        "Recipients", "fitted", *SHOWN, title=f"{shape.title}: measured / as the model says"
    )
    for size, runs in batches.items():
        cells = [
            f"{typical(runs, field):,.4g} / {expected(size, measured, shape, field):,.4g}"
            for field in SHOWN
        ]
        table.add_row(f"{size:,}", "yes" if size in FITTED else "no", *cells)
    return table


if __name__ == "__main__":
    main()
