"""The states of a Delivery, and the Outcomes that lead from one to the next."""

from itertools import permutations, product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.outcome import (
    FINAL,
    MOVES,
    OPEN,
    IllegalMove,
    Outcome,
    State,
    count,
    decode_lines,
    encode_lines,
    latest,
    move,
)

Q, R, D, F, B, X, C = (
    *(State.QUEUED, State.REJECTED, State.DELIVERED, State.DEFERRED, State.BOUNCED),
    *(State.FAILED, State.CANCELLED),
)


def line(state: State, delivery: str = "a", at: float = 0.0) -> Outcome:
    return Outcome(delivery=delivery, recipient="a@b.example", outcome=state, at=at)


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(MOVES) == set(State)


@pytest.mark.parametrize(("now", "to"), list(product(State, State)))
def test_a_move_is_made_if_the_table_has_it_and_refused_if_not(now: State, to: State) -> None:
    if to in MOVES[now]:
        assert move(now, to) is to
    else:
        with pytest.raises(IllegalMove, match=f"{now} cannot become {to}"):
            move(now, to)


def test_nothing_becomes_queued_again() -> None:
    assert not any(State.QUEUED in after for after in MOVES.values())


def test_a_state_is_open_or_final() -> None:
    assert all((state in OPEN) != (state in FINAL) for state in State)
    assert all(MOVES[state] >= FINAL for state in OPEN), "whatever is open can end in any way"


def test_what_is_final_stays_but_for_a_late_bounce() -> None:
    moves = {(now, to) for now in FINAL for to in MOVES[now]}
    assert moves == {(State.DELIVERED, State.BOUNCED)}


@pytest.mark.parametrize(
    ("recorded", "now"),
    [
        ([], None), ([D], D), ([R], R), ([C], C), ([F], F), ([F, F], F), ([F, F, D], D),
        ([F, X], X), ([F, B], B), ([D, B], B),
        # Repeats after a crash, and whatever may not follow what is there.
        ([D, D], D), ([D, F], D), ([B, D], B), ([R, D], R), ([C, D], C), ([X, B], X),
        ([D, F, B], B), ([Q], None), ([F, Q], F),
    ],
)  # fmt: skip
def test_the_lines_of_a_delivery_fold_into_its_state(
    recorded: list[State], now: State | None
) -> None:
    folded = latest(line(state, at=n) for n, state in enumerate(recorded))
    assert (folded["a"].outcome if "a" in folded else None) == now


@given(st.lists(st.sampled_from(State), max_size=8))
def test_folding_is_moving_with_illegal_moves_passed_over(states: list[State]) -> None:
    now = State.QUEUED
    for state in states:
        try:
            now = move(now, state)
        except IllegalMove:
            continue
    folded = latest(map(line, states))
    assert folded.get("a", line(State.QUEUED)).outcome == now


@given(st.lists(st.sampled_from(State), max_size=8))
def test_folding_twice_changes_nothing(states: list[State]) -> None:
    lines = [line(state, at=n) for n, state in enumerate(states)]
    assert latest([*lines, *lines]) == latest(lines) or State.BOUNCED in states


def test_deliveries_do_not_disturb_each_other() -> None:
    lines = [line(F, "a"), line(D, "b"), line(B, "c"), line(D, "a")]
    for order in permutations(lines[:3]):
        folded = latest([*order, lines[3]])
        assert {name: each.outcome for name, each in folded.items()} == {"a": D, "b": D, "c": B}


def test_outcomes_are_counted_by_state() -> None:
    assert count([line(D), line(D), line(B)]) == {D: 2, B: 1}


OUTCOMES = st.builds(
    Outcome,
    delivery=st.text(max_size=40),
    recipient=st.text(max_size=40),
    outcome=st.sampled_from(State),
    at=st.floats(0, 1e11),
    attempt=st.integers(0, 99),
    code=st.none() | st.integers(200, 599),
    enhanced=st.text(max_size=9),
    text=st.text(max_size=40),
    reason=st.text(max_size=9),
    host=st.text(max_size=9),
    address=st.text(max_size=9),
    tls=st.text(max_size=9),
    ambiguous=st.booleans(),
)


@given(st.lists(OUTCOMES, max_size=5))
def test_json_lines_come_back_as_they_were(outcomes: list[Outcome]) -> None:
    body = encode_lines(outcomes)
    assert decode_lines(body) == outcomes
    assert len(body.splitlines()) == len(outcomes)


def test_a_line_can_be_read_by_a_person() -> None:
    body = encode_lines([Outcome(delivery="a.1.2", recipient="r@b.example", outcome=D, at=1.5)])
    assert (
        body == b'{"delivery":"a.1.2","recipient":"r@b.example","outcome":"delivered","at":1.5}\n'
    )


def test_a_state_of_a_later_version_is_an_error_and_not_misread() -> None:
    with pytest.raises(msgspec.ValidationError):
        decode_lines(b'{"delivery":"a","recipient":"b","outcome":"teleported","at":1}\n')
