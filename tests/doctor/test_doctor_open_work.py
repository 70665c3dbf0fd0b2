"""The checks of work that failed, and of work that nobody takes."""

import time

from examination import check, only

from ekiden.doctor.finding import State
from shared import keys
from shared.errors import Malformed
from shared.stage import fail
from shared.store.base import Store

BATCH = "01hf7yat00abcdefghjkmnpqrs"


async def one_failure(store: Store) -> None:
    await fail("submit", store, time.time, "inbox/a/b.json", b"{", Malformed("torn"), 1)


async def one_bag(store: Store) -> None:
    await store.put(keys.validated(BATCH, 0), b"{}")


def test_where_nothing_failed_all_is_well() -> None:
    assert only(check("failed-work")).state is State.OK


def test_what_failed_waits_for_a_person() -> None:
    finding = only(check("failed-work", prepare=one_failure))
    assert (finding.state, finding.advice) == (State.WARNING, "ekiden failed list")
    assert finding.seen.startswith("1 objects")


def test_more_than_one_looks_at_is_more() -> None:
    async def many(store: Store) -> None:
        for number in range(20_001):
            await store.put(f"failed/submit/{number:05d}", b"")

    assert "20000 or more" in only(check("failed-work", prepare=many)).seen


def test_young_work_is_well() -> None:
    finding = only(check("forgotten-work", prepare=one_bag))
    assert finding.state is State.OK
    assert finding.seen.startswith("1 open")


def test_old_work_is_named_with_its_stage() -> None:
    later = time.time() + 120
    finding = only(check("forgotten-work", prepare=one_bag, clock=lambda: later))
    assert finding.state is State.WARNING
    assert "dispatch has 1, the oldest for 12" in finding.seen


def test_what_counts_as_old_is_configured() -> None:
    later = time.time() + 120
    options = {"sweep__forgotten_after": "1h"}
    assert (
        only(check("forgotten-work", prepare=one_bag, clock=lambda: later, **options)).state
        is State.OK
    )
