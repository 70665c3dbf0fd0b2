"""How a function answers an event: by what the sender of the event will do next."""

import asyncio
import base64
import json
from collections.abc import Sequence
from random import Random
from typing import Any, ClassVar

import pytest
from desk import BATCH, DOMAIN, Desk
from event_samples import WORK_KEY, sample

from functions.submit import inbox
from shared import keys
from shared.errors import Busy, EkidenError, Permanent, StoreRefused, StoreUnavailable
from shared.event_face import MOST_AT_ONCE, MOST_EVENT_BYTES, EventFace, Unfinished
from shared.events import Scope
from shared.http import Request, Response
from shared.stage import Stage, Wake
from shared.store.base import Object, Store
from shared.store.memory import MemoryStore
from shared.store.wrap import FlakyStore

TOKEN = "c2VjcmV0LXRva2Vu"
NAMED = json.dumps({"key": f"inbox/{DOMAIN}/one.json"}).encode()


def post(body: Any, **headers: str) -> Request:
    encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", "/", headers, encoded)


# With a real stage: submit's inbox.


def answered(desk: Desk, body: bytes, store: Store | None = None) -> int:
    face = EventFace(inbox.stage(desk.core), store or desk.store, Scope("submit"))
    return desk.do(face.handle(post(body))).status


def uploaded(upload: bytes = json.dumps(BATCH).encode()) -> Desk:
    desk = Desk()
    desk.do(desk.store.put(f"inbox/{DOMAIN}/one.json", upload))
    return desk


def test_an_event_is_answered_204_when_its_work_is_done() -> None:
    desk = uploaded()
    assert answered(desk, NAMED) == 204
    assert len(desk.keys("submitted/")) == 1


def test_an_event_that_comes_again_is_answered_204() -> None:
    desk = uploaded()
    assert [answered(desk, NAMED), answered(desk, NAMED)] == [204, 204]
    assert len(desk.keys("submitted/")) == 1


def test_an_event_for_another_stage_or_for_nobody_is_answered_204() -> None:
    desk = uploaded()
    before = desk.work()
    for key in ("submitted/x.json", "batches/x/content.json", "", "../x", "inbox"):
        assert answered(desk, json.dumps({"key": key}).encode()) == 204
    assert desk.work() == before


def test_work_that_goes_to_failed_is_answered_204_for_it_is_dealt_with() -> None:
    desk = uploaded(b"{")
    assert answered(desk, NAMED) == 204
    (key,) = desk.work()
    assert key.startswith(f"failed/submit/inbox/{DOMAIN}/")


def test_while_the_store_is_away_the_answer_is_503() -> None:
    desk = uploaded()
    before = desk.work()
    assert answered(desk, NAMED, FlakyStore(desk.store, Random(1), rate=1)) == 503
    assert desk.work() == before


# With a stage that does as told.


class Workshop:
    """A dispatch whose work raises what the key's name says, or waits."""

    def __init__(self, token: str = "") -> None:
        self.store = MemoryStore()
        self.worked: list[tuple[str, bytes]] = []
        self.began = asyncio.Semaphore(0)
        self.hold: asyncio.Event | None = None
        self.face = EventFace(
            Stage("dispatch", self._work), _Refusing(self.store), Scope("dispatch"), token
        )

    async def _work(self, key: str, body: bytes) -> Sequence[Wake]:
        self.worked.append((key, body))
        self.began.release()
        if self.hold:
            await self.hold.wait()
        if "busy" in key:
            raise Busy("another has it")
        return ()

    async def ask(self, *names: str, **headers: str) -> Response:
        """An event for these work objects, which are there."""
        for name in names:
            await self.store.put(f"{keys.VALIDATED}{name}", b"{}")
        return await self.face.handle(
            post([{"key": f"{keys.VALIDATED}{name}"} for name in names], **headers)
        )


class _Refusing:
    """Hands on to a store, but for keys whose name says what is wrong with it."""

    ERRORS: ClassVar[dict[str, type[EkidenError]]] = {
        "away": StoreUnavailable,
        "refused": StoreRefused,
        "never": Permanent,
    }

    def __init__(self, inner: Store) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def get(self, key: str) -> Object:
        for word, error in self.ERRORS.items():
            if word in key:
                raise error(key)
        if "fault" in key:
            raise ZeroDivisionError
        return await self._inner.get(key)


def status(*names: str) -> int:
    return asyncio.run(Workshop().ask(*names)).status


@pytest.mark.parametrize(
    ("name", "expected"),
    [("well", 204), ("busy", 409), ("away", 503), ("refused", 500), ("never", 422), ("fault", 500)],
)
def test_what_came_in_the_way_decides_the_answer(name: str, expected: int) -> None:
    assert status(name) == expected


