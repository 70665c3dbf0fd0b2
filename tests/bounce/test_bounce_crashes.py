"""Dying at any write, twins, and a store that fails: in the end the same objects stand there."""

import os
from random import Random
from secrets import randbits
from typing import Literal

import pytest
from post_office import ARRIVED, BATCH, FEEDBACK, INBOUND, Office, do
from returned_mail import sample

from shared import keys
from shared.errors import Temporary
from shared.ids import batch_id
from shared.store.wrap import Died, FaultStore, FlakyStore

ANN, BOB, CAROL = "ann@sink.example", "bob@sink.example", "carol@sink.example"
SECOND_BATCH = batch_id(1_795_000_001.0, bytes(10))
WRITES = 7


def office() -> Office:
    """A mail to two return paths, a postmaster, and nobody."""
    here = Office()
    here.sent(ANN, BOB, CAROL, together=True)
    here.sent("list@else.example", batch=SECOND_BATCH)
    here.arrives(
        "two-of-three",
        here.return_path(0),
        here.return_path(0, SECOND_BATCH),
        "postmaster@example.org",
    )
    return here


def result(here: Office) -> dict[str, bytes]:
    """All but the Domain's record, whose secret differs."""
    return {key: body for key, body in here.everything().items() if "domain.json" not in key}


def undisturbed() -> tuple[dict[str, bytes], int]:
    here = office()
    store = FaultStore(here.store)
    here.work(store)
    return by_domain(here), len(store.writes)


def by_domain(here: Office) -> dict[str, bytes]:
    secret_paths = [here.return_path(0), here.return_path(0, SECOND_BATCH)]
    found = result(here)
    for number, path in enumerate(secret_paths):
        found = {
            key: body.replace(path.encode(), b"path %d" % number) for key, body in found.items()
        }
    return {key: body for key, body in found.items() if not key.endswith("dkim.json")}


def test_the_places_to_die_at_are_all_tried() -> None:
    assert undisturbed()[1] == WRITES


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("die_at", range(1, WRITES + 1))
def test_a_death_at_any_write_changes_nothing_in_the_end(
    die_at: int, when: Literal["before", "after"]
) -> None:
    here = office()
    with pytest.raises(Died):
        here.work(FaultStore(here.store, die_at, when))
    here.work()
    assert by_domain(here) == undisturbed()[0]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("die_at", [1, 2])
def test_a_death_while_it_is_put_aside_loses_nothing(
    die_at: int, when: Literal["before", "after"]
) -> None:
    here = Office()
    here.sent()
    here.arrives("postfix-user-unknown", here.return_path(0))
    with pytest.raises(Died):
        here.work(FaultStore(here.store, die_at, when))
    here.work()
    assert (len(here.keys(keys.WAITING)), here.keys(keys.INBOUND)) == (1, [])


def test_another_report_between_a_death_and_the_repeat_takes_nothing_away() -> None:
    here = Office()
    here.sent(ANN)
    here.arrives("postfix-user-unknown", here.return_path(0))
    with pytest.raises(Died):
        here.work(FaultStore(here.store, 1, "after"))  # the Outcome stands, the rest does not
    later = batch_id(ARRIVED + 9, bytes(10))
    here.arrives("exchange-2003", here.return_path(0), name=later)
    here.work()
    assert [event.bounce_class for event in here.events()] == ["invalid_recipient"]
    assert (here.states(), here.suppressed()) == (["bounced"], {ANN: "hard_bounce"})


def test_the_late_twin_finds_everything_as_it_would_write_it() -> None:
    here = office()
    body = here.body(keys.inbound(INBOUND))
    here.work()
    before = here.everything()
    do(here.store.put(keys.inbound(INBOUND), body))
    here.now += 1000
    here.work()
    assert here.everything() == before


def test_a_repeated_complaint_writes_the_same() -> None:
    here = Office()
    here.sent(ANN)
    message = sample("yahoo-complaint", here.return_path(0))
    here.arrives(message, FEEDBACK)
    here.work()
    before = here.everything()
    here.now += 1000
    here.arrives(message, FEEDBACK)
    here.work()
    assert here.everything() == before


def test_a_store_that_fails_now_and_then_is_tried_again() -> None:
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    here = office()
    flaky = FlakyStore(here.store, Random(seed), rate=0.2)
    while here.keys(keys.INBOUND):
        try:
            here.work(flaky)
        except Temporary:
            continue
    assert by_domain(here) == undisturbed()[0]
    assert here.states(BATCH) == ["delivered", "bounced", "bounced"]
