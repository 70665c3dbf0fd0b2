"""How much work is open in front of each stage (as `ekiden backlog`)."""

import msgspec

from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.route import Call, Query, Route
from shared import backlog
from shared.http import Response, as_json

USUAL_PAGES = 10
MOST_PAGES = 1000


class OpenWork(msgspec.Struct, frozen=True, kw_only=True):
    """What is open at one place."""

    place: str
    """A stage; `waiting` for a later time; `failed`."""
    number: int
    size_bytes: int
    oldest: float
    """When the oldest was put, seconds since 1970; 0: there is none."""
    more: bool
    """There is more than was counted: see `pages`."""
    refused: str = ""
    """Why the store did not list it, or not to its end."""


class Backlog(msgspec.Struct, frozen=True):
    """Open work, in the order of the relay."""

    places: list[OpenWork]


def routes(parts: Parts) -> list[Route]:
    async def get(call: Call) -> Response:
        pages = call.number("pages", USUAL_PAGES, MOST_PAGES)
        found = await backlog.look(parts.store, pages)
        places = [
            OpenWork(
                place=place,
                number=each.number,
                size_bytes=each.size_bytes,
                oldest=each.oldest,
                more=each.more,
                refused=each.refused,
            )
            for place, each in found.items()
        ]
        return as_json(200, Backlog(places))

    pages = Query(
        "pages",
        f"Count at most so many thousands at each place; {USUAL_PAGES} unless told.",
        "integer",
    )
    return [Route("GET", "/v1/backlog", OPERATOR, get, "See what is open", Backlog, query=(pages,))]
