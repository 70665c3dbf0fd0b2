"""What became of mail over time, of one Domain or of all."""

from functions.admin.dashboard.figures import NEEDS, RANGES, figures
from functions.admin.dashboard.visit import Page, Visit
from shared.http import Response


async def statistics(visit: Visit) -> Response:
    domain, wanted = visit.query("domain").strip().lower(), visit.query("range")
    chosen = wanted if wanted in RANGES else next(iter(RANGES))
    return visit.page(
        "statistics.html",
        "statistics",
        domain=domain,
        chosen=chosen,
        ranges=list(RANGES),
        figures=await figures(visit, domain, RANGES[chosen]),
    )


PAGES = [Page("GET", "/statistics", statistics, needs=NEEDS)]
