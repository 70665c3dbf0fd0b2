"""The addresses that a Domain must not write to."""

from contextlib import suppress
from typing import Any

from functions.admin.dashboard.api import path
from functions.admin.dashboard.visit import Page, Visit, see_other
from shared.errors import NotFound
from shared.http import Problem, Response

ON_A_PAGE = 100
NEEDS = "/v1/domains/{domain}/suppressions"


async def suppressions(visit: Visit) -> Response:
    domain, address = visit.parameters["domain"], visit.query("address").strip()
    page: dict[str, Any] = {"suppressions": [], "next": ""}
    if address:
        page["suppressions"] = await _found(visit, domain, address)
    else:
        page = await visit.api.get(
            path("domains", domain, "suppressions"),
            after=visit.query("after"),
            reason=visit.query("reason"),
            limit=str(ON_A_PAGE),
        )
    return visit.page(
        "suppressions.html",
        "domains",
        domain=domain,
        address=address,
        reason=visit.query("reason"),
        suppressions=page["suppressions"],
        next=page["next"],
        begun=bool(visit.query("after")),
    )


async def _found(visit: Visit, domain: str, address: str) -> list[Any]:
    try:
        return [await visit.api.get(path("domains", domain, "suppressions", address))]
    except NotFound:
        return []
    except Problem as problem:
        if problem.status == 404:
            return []
        raise


async def change(visit: Visit) -> Response:
    domain, address = visit.parameters["domain"], visit.field("address").strip()
    if not address:
        raise Problem(422, "invalid_request", "Say which address.")
    method = "DELETE" if visit.field("do") == "remove" else "PUT"
    with suppress(NotFound):  # removed already
        await visit.api.send(method, path("domains", domain, "suppressions", address))
    said = "unsuppressed" if method == "DELETE" else "suppressed"
    return see_other(f"/dashboard/domains/{domain}/suppressions", said)


PAGES = [
    Page("GET", "/domains/{domain}/suppressions", suppressions, needs=NEEDS),
    Page("POST", "/domains/{domain}/suppressions", change, needs=NEEDS),
]
