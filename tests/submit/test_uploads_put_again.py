"""An upload that is put once more, by the sweep or a replay, becomes the Batch that it was."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest
from desk import BATCH, DOMAIN, NOW, Desk

from functions.submit import inbox
from functions.sweep.waking import Waking
from shared import failures, keys
from shared.errors import Malformed, NotFound
from shared.failures import Filter
from shared.stage import Wake, run
from shared.store.base import Store
from shared.store.wrap import Died, FaultStore, Wrapper

T = TypeVar("T")
KEY = keys.inbox(DOMAIN, "daily.json")
NEW = "new.example"


def upload_of(who: str, domain: str = DOMAIN) -> bytes:
    sender = {"email": f"news@{domain}"}
    recipients = [{"email": f"{who}@sink.example", "fields": {"name": who}}]
    return json.dumps({**BATCH, "sender": sender, "recipients": recipients}).encode()


class Before(Wrapper):
    """Does something else once, right before a call of this kind."""

    def __init__(self, inner: Store, op: str, act: Callable[[], Awaitable[object]]) -> None:
        super().__init__(inner)
        self.op, self.act = op, act

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == self.op and key.startswith((keys.INBOX, keys.SUBMITTED)):
            act, self.op = self.act, ""
            await act()
        return await call()


def put_again(desk: Desk, key: str = KEY) -> None:
    """As the sweep does where no URL of submit is known."""
    desk.do(Waking(desk.store, {}).wake(Wake(key)))


def work_off(desk: Desk) -> list[str]:
    """Let submit take all uploads; return whom the Batches are for."""
    for key in desk.keys(keys.INBOX):
        desk.event(key)
    batches = [desk.get(key) for key in desk.keys(keys.SUBMITTED)]
    return [row["email"].partition("@")[0] for each in batches for row in each["recipients"]]


def failed(desk: Desk) -> list[tuple[str, Any]]:
    async def find() -> list[tuple[str, Any]]:
        return [each async for each in failures.find(desk.store, Filter())]

    return desk.do(find())


# The sweep.


def test_an_upload_that_the_sweep_puts_again_is_one_batch_and_a_later_one_another() -> None:
    desk = Desk()
    desk.do(desk.store.put(KEY, upload_of("ann")))
    desk.now += 400
    for _ in range(3):
        (key,) = desk.keys(keys.INBOX)
        put_again(desk, key)
    assert work_off(desk) == ["ann"]
    desk.do(desk.store.put(KEY, upload_of("ann")))
    assert work_off(desk) == ["ann", "ann"]


@pytest.mark.parametrize("validated", [False, True])
def test_submit_killed_before_its_delete_makes_one_batch(validated: bool) -> None:
    desk = Desk()
    desk.do(desk.store.put(KEY, upload_of("ann")))
    desk.core.store = faulty = FaultStore(desk.store, die_at=2)
    with pytest.raises(Died):
        desk.do(run(inbox.stage(desk.core), faulty, lambda: desk.now, Wake(KEY)))
    desk.core.store = desk.store
    if validated:
        desk.validate()
    before = [key for key in desk.work() if not key.startswith(keys.INBOX)]
    desk.now += 400
    put_again(desk)
    put_again(desk, desk.keys(keys.INBOX)[0])
    work_off(desk)
    assert desk.work() == before


def test_an_upload_put_again_while_submit_is_still_on_it_is_one_batch() -> None:
    desk = Desk()
    desk.do(desk.store.put(KEY, upload_of("ann")))
    desk.now += 400

    async def sweep() -> None:
        await Waking(desk.store, {}).wake(Wake(KEY))

    slow = Before(desk.store, "create", sweep)
    desk.core.store = slow
    desk.do(run(inbox.stage(desk.core), desk.store, lambda: desk.now, Wake(KEY)))
    desk.core.store = desk.store
    assert work_off(desk) == ["ann"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
def test_a_sweep_that_dies_while_it_puts_again_makes_no_second_batch(write: int, when: Any) -> None:
    desk = Desk()
    desk.do(desk.store.put(KEY, upload_of("ann")))
    desk.now += 400
    with pytest.raises(Died):
        desk.do(Waking(FaultStore(desk.store, write, when), {}).wake(Wake(KEY)))
    assert work_off(desk) == ["ann"]
    assert desk.keys(keys.INBOX) == []


# A new upload under an old name.


@pytest.mark.parametrize("body", [upload_of("ben"), upload_of("ann")], ids=["other", "same"])
def test_an_upload_that_arrives_while_the_old_one_is_taken_is_taken_too(body: bytes) -> None:
    desk = Desk()
    desk.do(desk.store.put(KEY, upload_of("ann")))

    async def upload() -> None:
        desk.now += 1
        await desk.store.put(KEY, body)

    desk.core.store = Before(desk.store, "create", upload)
    desk.event(KEY)
    assert len(work_off(desk)) == 2


def test_an_upload_that_arrives_while_the_old_one_fails_is_taken_too() -> None:
    desk = Desk()
    desk.do(desk.store.put(KEY, b"no JSON"))

    class Overwritten(Wrapper):
        async def put(self, key: str, body: bytes) -> str:
            await desk.store.put(KEY, upload_of("ben"))
            return await self.inner.put(key, body)

    store = Overwritten(desk.store)
    desk.do(run(inbox.stage(desk.core), store, lambda: desk.now, Wake(KEY)))
    assert work_off(desk) == ["ben"]
    assert [each.body for _, each in failed(desk)] == [b"no JSON"]


def test_uploads_of_one_name_fail_side_by_side() -> None:
    desk = Desk()
    for who in ("ann", "ben"):
        desk.upload("daily.json", upload_of(who, NEW), NEW)
    assert len(failed(desk)) == 2
    desk.add_domain(NEW)
    for key, failure in failed(desk):
        desk.do(failures.replay(desk.store, key, failure))
    assert sorted(work_off(desk)) == ["ann", "ben"]


@pytest.mark.parametrize("size", [240, 251, 255])
def test_an_upload_with_a_long_name_can_fail_and_come_back(size: int) -> None:
    desk = Desk()
    name = "a" * (size - 5) + ".json"
    desk.upload(name, upload_of("ann", NEW), NEW)
    ((key, failure),) = failed(desk)
    assert len(key.rpartition("/")[2].encode()) <= 255
    assert keys.parse_inbox(failure.key) == (NEW, name)
    desk.add_domain(NEW)
    desk.do(failures.replay(desk.store, key, failure))
    assert work_off(desk) == ["ann"]


# Replays.


def unknown_domain() -> Desk:
    """An upload has failed, and could now be taken."""
    desk = Desk()
    desk.upload("daily.json", upload_of("ann", NEW), NEW)
    desk.add_domain(NEW)
    desk.now += 100
    return desk


def test_two_replays_at_once_are_one_batch() -> None:
    desk = unknown_domain()
    ((key, failure),) = failed(desk)

    async def both() -> list[Any]:
        calls = [failures.replay(desk.store, key, failure) for _ in range(2)]
        return await asyncio.gather(*calls, return_exceptions=True)

    assert any(isinstance(each, Wake) for each in desk.do(both()))
    assert work_off(desk) == ["ann"]
    with pytest.raises(NotFound):
        desk.do(failures.replay(desk.store, key, failure))


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
def test_a_replay_that_died_and_is_run_again_makes_one_batch(
    write: int, when: Any, validated: bool
) -> None:
    desk = unknown_domain()
    ((key, failure),) = failed(desk)
    with pytest.raises(Died):
        desk.do(failures.replay(FaultStore(desk.store, write, when), key, failure))
    work_off(desk)
    desk.now += 100
    if validated:
        desk.validate()
    for each in failed(desk):
        desk.do(failures.replay(desk.store, *each))
    work_off(desk)
    desk.validate()
    assert len(desk.keys(keys.VALIDATED)) == 1
    assert failed(desk) == []


def test_a_replay_leaves_a_new_upload_of_that_name_alone() -> None:
    desk = unknown_domain()
    new = keys.inbox(NEW, "daily.json")
    desk.do(desk.store.put(new, upload_of("ben", NEW)))
    for each in failed(desk):
        desk.do(failures.replay(desk.store, *each))
    assert sorted(work_off(desk)) == ["ann", "ben"]


def test_work_that_fails_again_at_once_is_not_forgotten() -> None:
    desk = unknown_domain()
    ((key, failure),) = failed(desk)

    class FailsAgain(Wrapper):
        async def create(self, place: str, body: bytes) -> str:
            etag = await self.inner.create(place, body)
            again = await desk.store.get(key)
            await desk.store.put(key, again.body)
            await desk.store.delete(place)
            return etag

    desk.do(failures.replay(FailsAgain(desk.store), key, failure))
    assert len(failed(desk)) == 1


@pytest.mark.parametrize(
    ("stage", "work"),
    [
        ("submit", "domains/evil.example/keys/aaaaaaaaaaaa.json"),
        ("submit", keys.validated("x", 0)),
        ("submit", keys.FAILED + "submit/x"),
        ("submit", ""),
        ("sweep", keys.validated("x", 0)),
        ("dispatch", keys.waiting(NOW, keys.validated("x", 0))),
        ("nowhere", "nowhere/x"),
    ],
)
def test_a_failure_that_claims_another_place_is_not_believed(stage: str, work: str) -> None:
    desk = unknown_domain()
    ((_, failure),) = failed(desk)
    forged = type(failure)(**{**_fields(failure), "stage": stage, "key": work})
    before = desk.keys()
    for key in (keys.failed(stage, work), keys.failed(stage, "x")):
        with pytest.raises(Malformed, match="it is not put there"):
            desk.do(failures.replay(desk.store, key, forged))
    assert desk.keys() == before


def _fields(failure: Any) -> dict[str, Any]:
    return {name: getattr(failure, name) for name in failure.__struct_fields__}


# Keys that say what is not so.


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        (keys.put_back(KEY, int(NOW * 1000), b"other bytes"), "not the upload that was put back"),
        (keys.put_back(KEY, int(NOW * 1000) + 600_000, upload_of("ann")), "still to come"),
    ],
)
def test_a_key_that_says_what_is_not_so_goes_to_failed(key: str, cause: str) -> None:
    desk = Desk()
    desk.do(desk.store.put(key, upload_of("ann")))
    desk.event(key)
    ((_, failure),) = failed(desk)
    assert cause in failure.message