def test_who_shall_come_later_is_told_when() -> None:
    assert asyncio.run(Workshop().ask("away")).headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["well", "busy", "well2"], 409),
        (["busy", "away", "well"], 503),
        (["never", "well"], 422),
        (["never", "busy"], 409),
        (["away", "fault", "busy"], 500),
    ],
)
def test_of_several_events_all_are_tried_and_the_worst_answer_counts(
    names: list[str], expected: int
) -> None:
    workshop = Workshop()
    assert asyncio.run(workshop.ask(*names)).status == expected
    tried = {key.removeprefix(keys.VALIDATED) for key, _ in workshop.worked}
    assert tried == {name for name in names if name.startswith(("well", "busy"))}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post_brings_events(method: str) -> None:
    answer = asyncio.run(Workshop(TOKEN).face.handle(Request(method, "/")))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_what_is_no_event_is_answered_400() -> None:
    assert asyncio.run(Workshop().face.handle(post({}))).status == 400


def test_an_event_that_is_too_large_is_answered_413() -> None:
    body = b" " * (MOST_EVENT_BYTES + 1)
    assert asyncio.run(Workshop().face.handle(post(body))).status == 413


def test_who_would_be_one_too_many_is_told_to_come_later() -> None:
    async def story() -> None:
        workshop = Workshop()
        workshop.hold = asyncio.Event()
        under_way = [asyncio.create_task(workshop.ask(f"{n}")) for n in range(MOST_AT_ONCE)]
        for _ in under_way:
            await workshop.began.acquire()
        answer = await workshop.ask("more")
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        workshop.hold.set()
        assert {(await each).status for each in under_way} == {204}
        assert (await workshop.ask("more")).status == 204

    asyncio.run(story())


def test_it_counts_what_became_of_events_and_why_they_were_dropped() -> None:
    async def story() -> None:
        workshop = Workshop()
        await workshop.ask("well", "busy", "folder/")
        for body in ({"key": "inbox/x"}, {"key": "inbox/y"}, {"nothing": 1}):
            await workshop.face.handle(post(body))
        dropped = {"folder": 1, "other_stage": 2}
        assert workshop.face.counts == {"done": 1, "in_progress": 1, "no_event": 1} | dropped

    asyncio.run(story())


# The token.


def with_token(value: str | None) -> int:
    headers = {} if value is None else {"authorization": value}
    return asyncio.run(Workshop(TOKEN).ask("well", **headers)).status


def test_with_a_token_events_are_taken() -> None:
    as_password = base64.b64encode(f"sns:{TOKEN}".encode()).decode()
    assert with_token(f"Bearer {TOKEN}") == with_token(f"Basic {as_password}") == 204


@pytest.mark.parametrize(
    "value",
    [None, "", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN}x", "Bearer ü", "Basic !", "x y"],
)
def test_without_the_token_nothing_is_looked_at(value: str | None) -> None:
    assert with_token(value) == 401


# An object that rides in its event.


def riding(workshop: Workshop, body: bytes, **headers: str) -> int:
    event = {"key": WORK_KEY, "body": base64.b64encode(body).decode()}
    return asyncio.run(workshop.face.handle(post(event, **headers))).status


def test_an_object_that_rides_along_is_believed_from_who_has_the_token() -> None:
    workshop = Workshop(TOKEN)
    assert riding(workshop, b"carried", authorization=f"Bearer {TOKEN}") == 204
    assert workshop.worked == [(WORK_KEY, b"carried")]


def test_where_no_token_is_asked_for_the_object_is_read() -> None:
    workshop = Workshop()
    assert riding(workshop, b"forged") == 204
    assert workshop.worked == []
    asyncio.run(workshop.store.put(WORK_KEY, b"stored"))
    assert riding(workshop, b"forged") == 204
    assert workshop.worked == [(WORK_KEY, b"stored")]


def test_a_large_object_is_read_again() -> None:
    workshop = Workshop(TOKEN)
    assert riding(workshop, b"x" * 65_537, authorization=f"Bearer {TOKEN}") == 204
    assert workshop.worked == []


# MinIO's webhook: all other events of its bucket wait for our answer.


def test_who_holds_up_others_is_answered_before_slow_work_is_done() -> None:
    async def story() -> None:
        workshop = Workshop()
        workshop.hold = asyncio.Event()
        await workshop.store.put(WORK_KEY, b"{}")
        answer = await workshop.face.handle(post(sample("minio_webhook_put").body))
        assert answer.status == 202
        assert isinstance(answer, Unfinished)
        assert answer.rest is not None
        workshop.hold.set()
        assert await answer.rest is None
        assert workshop.face.counts == {"done": 1}

    asyncio.run(story())


@pytest.mark.parametrize(("name", "expected"), [("busy", 204), ("never", 204), ("away", 503)])
def test_who_holds_up_others_is_not_sent_back_with_what_another_does_or_nobody_can(
    name: str, expected: int
) -> None:
    async def story() -> None:
        workshop = Workshop()
        await workshop.store.put(f"{keys.VALIDATED}{name}", b"{}")
        its = sample("minio_webhook_put").body.replace(b"01hf7yat00zzzzzzzzzzzzzzzz", b"batch")
        body = its.replace(b"batch%2F0000.json", name.encode())
        assert (await workshop.face.handle(post(body))).status == expected

    asyncio.run(story())
