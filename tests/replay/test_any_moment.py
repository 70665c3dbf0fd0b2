"""Every work object of a Batch can be made again, byte for byte, from what was kept of it (X2)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import BATCH, DOMAIN, Desk

from ekiden.replay.compare import Compared
from ekiden.replay.moment import FROM, Moment, moment
from ekiden.replay.rebuild import rebuild
from ekiden.replay.restore import find, put_back
from functions.dispatch import assemble as dispatch
from shared import keys
from shared.config import Config, load
from shared.errors import EkidenError, Malformed, NotFound
from shared.stage import Wake, run
from shared.store.sqlite import SqliteStore

SIZES = pytest.mark.parametrize("recipients", [1, 3, 8], ids=["one", "one Bag", "three Bags"])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(store=SqliteStore(tmp_path / "ekiden.db"))
    yield desk
    desk.do(desk.store.close())


def config() -> Config:
    return load(environ={}, flags={"validate.bag_size": "500"})  # not what the Batch was cut by


def submit(desk: Desk, recipients: int, **more: Any) -> str:
    people = [{"email": f"r{n}@sink.example", "fields": {"name": n}} for n in range(recipients)]
    return str(desk.submit({**BATCH, "recipients": people, **more}).json["batch"])


def bodies(desk: Desk, prefix: str) -> dict[str, bytes]:
    return {key: desk.do(desk.store.get(key)).body for key in desk.keys(prefix)}


def run_dispatch(desk: Desk) -> None:
    stage = dispatch.stage(config(), desk.store)
    for key in desk.keys(keys.VALIDATED):
        desk.do(run(stage, desk.store, lambda: desk.now, Wake(key)))


def made(desk: Desk, wanted: Moment) -> dict[str, bytes]:
    async def all_of_it() -> dict[str, bytes]:
        return {key: body async for key, body in rebuild(config(), desk.store, wanted)}

    return asyncio.run(all_of_it())


@SIZES
def test_the_input_of_each_stage_comes_back_byte_for_byte(desk: Desk, recipients: int) -> None:
    desk.now = 1_700_000_000.0  # stages look at the real clock: this is due
    batch = submit(desk, recipients)
    was = {"validate": bodies(desk, keys.SUBMITTED)}
    desk.validate(bag_size=3)
    was["dispatch"] = bodies(desk, keys.VALIDATED)
    run_dispatch(desk)
    was["send"] = bodies(desk, keys.DISPATCHED)
    desk.do(desk.store.delete(*was["send"]))  # as when all is sent
    for stage, objects in was.items():
        assert made(desk, Moment(stage, batch)) == objects
        for key, body in objects.items():
            assert made(desk, moment(key)) == {key: body}


def test_a_bag_is_cut_as_it_was_cut_whatever_the_configuration_says_now(desk: Desk) -> None:
    desk.now = 1_700_000_000.0
    batch = submit(desk, 8)
    desk.validate(bag_size=3)
    assert len(made(desk, Moment("dispatch", batch))) == 3


def test_validate_cuts_as_an_earlier_try_of_it_did(desk: Desk) -> None:
    batch = submit(desk, 8)
    work = bodies(desk, keys.SUBMITTED)
    desk.validate(bag_size=3)
    before = bodies(desk, keys.VALIDATED) | bodies(desk, keys.WAITING)
    desk.do(desk.store.create(keys.submitted(batch), work[keys.submitted(batch)]))
    desk.validate(bag_size=4)  # somebody has changed it in between
    assert bodies(desk, keys.VALIDATED) | bodies(desk, keys.WAITING) == before


def test_a_scheduled_batch_waits_again_and_is_not_sent_early(desk: Desk) -> None:
    batch = submit(desk, 3, scheduled_time="2027-01-16T08:00:00Z")
    desk.validate(bag_size=2)
    waiting = bodies(desk, keys.WAITING)
    assert made(desk, Moment("dispatch", batch)) == waiting
    assert made(desk, moment(min(waiting))) == {min(waiting): waiting[min(waiting)]}
    with pytest.raises(Malformed, match="not due"):
        made(desk, Moment("send", batch))


def test_what_was_not_kept_is_not_made_up(desk: Desk) -> None:
    batch = submit(desk, 8)
    desk.validate(bag_size=3)
    desk.do(desk.store.delete(keys.archived(keys.submitted(batch))))
    with pytest.raises(NotFound, match="archive"):
        made(desk, Moment("send", batch))


def test_nothing_is_kept_when_the_archive_is_off(desk: Desk) -> None:
    from functions.validate import assemble as validate

    batch = submit(desk, 2)
    off = load(environ={}, flags={"archive.submitted": "off"})
    stage = validate.stage(off, desk.store, lambda: desk.now)
    desk.do(run(stage, desk.store, lambda: desk.now, Wake(keys.submitted(batch))))
    assert "recipients" not in desk.get(keys.content(batch))
    with pytest.raises(NotFound):
        made(desk, Moment("validate", batch))


def test_a_changed_domain_shows_as_a_difference(desk: Desk) -> None:
    desk.now = 1_700_000_000.0
    batch = submit(desk, 1)
    desk.validate()
    run_dispatch(desk)
    desk.suppress("r0@sink.example")
    ((key, body),) = made(desk, Moment("send", batch)).items()
    compared = Compared(key, body, desk.do(find(desk.store, key)))
    assert compared.word == "differs"
    assert any('"rejected": "suppressed"' in line for line in compared.difference())


def test_what_is_there_stays_unless_told_otherwise(desk: Desk) -> None:
    key = keys.validated("01hf7yat00abcdefghjkmnpqrs", 0)
    desk.do(desk.store.create(key, b"other"))
    differs = Compared(key, b"made", b"other")
    assert not desk.do(put_back(desk.store, differs, overwrite=False))
    assert desk.do(find(desk.store, key)) == b"other"
    assert desk.do(put_back(desk.store, differs, overwrite=True))
    assert desk.do(find(desk.store, key)) == b"made"


def test_what_came_meanwhile_stays(desk: Desk) -> None:
    key = keys.validated("01hf7yat00abcdefghjkmnpqrs", 0)
    seen = Compared(key, b"made", None)
    desk.do(desk.store.create(key, b"by its stage"))
    assert not desk.do(put_back(desk.store, seen, overwrite=False))


B = "01hf7yat00abcdefghjkmnpqrs"


@pytest.mark.parametrize(
    ("what", "stage", "said"),
    [
        (B, "", "--from validate, dispatch or send"),
        (B, "bounce", "--from validate, dispatch or send"),
        (B, "submit", "one of validate"),
        ("nonsense", "send", "neither a Batch nor"),
        ("", "send", "neither a Batch nor"),
        ("validated/x/0000.json", "", "neither a Batch nor"),
        (f"validated/{B}/x.json", "", "neither a Batch nor"),
        (keys.validated(B, 0), "validate", "made behind validate"),
        (keys.validated(B, 0), "bounce", "made behind bounce"),
        (keys.dispatched(B, 0, 2), "", "a later attempt"),
        (f"inbox/{DOMAIN}/x.json", "", "an upload lives on"),
        (keys.failed("send", keys.dispatched(B, 0, 0)), "", "ekiden failed replay"),
        ("waiting/x", "", "no key of waiting work"),
        ("waiting/20270101T000000Z/nobody/x", "", "no key of waiting work"),
        ("inbound/x.eml", "send", "only ever taken by bounce"),
    ],
)
def test_what_cannot_be_brought_back_is_said(what: str, stage: str, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        moment(what, stage)


def test_an_earlier_moment_of_one_bag_can_be_meant() -> None:
    assert moment(keys.validated(B, 7), "send") == Moment("send", B, 7)
    assert moment(keys.submitted(B), "dispatch") == Moment("dispatch", B)
    assert moment("inbound/x.eml") == Moment("bounce", inbound="inbound/x.eml")
    assert set(FROM) < set(keys.WORK.values())


@pytest.mark.parametrize("there", [b"(", b"\x28\xb5\x2f\xfd torn", b"\xff\x00", b""])
def test_any_bytes_can_be_compared(there: bytes) -> None:
    assert list(Compared("k", b'{"a":1}\n', there).difference())


def test_a_bag_that_the_batch_does_not_have(desk: Desk) -> None:
    desk.now = 1_700_000_000.0
    batch = submit(desk, 3)
    desk.validate()
    with pytest.raises(EkidenError, match="no Bag 7"):
        made(desk, Moment("dispatch", batch, 7))
