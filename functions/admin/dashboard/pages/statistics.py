"""What became of mail over time, of one Domain or of all."""

import asyncio

from functions.admin.dashboard.figures import RANGES, figures, largest
from functions.admin.dashboard.visit import Page, Visit
from shared.address import normal_domain
from shared.http import Problem, Response
from shared.stats.query import BY_DOMAIN, BY_RECIPIENT


async def statistics(visit: Visit) -> Response:
    domain, wanted = visit.query("domain").strip(), visit.query("range")
    chosen = wanted if wanted in RANGES else next(iter(RANGES))
    name = normal_domain(domain) if domain else ""
    if name is None:
        raise Problem(422, "invalid_parameter", f"{domain[:100]!r} is no domain")
    # Over all Domains there are no recipient domains: they would be too many to count.
    by = BY_RECIPIENT if name else BY_DOMAIN
    found, lines = await asyncio.gather(
        figures(visit, name, chosen), largest(visit, name, chosen, by)
    )
    return visit.page(
        "statistics.html",
        "statistics",
        domain=name,
        chosen=chosen,
        ranges=list(RANGES),
        figures=found,
        lines=lines.lines,
        others=lines.others,
    )


PAGES = [Page("GET", "/statistics", statistics)]
