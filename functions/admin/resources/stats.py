"""What became of the mail, by the hour, day or month. docs/statistics.md explains each number."""

from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.route import Call, Query, Route
from shared import keys
from shared.domains import READ
from shared.errors import Malformed
from shared.http import Problem, Response, as_json
from shared.stats.query import (
    NONE,
    OF_ALL,
    OF_ONE,
    Question,
    Statistics,
    answer,
)
from shared.stats.ranges import DAY, asked

USUAL_LINES = 20
MOST_LINES = 1000


class Stats:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def of_domain(self, call: Call) -> Response:
        await self._parts.directory.domain(call.domain)
        question = self._question(call, OF_ONE)
        return as_json(200, await answer(self._parts.store, call.domain, question))

    async def of_all(self, call: Call) -> Response:
        question = self._question(call, OF_ALL)
        return as_json(200, await answer(self._parts.store, keys.ALL_DOMAINS, question))

    def _question(self, call: Call, ways: tuple[str, ...]) -> Question:
        """Raises `Problem` 422."""
        request = call.request
        by, tag = request.parameter("by", NONE), request.parameter("tag")
        limit = call.number("limit", USUAL_LINES, MOST_LINES)
        start, end = request.parameter("from"), request.parameter("to")
        try:
            span = asked(start, end, request.parameter("grain", DAY), self._parts.clock())
            return Question(span, by, tag, limit).check(ways)
        except Malformed as error:
            raise Problem(422, "invalid_parameter", str(error)) from error


def routes(parts: Parts) -> list[Route]:
    stats = Stats(parts)
    span = (
        Query("from", "RFC 3339, or a date; without it a day, 30 days or a year before `to`."),
        Query("to", "The same; now unless told."),
        Query("grain", "`hour`, `day` (unless told) or `month`, of UTC."),
    )
    lines = Query("limit", f"Lines at most; {USUAL_LINES} unless told.", "integer")
    tag = Query("tag", "Only what carries this tag.")
    return [
        Route(
            "GET",
            "/v1/domains/{domain}/stats",
            READ,
            stats.of_domain,
            "Count what became of a Domain's mail",
            Statistics,
            query=(*span, Query("by", f"One of {', '.join(OF_ONE)}."), tag, lines),
        ),
        Route(
            "GET",
            "/v1/stats",
            OPERATOR,
            stats.of_all,
            "Count what became of all mail",
            Statistics,
            query=(*span, Query("by", f"One of {', '.join(OF_ALL)}."), lines),
        ),
    ]
