"""One object that nobody can work on: it goes to `failed/`, whole, and stops no other."""

import msgspec
import pytest
from endings import SEVEN
from lives import START, Process, ScriptedStore, World, process, run, world
from station import DOMAIN

from ekiden import relay
from ekiden.cores import RendererDied
from shared import keys
from shared.errors import StoreRefused, StoreUnavailable
from shared.stage import Failure
from shared.store.base import Store
from shared.store.wrap import WRITES

BATCH_ID = "01mcc5rm00000000000000000z"
"""Its content is there, and is garbled."""
OTHER_ID = "01mcc5rm00000000000000000x"
"""Its content is not there."""
TORN_ZSTD = b"\x28\xb5\x2f\xfdthis was cut off"
NO_BATCH = b'{"content": 1, "recipients": []}'
BAG = msgspec.json.encode(
    {"batch": BATCH_ID, "bag": 0, "domain": DOMAIN, "rows": [{"n": 0, "email": "a@b.example"}]}
)
HEADER_ONLY_TORN = b'{"batch": "x", "bag": 0, "attempt": 0, "domain": "d", "due_at": 1}\n{"n": 0'

POISON: list[tuple[str, str, bytes, str]] = [
    ("submit", f"inbox/{DOMAIN}/no-json.json", b'{"sender": ', "Problem"),
    ("submit", f"inbox/{DOMAIN}/misspelled.json", b'{"sendr": {}}', "Problem"),
    ("submit", f"inbox/{DOMAIN}/bare-lf.eml", b"From: a@example.org\n\nHi\n", "Problem"),
    ("submit", f"inbox/{DOMAIN}/photo.gif", b"GIF89a", "Malformed"),
    ("submit", "inbox/stranger.example/batch.json", b"{}", "Malformed"),
    ("submit", "inbox/in-no-folder.json", b"{}", "Malformed"),
    ("validate", f"submitted/{BATCH_ID}.json", b"no JSON", "Malformed"),
    ("validate", f"submitted/{BATCH_ID}.json", TORN_ZSTD, "Malformed"),
    ("validate", f"submitted/{BATCH_ID}.json", NO_BATCH, "Malformed"),
    ("validate", f"submitted/{BATCH_ID}.json", b"", "Malformed"),
    ("dispatch", f"validated/{BATCH_ID}/0000.json", b"\xff\xfe", "Malformed"),
    ("dispatch", f"validated/{BATCH_ID}/0000.json", TORN_ZSTD, "Malformed"),
    ("dispatch", f"validated/{BATCH_ID}/0000.json", b'{"domain": 7}', "Malformed"),
    ("dispatch", f"validated/{BATCH_ID}/0000.json", BAG, "ValidationError"),
    ("dispatch", f"validated/{OTHER_ID}/0000.json", BAG, "NotFound"),
    ("dispatch", "validated/by-hand.json", b"{}", "ValueError"),
    ("send", f"dispatched/{BATCH_ID}/0000.000.jsonl", b"no JSON", "Malformed"),
    ("send", f"dispatched/{BATCH_ID}/0000.000.jsonl", TORN_ZSTD, "Malformed"),
    ("send", f"dispatched/{BATCH_ID}/0000.000.jsonl", HEADER_ONLY_TORN, "Malformed"),
    ("sweep", "waiting/20270115T075959Z/nowhere/x.json", b"{}", "Malformed"),
    ("sweep", "waiting/0-tomorrow.json", b"{}", "Malformed"),
]


async def failure(here: World, stage: str, key: str) -> Failure:
    place = keys.failed(stage, key)
    if stage == "submit":
        (place,) = [each for each in await here.keys(keys.FAILED) if is_of_upload(each, key)]
    return msgspec.json.decode((await here.store.get(place)).body, type=Failure)


def is_of_upload(failed: str, upload: str) -> bool:
    work = failed.removeprefix("failed/submit/").removesuffix(".json")
    return keys.parse_inbox(work) == keys.parse_inbox(upload)


async def submit_another(alive: Process) -> None:
    assert (await alive.call("POST", "/v1/batches", SEVEN)).status == 202


@pytest.mark.parametrize(("stage", "key", "body", "cause"), POISON)
def test_poison_is_set_aside_with_its_cause_and_stops_no_other(
    stage: str, key: str, body: bytes, cause: str
) -> None:
    async def story() -> None:
        async with world() as here, process(here, one_by_one=True) as alive:
            await here.put({key: body, keys.content(BATCH_ID): b"{}"})
            await alive.settle()
            await submit_another(alive)
            await alive.settle()
            found = await failure(here, stage, key)
            assert (found.stage, found.body) == (stage, body)
            assert keys.parse_inbox(found.key) == keys.parse_inbox(key)
            assert (found.cause, found.at, found.tries) == (cause, START, 1)
            assert found.message
            assert found.last_line
            assert await here.open_work() == []
            assert here.sink.accepted == len(SEVEN["recipients"])

    run(story())


