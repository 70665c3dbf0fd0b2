"""Mails as they arrived, where a folder keeps them: that of the demo's mail server."""

import asyncio

from functions.admin.dashboard import headers
from functions.admin.dashboard.received import Folder
from functions.admin.dashboard.visit import Page, Visit
from shared.http import Response

ON_A_PAGE = 100
MOST_SOURCE_BYTES = 256 * 1024


def _folder(visit: Visit) -> Folder:
    return Folder(visit.parts.config.admin.mails)


async def mails(visit: Visit) -> Response:
    found = await asyncio.to_thread(_folder(visit).newest, ON_A_PAGE)
    return visit.page("mails.html", "mails", mails=found, most=ON_A_PAGE)


async def mail(visit: Visit) -> Response:
    found = await asyncio.to_thread(_folder(visit).read, visit.parameters["name"])
    source = found.source[:MOST_SOURCE_BYTES].decode("utf-8", "replace")
    cut = len(found.source) > MOST_SOURCE_BYTES
    return visit.framing_page("mail.html", "mails", mail=found, source=source, cut=cut)


async def html(visit: Visit) -> Response:
    """The HTML alone, for the frame: a stranger's page, which may do nothing."""
    found = await asyncio.to_thread(_folder(visit).read, visit.parameters["name"])
    return Response(200, found.html.encode("utf-8", "replace"), headers.STRANGERS_HTML)


PAGES = [
    Page("GET", "/mails", mails),
    Page("GET", "/mails/{name}", mail),
    Page("GET", "/mails/{name}/html", html),
]
