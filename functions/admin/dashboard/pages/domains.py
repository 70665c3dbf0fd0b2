"""Domains: which there are, what to publish for one, and whether it is."""

from typing import Any

from functions.admin.dashboard.api import path
from functions.admin.dashboard.visit import Page, Visit, see_other
from shared.errors import EkidenError
from shared.http import Response

HERE = "/dashboard/domains"
ON_A_PAGE = 100
CHECK = "/v1/domains/{domain}/check"


async def domains(visit: Visit) -> Response:
    page = await visit.api.get("/v1/domains", after=visit.query("after"), limit=str(ON_A_PAGE))
    return visit.page("domains.html", "domains", domains=page["domains"], next=page["next"])


async def add(visit: Visit) -> Response:
    made = await visit.api.send("POST", "/v1/domains", {"name": visit.field("name").strip()})
    return see_other(f"{HERE}/{made['name']}", "added")


async def domain(visit: Visit) -> Response:
    name = visit.parameters["domain"]
    shown = await visit.api.get(path("domains", name))
    tracking = await visit.api.get(path("domains", name, "tracking"))
    retention = await visit.api.get(path("domains", name, "retention"))
    return visit.page(
        "domain.html",
        "domains",
        domain=shown,
        tracking=tracking,
        keeps={kind: days for kind, days in retention.items() if days},
        can_check=visit.has("GET", CHECK),
        can_suppress=visit.has("GET", "/v1/domains/{domain}/suppressions"),
        has_statistics=any(link.section == "statistics" for link in visit.links),
    )


async def check(visit: Visit) -> Response:
    """It asks DNS, so it has a page of its own that may take a while."""
    name = visit.parameters["domain"]
    found: Any = None
    wrong = ""
    try:
        found = await visit.api.get(path("domains", name, "check"))
    except EkidenError as error:
        wrong = str(error)
    return visit.page("check.html", "domains", name=name, found=found, wrong=wrong)


PAGES = [
    Page("GET", "/domains", domains, needs="/v1/domains"),
    Page("POST", "/domains", add, needs="/v1/domains"),
    Page("GET", "/domains/{domain}", domain, needs="/v1/domains/{domain}"),
    Page("GET", "/domains/{domain}/check", check, needs=CHECK),
]
