"""Statistics as plots: the one place that knows how the operator API tells them."""

from dataclasses import dataclass

from functions.admin.dashboard.plots import Plot
from functions.admin.dashboard.visit import Visit

NEEDS = "/v1/domains/{domain}/stats"
RANGES = {"1 day": 86_400.0, "7 days": 7 * 86_400.0, "30 days": 30 * 86_400.0}


@dataclass(frozen=True, slots=True)
class Figures:
    """Two plots over the same time."""

    outcomes: Plot
    trouble: Plot


async def figures(visit: Visit, domain: str, back_s: float) -> Figures | None:
    """None: there are no statistics here."""
    return None