def test_waiting_work_behind_poison_is_released() -> None:
    async def story() -> None:
        async with world() as here, process(here) as alive:
            batch = {**SEVEN, "scheduled_time": "2027-01-15T09:00:00Z"}
            await alive.call("POST", "/v1/batches", batch)
            await alive.settle()
            await here.put({"waiting/0-tomorrow.json": b"", "waiting/20270115T080000Z/x": b""})
            here.at(3600)
            await alive.settle()
            assert here.sink.accepted == len(SEVEN["recipients"])

    run(story())


def test_a_garbled_body_that_waits_fails_at_its_stage_when_it_is_due() -> None:
    async def story() -> None:
        async with world() as here, process(here) as alive:
            work = f"dispatched/{BATCH_ID}/0000.001.jsonl"
            await here.put({keys.waiting(START, work): b"no JSON"})
            await alive.settle()
            assert (await failure(here, "send", work)).body == b"no JSON"
            assert await here.open_work() == []

    run(story())


def test_what_failed_goes_on_when_it_is_put_back() -> None:
    """The Domain's record was gone for a while."""

    async def story() -> None:
        async with world() as here:
            record = keys.domain_record(DOMAIN)
            kept = (await here.store.get(record)).body
            async with process(here) as alive:
                await submit_another(alive)
                await here.store.delete(record)
                await alive.settle()
                failed = await here.keys("failed/dispatch/")
                assert len(failed) == 3, "its Bags"
                assert here.sink.accepted == 0
            await here.put({record: kept})
            for key in failed:
                found = msgspec.json.decode((await here.store.get(key)).body, type=Failure)
                await here.put({found.key: found.body})
            async with process(here) as alive:
                await alive.settle()
            assert here.sink.accepted == len(SEVEN["recipients"])

    run(story())


# What fails again and again. Pauses are short here: FIRST_PAUSE_S is none.


@pytest.fixture
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "FIRST_PAUSE_S", 0.0)


@pytest.mark.usefixtures("_no_pauses")
def test_work_that_fails_too_often_is_set_aside_and_the_relay_comes_to_rest() -> None:
    async def story() -> None:
        tries = 0

        async def kill_the_renderer(op: str, key: str, call):  # type: ignore[no-untyped-def]
            nonlocal tries
            if (op, key[:16]) == ("create", "dispatched/01mcc") and "/0001." in key:
                tries += 1
                raise RendererDied("the renderer ran out of memory")
            return await call()

        async with world() as here:
            async with process(
                here, between=lambda store: ScriptedStore(store, kill_the_renderer)
            ) as alive:
                await submit_another(alive)
                await alive.settle()
            (key,) = await here.keys(keys.FAILED)
            found = msgspec.json.decode((await here.store.get(key)).body, type=Failure)
            assert (found.cause, found.tries, tries) == ("RendererDied", 6, 6)
            assert found.key.startswith("validated/")
            assert await here.open_work() == []
            assert here.sink.accepted == 4, "the other Bags"

    run(story())


@pytest.mark.usefixtures("_no_pauses")
def test_a_store_that_is_away_for_long_sends_nothing_to_failed() -> None:
    async def story() -> None:
        refused = 0

        async def away(op: str, key: str, call):  # type: ignore[no-untyped-def]
            nonlocal refused
            if op in WRITES and refused < 100:
                refused += 1
                raise StoreUnavailable(f"away: {op} {key}")
            return await call()

        async with world() as here:
            await here.put({f"inbox/{DOMAIN}/batch.json": msgspec.json.encode(SEVEN)})
            async with process(here, between=lambda store: ScriptedStore(store, away)) as alive:
                await alive.settle()
            assert refused == 100
            assert await here.keys(keys.FAILED) == []
            assert here.sink.accepted == len(SEVEN["recipients"])

    run(story())


@pytest.mark.usefixtures("_no_pauses")
def test_work_that_cannot_even_be_set_aside_costs_no_runner() -> None:
    """As where the store refuses the key under `failed/` for its length."""

    async def story() -> None:
        stubborn = f"inbox/{DOMAIN}/stubborn.json"
        refused = 0

        async def refuse(op: str, key: str, call):  # type: ignore[no-untyped-def]
            nonlocal refused
            if is_of_upload(key, stubborn) and op in WRITES and refused < 20:
                refused += 1
                raise StoreRefused(f"the key is too long: {key}")
            return await call()

        def between(store: Store) -> Store:
            return ScriptedStore(store, refuse)

        async with world() as here, process(here, between=between, one_by_one=True) as alive:
            await here.put({stubborn: b"no JSON"})
            await alive.relay.sweep(0)
            await here.put({f"inbox/{DOMAIN}/good.json": msgspec.json.encode(SEVEN)})
            await alive.settle()
            assert refused == 20
            assert here.sink.accepted == len(SEVEN["recipients"])
            assert (await failure(here, "submit", stubborn)).cause in ("Problem", "StoreRefused")

    run(story())
