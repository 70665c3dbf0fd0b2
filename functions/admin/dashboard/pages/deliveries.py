"""Deliveries of a Batch, and all that is known of one."""

from functions.admin.dashboard.pages.batches import in_order
from functions.admin.dashboard.visit import Page, Visit, not_there
from functions.admin.mail import words
from functions.admin.mail.newest import subject_of
from functions.admin.mail.search import Wanted
from functions.admin.resources.batches import state_of
from shared.http import Response
from shared.outcome import State

ON_A_PAGE = 50


async def deliveries(visit: Visit) -> Response:
    mail, parameters = visit.parts.mail, visit.parameters
    content = await mail.read.content(parameters["domain"], parameters["batch"])
    wanted = Wanted(state_of(visit.request), visit.query("after"), ON_A_PAGE)
    page = await mail.search.page(content, wanted)
    counts = await mail.counts.look(content)
    return visit.page(
        "deliveries.html",
        "batches",
        content=content,
        subject=subject_of(content),
        wanted=wanted,
        counts=counts,
        parts_in_order=in_order(counts),
        deliveries=page.deliveries,
        said={each.delivery: words.of_outcome(each.last) for each in page.deliveries if each.last},
        next=page.next,
    )


async def delivery(visit: Visit) -> Response:
    parameters = visit.parameters
    if not parameters["delivery"].startswith(parameters["batch"] + "."):
        raise not_there(f"the Delivery {parameters['delivery'][:100]}")
    found = await visit.parts.mail.timelines.of(
        parameters["domain"], parameters["delivery"], visit.now, visit.query("events_after")
    )
    outcomes = [each.outcome for each in found.timeline if each.outcome]
    return visit.page(
        "delivery.html",
        "batches",
        found=found,
        summary=words.of_outcome(outcomes[-1]) if outcomes else words.MEANING[State.QUEUED],
        begun=bool(visit.query("events_after")),
    )


_BATCH = "/domains/{domain}/batches/{batch}/deliveries"
PAGES = [
    Page("GET", _BATCH, deliveries),
    Page("GET", f"{_BATCH}/{{delivery}}", delivery),
]
