"""The bill of a month: what is taken times what it costs, line by line. Pure."""

from collections.abc import Iterator
from math import ceil

import msgspec

from ekiden.cost.prices import Functions, Hosted, Machine, Plan, Provider
from ekiden.cost.traffic import MONTH_S, Traffic
from ekiden.cost.usage import Measured, Month, month, queue_requests

HALF_BUSY = 0.5
"""On average over the month: mail comes in bursts."""
_NAMES = {
    "batch": "Batches",
    "large": "large Batches",
    "bag": "Bags",
    "part": "parts of Outcomes",
    "delivery": "Deliveries",
    "lookup": "look-ups of a Domain",
    "sweep": "sweeps",
    "timer": "calls by the timer",
}
_COUNTED = {"put": "PUT", "list": "LIST", "get": "GET", "delete": "DELETE"}


class Line(msgspec.Struct, frozen=True):
    """One line: a quantity, how it was reckoned, and what it costs."""

    name: str
    quantity: float
    unit: str
    reckoned: str
    usd: float


class Bill(msgspec.Struct, frozen=True):
    """Of one provider."""

    name: str
    title: str
    shape: str
    lines: list[Line]
    usd: float
    idle_usd: float
    """What it would cost if no mail were sent."""
    usd_per_1000: float | None


class Offer(msgspec.Struct, frozen=True):
    """Of one hosted sender."""

    name: str
    title: str
    plan: str
    """The cheapest; empty: none goes so far."""
    usd: float | None
    usd_per_1000: float | None


def bill(name: str, provider: Provider, traffic: Traffic, measured: Measured) -> Bill:
    lines = list(_lines(provider, traffic, measured))
    none = msgspec.structs.replace(traffic, mails=0)
    usd = sum(line.usd for line in lines)
    return Bill(
        name=name,
        title=provider.title,
        shape=provider.shape,
        lines=lines,
        usd=usd,
        idle_usd=sum(line.usd for line in _lines(provider, none, measured)),
        usd_per_1000=_per_1000(usd, traffic),
    )


def _lines(provider: Provider, traffic: Traffic, measured: Measured) -> Iterator[Line]:
    taken = month(traffic, measured, measured.shapes[provider.shape])
    yield from _bucket(provider, traffic, taken)
    if provider.functions:
        yield from _functions(provider.functions, taken)
    if provider.queue and provider.shape == "functions" and traffic.events == "sqs":
        requests = queue_requests(traffic, taken)
        reckoned = f"{taken.total('events'):,.0f} events × 3 requests, and empty polls"
        usd = requests * provider.queue.each
        yield Line("requests to the queue", requests, "requests", reckoned, usd)
    if provider.egress:
        size = f"{traffic.mails:,.0f} mails × {traffic.size_bytes:,.0f} bytes"
        usd = traffic.gigabytes * provider.egress.each
        yield Line("mail that leaves", traffic.gigabytes, "GB", size, usd)
    yield _machine(provider.machine, taken)


def _bucket(provider: Provider, traffic: Traffic, taken: Month) -> Iterator[Line]:
    prices = provider.bucket
    for field, name in _COUNTED.items():
        price, count = getattr(prices, field), taken.total(field)
        usd = count * (price.each if price else 0)
        yield Line(f"{name} to the bucket", count, "requests", _sum(taken, field), usd)
    months = traffic.keep_s / MONTH_S
    gigabytes = taken.total("kept_bytes") * months / 1e9
    reckoned = f"bytes: {_sum(taken, 'kept_bytes')}; kept for {months:.2g} months"
    usd = gigabytes * (prices.storage.each if prices.storage else 0)
    yield Line("storage", gigabytes, "GB-months", reckoned, usd)


def _functions(place: Functions, taken: Month) -> Iterator[Line]:
    calls, cpu_s = taken.total("calls"), taken.total("function_cpu_s")
    usd = calls * (place.calls.each if place.calls else 0)
    yield Line("calls of functions", calls, "calls", _sum(taken, "calls"), usd)
    # One event runs on one core, and on less where the function has less.
    busy_s = cpu_s / min(place.vcpus, 1.0)
    waiting_s = taken.total("waited") * place.wait_ms / 1000
    each_s = (place.memory.each * place.memory_gb if place.memory else 0) + (
        place.processor.each * place.vcpus if place.processor else 0
    )
    reckoned = (
        f"{cpu_s:,.0f} s of a processor / {min(place.vcpus, 1):.2g} of one + "
        f"{taken.total('waited'):,.0f} requests × {place.wait_ms:g} ms"
    )
    time_s = busy_s + waiting_s
    yield Line("time of functions", time_s, "seconds", reckoned, time_s * each_s)


def _machine(machine: Machine, taken: Month) -> Line:
    cpu_s = taken.total("machine_cpu_s")
    count = max(1, ceil(cpu_s / (machine.vcpus * MONTH_S * HALF_BUSY)))
    each = machine.flat.each if machine.flat else 0
    each += machine.processor.each * machine.vcpus * MONTH_S if machine.processor else 0
    each += machine.memory.each * machine.memory_gb * MONTH_S if machine.memory else 0
    reckoned = (
        f"{machine.vcpus:g} vCPU, {machine.memory_gb:g} GB, all month; busy for {cpu_s:,.0f} s of "
        f"a processor ({_sum(taken, 'machine_cpu_s')})"
    )
    unit = "machines" if count > 1 else "machine"
    return Line("what always runs", count, unit, reckoned, count * each)


def _sum(taken: Month, field: str) -> str:
    terms = taken.terms(field)
    said = (f"{each.each:,.4g} × {each.count:,.0f} {_NAMES[each.what]}" for each in terms)
    return " + ".join(said) or "none"


def offer(name: str, hosted: Hosted, traffic: Traffic) -> Offer:
    """The cheapest plan of a hosted sender."""
    data = traffic.gigabytes * (hosted.data.each if hosted.data else 0)
    costs = [(cost + data, plan) for plan in hosted.plans if (cost := _cost(plan, traffic)) >= 0]
    if not costs:
        return Offer(name, hosted.title, "", None, None)
    usd, plan = min(costs, key=lambda pair: pair[0])
    more = max(0.0, traffic.mails - plan.mails)
    said = f"{plan.mails:,.0f} mails for ${plan.price.usd:g}" if plan.mails else "by the mail"
    said += f", and {more:,.0f} more" if more and plan.mails else ""
    return Offer(name, hosted.title, said, usd, _per_1000(usd, traffic))


def _cost(plan: Plan, traffic: Traffic) -> float:
    """Below 0: it does not go so far."""
    more = max(0.0, traffic.mails - plan.mails)
    if more and plan.extra is None:
        return -1
    return plan.price.each + more * (plan.extra.each if plan.extra else 0)


def _per_1000(usd: float, traffic: Traffic) -> float | None:
    return usd / traffic.mails * 1000 if traffic.mails else None
