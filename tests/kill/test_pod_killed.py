"""`ekiden pod` is killed with signal 9 in the middle of 20 Deliveries at a time, again and again.

Postfix goes through the same, beside it (`benchmarks/kill.py` runs more lives, and prints both).
The mail server keeps each mail for 30 ms before it answers, so that a kill finds mails that it has
taken and not answered. These nobody can know of; all others must not come twice.
"""

import pytest
from processes import seeded_random

from benchmarks import kill, lives
from benchmarks.row import Unmeasured

MAILS, KILLS, STOPS = 2_000, 6, 1
FEWEST_KILLS = 3
"""On a machine so slow that the mails are at their end before the kills are."""
UNRECORDED = 10
"""Outcomes of the last milliseconds, which are not in the store yet."""


@pytest.fixture(scope="module")
def plan() -> lives.Plan:
    return lives.Plan.of(MAILS, KILLS, STOPS, seed=seeded_random().randrange(1 << 32))


@pytest.fixture(scope="module")
def pod(plan: lives.Plan) -> lives.Tally:
    """What became of the mails of a pod that went through this."""
    tally = kill.ekiden(plan)
    print(f"pod: repeats per kill {tally.after_kills}, held {tally.held_at_kills}")
    assert len(tally.after_kills) >= FEWEST_KILLS
    return tally


def test_no_mail_is_lost_and_repeats_are_the_same_to_the_byte(pod: lives.Tally) -> None:
    assert (pod.lost, pod.changed) == (0, 0)


def test_each_repeat_is_marked_as_ambiguous_in_its_outcome(pod: lives.Tally) -> None:
    assert pod.repeated
    assert pod.unmarked == 0


def test_a_clean_stop_repeats_nothing(pod: lives.Tally) -> None:
    assert pod.after_stops == 0


def test_a_kill_repeats_what_was_in_flight(pod: lives.Tally) -> None:
    assert pod.median <= lives.CONNECTIONS + UNRECORDED


def test_a_kill_repeats_no_more_than_one_of_postfix(plan: lives.Plan, pod: lives.Tally) -> None:
    try:
        peer = kill.postfix(plan)
    except Unmeasured as reason:
        pytest.skip(str(reason))
    print(f"Postfix: repeats per kill {peer.after_kills}, held {peer.held_at_kills}")
    assert pod.median <= max(lives.CONNECTIONS, 1.5 * peer.median)
