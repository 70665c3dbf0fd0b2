"""Failed work: why, and what to do with it."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

from functions.admin.dashboard.api import path
from functions.admin.dashboard.visit import Page, Visit, see_other
from shared import keys
from shared.errors import EkidenError, NotFound
from shared.http import Problem, Response

HERE = "/dashboard/failed"
ON_A_PAGE = 50
_AT_ONCE = 10


async def failed(visit: Visit) -> Response:
    chosen = {name: visit.query(name) for name in ("stage", "batch", "cause")}
    page = await visit.api.get(
        "/v1/failed", **chosen, after=visit.query("after"), limit=str(ON_A_PAGE)
    )
    return visit.page(
        "failed.html",
        "failed",
        failed=page["failed"],
        next=page["next"],
        begun=bool(visit.query("after")),
        chosen=chosen,
        stages=[*keys.WORK.values(), "sweep"],
        filtered=any(chosen.values()),
    )


async def one(visit: Visit) -> Response:
    found = await visit.api.get(path("failed", visit.parameters["id"]))
    return visit.page("failed_one.html", "failed", each=found)


async def decide(visit: Visit) -> Response:
    """Replay or discard what was chosen. To discard is asked for twice."""
    ids = list(visit.form.get("id", ()))
    if not ids:
        raise Problem(422, "invalid_request", "Choose at least one piece of work first.")
    match visit.field("do"):
        case "replay":
            calls = [visit.api.send("POST", path("failed", each, "replay")) for each in ids]
            return await _done(calls, "replayed")
        case "discard" if visit.field("sure") == "yes":
            calls = [visit.api.send("DELETE", path("failed", each)) for each in ids]
            return await _done(calls, "discarded")
        case "discard":
            return visit.page("failed_sure.html", "failed", ids=ids)
    raise Problem(422, "invalid_request", "Replay, or discard?")


async def _done(calls: Sequence[Awaitable[Any]], said: str) -> Response:
    """Somebody else may have been faster with some, and one that cannot be done stops no other."""
    missed, refused = 0, list[EkidenError]()
    for start in range(0, len(calls), _AT_ONCE):
        group = calls[start : start + _AT_ONCE]
        for each in await asyncio.gather(*group, return_exceptions=True):
            if _is_gone(each):
                missed += 1
            elif isinstance(each, EkidenError):
                refused.append(each)
            elif isinstance(each, BaseException):
                raise each
    done = len(calls) - missed - len(refused)
    if refused and not done:
        raise refused[0]
    return see_other(HERE, "partly" if refused else "gone" if missed else said, n=str(done))


def _is_gone(result: object) -> bool:
    is_404 = isinstance(result, Problem) and result.status == 404
    return is_404 or isinstance(result, NotFound)


PAGES = [
    Page("GET", "/failed", failed, needs="/v1/failed"),
    Page("POST", "/failed", decide, needs="/v1/failed"),
    Page("GET", "/failed/{id}", one, needs="/v1/failed"),
]
