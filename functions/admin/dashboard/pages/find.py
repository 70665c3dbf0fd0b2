"""From whatever is in a log or a mail to the page about it."""

import re

from functions.admin.dashboard.visit import Page, Visit, see_other
from shared.address import normal_domain
from shared.batches import load_content
from shared.errors import NotFound
from shared.http import Response
from shared.ids import parse_return_path

_ID = re.compile(r"([0-7][0-9a-hjkmnp-tv-z]{25})(\.\d{4}\.\d{4})?", re.IGNORECASE)


async def find(visit: Visit) -> Response:
    """A Batch's or a Delivery's id anywhere in the text: in a Message-ID, a return path, a key."""
    text = visit.query("q").strip()
    place = await _place(visit, text)
    if place:
        return see_other(place)
    return visit.page("find.html", "", status=404 if text else 200, text=text[:200])


async def _place(visit: Visit, text: str) -> str:
    returned = parse_return_path(text.strip("<>"))
    match = _ID.search(returned[0] if returned else text)
    if match:
        batch = match[1].lower()
        try:
            domain = (await load_content(visit.parts.store, batch)).domain
        except NotFound:
            return ""
        page = f"/dashboard/domains/{domain}/batches/{batch}"
        return f"{page}/deliveries/{batch}{match[2]}" if match[2] else page
    name = normal_domain(text)
    if name:
        try:
            await visit.parts.directory.domain(name)
        except NotFound:
            return ""
        return f"/dashboard/domains/{name}"
    return ""


PAGES = [Page("GET", "/find", find)]
