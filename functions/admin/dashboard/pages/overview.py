"""The first page: what needs somebody, how much is open, what was sent."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from functions.admin.dashboard import written
from functions.admin.dashboard.figures import Figures, figures
from functions.admin.dashboard.pages.batches import rows_of
from functions.admin.dashboard.plots import HALF_WIDTH
from functions.admin.dashboard.visit import Page, Visit
from shared.errors import Malformed
from shared.http import Response

OLD_S = 600.0
"""Work of a stage that is older than this is stuck, not busy."""
NEWEST = 5
_STAGES = ("submit", "validate", "dispatch", "notify", "bounce", "send")


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that somebody may have to do something about."""

    grave: bool
    text: str
    path: str
    link: str


async def overview(visit: Visit) -> Response:
    backlog, destinations, plots, newest = await asyncio.gather(
        visit.api.get("/v1/backlog", pages="1"),
        visit.api.get("/v1/destinations"),
        _plots(visit),
        visit.parts.mail.newest.page("", "", NEWEST),
    )
    return visit.page(
        "overview.html",
        "overview",
        alerts=[*_damage(plots), *alerts(backlog["places"], destinations, visit.now)],
        places=backlog["places"],
        figures=plots if isinstance(plots, Figures) else None,
        rows=await rows_of(visit, newest.batches),
    )


async def _plots(visit: Visit) -> Figures | Malformed:
    """What cannot be counted hides nothing of what cannot wait."""
    try:
        return await figures(visit, "", "24 hours", HALF_WIDTH)
    except Malformed as error:
        return error


def _damage(plots: Figures | Malformed) -> list[Alert]:
    if isinstance(plots, Figures):
        return []
    return [Alert(True, str(plots), "/dashboard/statistics", "See the statistics")]


def alerts(
    places: Sequence[Mapping[str, Any]], destinations: Mapping[str, Any], now: float
) -> list[Alert]:
    """The gravest first."""
    found: list[Alert] = []
    by_name = {each["place"]: each for each in places}
    for each in places:
        if each["refused"]:
            text = f"What is open for {each['place']} is not known: {each['refused']}"
            found.append(Alert(True, text, "/dashboard/queue", "See the queue"))
    if failed := by_name["failed"]["number"]:
        more = "+" if by_name["failed"]["more"] else ""
        things = "piece" if failed == 1 and not more else "pieces"
        text = f"{written.number(failed)}{more} {things} of work failed"
        found.append(Alert(True, text, "/dashboard/failed", "See why, and replay"))
    for stage in _STAGES:
        oldest = by_name[stage]["oldest"]
        if oldest and now - oldest > OLD_S:
            text = f"Work for {stage} has been open for {written.duration(now - oldest)}"
            found.append(Alert(True, text, "/dashboard/queue", "See the queue"))
    for each in destinations["queues"]:
        if each["state"] == "suspended":
            text = f"{each['name']} takes nothing just now: {each['why']}"
            found.append(Alert(False, text, "/dashboard/queue", "See the queue"))
    for each in destinations["paused"]:
        text = f"{each['name']} is paused"
        if each["at"]:
            text += f" for {written.duration(now - each['at'])}"
        found.append(Alert(False, text, "/dashboard/queue", "Resume"))
    return found


PAGES = [Page("GET", "", overview)]
