"""Failed work: see it, put it back in front of its stage, throw it away."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import msgspec

from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.route import PAGE, Call, Query, Route
from shared import failures, keys
from shared.failures import Filter, Occupied
from shared.http import Problem, Response, as_json
from shared.key_form import is_possible
from shared.stage import Failure


class FailedWork(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of work that a stage could not do."""

    id: str
    stage: str
    key: str
    """The work object's."""
    cause: str
    message: str
    last_line: str
    at: float
    tries: int
    size_bytes: int


class FailedPage(msgspec.Struct, frozen=True):
    """Failed work, by its key. With filters a page may be short, or empty, and there is more."""

    failed: list[FailedWork]
    next: str = ""
    """Empty: there is no more."""


class Replayed(msgspec.Struct, frozen=True):
    """What was put back in front of its stage."""

    key: str


class Failed:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def list(self, call: Call) -> Response:
        request = call.request
        limit, stage = call.number("limit", 100, 1000), request.parameter("stage")
        if stage and not is_possible(stage):
            raise Problem(422, "invalid_parameter", f"stage: {stage[:50]!r} is no stage")
        wanted = Filter(stage, request.parameter("batch"), request.parameter("cause"))
        after = _key(request.parameter("after")) if request.parameter("after") else ""
        found, more = await failures.page(self._parts.store, wanted, after, limit)
        return as_json(200, FailedPage([_shown(*each) for each in found], more and _id(more)))

    async def get(self, call: Call) -> Response:
        key = _key(call.parameters["id"])
        return as_json(200, _shown(key, await failures.look(self._parts.store, key)))

    async def replay(self, call: Call) -> Response:
        key = _key(call.parameters["id"])
        failure = await failures.look(self._parts.store, key)
        try:
            ready = await failures.replay(self._parts.store, key, failure)
        except Occupied as error:
            raise Problem(409, "exists", str(error)) from error
        self._parts.wake(ready)
        return as_json(202, Replayed(ready.key))

    async def discard(self, call: Call) -> Response:
        key = _key(call.parameters["id"])
        await failures.look(self._parts.store, key)  # 404 if it is gone
        await failures.discard(self._parts.store, key)
        return Response(204)


def _shown(key: str, failure: Failure) -> FailedWork:
    return FailedWork(
        id=_id(key),
        stage=failure.stage,
        key=failure.key,
        cause=failure.cause,
        message=failure.message,
        last_line=failure.last_line,
        at=failure.at,
        tries=failure.tries,
        size_bytes=len(failure.body),
    )


def _id(key: str) -> str:
    return urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _key(id_: str) -> str:
    """The key below `failed/` that an id stands for. Raises `Problem` 404."""
    try:
        key = urlsafe_b64decode(id_ + "=" * (-len(id_) % 4)).decode()
    except ValueError:
        key = ""
    if not key.startswith(keys.FAILED) or not is_possible(key):
        raise Problem(404, "not_found", "no failed work has this id")
    return key


def routes(parts: Parts) -> list[Route]:
    failed = Failed(parts)
    one = "/v1/failed/{id}"
    filters = (
        Query("stage", "Only of this stage."),
        Query("batch", "Only of this Batch."),
        Query("cause", "Only with this cause."),
    )
    return [
        Route(
            "GET",
            "/v1/failed",
            OPERATOR,
            failed.list,
            "List failed work",
            FailedPage,
            query=(*filters, *PAGE),
        ),
        Route("GET", one, OPERATOR, failed.get, "See why work failed", FailedWork),
        Route("POST", f"{one}/replay", OPERATOR, failed.replay, "Put work back", Replayed, 202),
        Route("DELETE", one, OPERATOR, failed.discard, "Throw work away", status=204),
    ]
