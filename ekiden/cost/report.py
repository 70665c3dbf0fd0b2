"""All that `ekiden cost` says about one month: the bills, the offers, and what they rest on."""

import msgspec

from ekiden.cost import LIMITS
from ekiden.cost.bill import Bill, Offer, bill, offer
from ekiden.cost.prices import Prices
from ekiden.cost.traffic import Traffic
from ekiden.cost.usage import Measured


class Report(msgspec.Struct, frozen=True):
    """As `--json` prints it."""

    traffic: Traffic
    measured: str
    """When."""
    prices: str
    """What the price file says about itself."""
    providers: list[Bill]
    hosted: list[Offer]
    limits: tuple[str, ...] = LIMITS


def report(traffic: Traffic, prices: Prices, measured: Measured) -> Report:
    return Report(
        traffic,
        measured.date,
        prices.note,
        [bill(name, each, traffic, measured) for name, each in prices.providers.items()],
        [offer(name, each, traffic) for name, each in prices.hosted.items()],
    )
