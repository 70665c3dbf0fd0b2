"""The Bag that comes after an attempt."""

import math
from typing import Any

from msgspec import structs
from send_parts import BATCH, DUE_AT, envelope, header, outcome

from functions.send.bagfile import AttemptHeader
from functions.send.decide import HELD, due_now
from functions.send.following import TOGETHER_S, Elsewhere, next_bag
from shared.ids import delivery_id
from shared.outcome import Outcome, State

NEVER = math.inf
"""Nobody is told that a mail is late."""


def outcomes(*each: Outcome) -> dict[str, Outcome]:
    return {one.delivery: one for one in each}


def test_what_is_deferred_makes_the_next_bag_and_nothing_else_does() -> None:
    states = [State.DELIVERED, State.DEFERRED, State.BOUNCED, State.DEFERRED, State.REJECTED]
    known = outcomes(*(outcome(n, state) for n, state in enumerate(states)))
    made = next_bag(header(), [envelope(n) for n in range(6)], known, NEVER)
    assert made is not None
    assert [each.n for each in made[2]] == [1, 3]


def test_the_next_bag_is_the_same_bag_one_attempt_later() -> None:
    before = header(attempt=4, shared=["stretch"])
    sent = envelope(1, message=["head", 0])
    made = next_bag(before, [sent], outcomes(deferred(1, 300)), NEVER)
    assert made is not None
    _, after, (again,) = made
    known = structs.asdict(header(attempt=5, shared=["stretch"], at=DUE_AT + 300))
    assert after == AttemptHeader(**known)
    assert (again.message, again.return_path) == (sent.message, sent.return_path)


def deferred(n: int, after_s: float, **given: Any) -> Outcome:
    return outcome(n, State.DEFERRED, retry_at=DUE_AT + after_s, **given)


def test_the_next_bag_is_due_with_its_first_mail_and_takes_along_what_comes_shortly_after() -> None:
    known = outcomes(deferred(0, 300), deferred(1, 304), deferred(2, 600), deferred(3, 601))
    made = next_bag(header(), [envelope(n) for n in range(4)], known, NEVER)
    assert made is not None
    due, after, mails = made
    assert due == after.at == DUE_AT + 600
    assert [due_now(after, each) for each in mails] == [True, True, True, False]


def test_what_is_not_due_yet_is_passed_on_as_it_is() -> None:
    later = envelope(1, not_before=DUE_AT + 900, tries=2)
    bag = header(1, at=DUE_AT + 300)
    made = next_bag(bag, [envelope(0), later], outcomes(deferred(0, 2000)), NEVER)
    assert made is not None
    assert made[0] == DUE_AT + 900
    assert made[2][1] == later


def test_what_was_held_back_was_not_tried() -> None:
    known = outcomes(deferred(0, 300, reason=HELD), deferred(1, 300, reason="rcpt"))
    made = next_bag(header(), [envelope(0, tries=4), envelope(1, tries=4)], known, NEVER)
    assert made is not None
    assert [each.tries for each in made[2]] == [4, 5]


def test_the_last_reply_is_remembered_also_through_later_silence() -> None:
    known = outcomes(
        outcome(0, State.DEFERRED, code=451, text="later"),
        outcome(1, State.DEFERRED, text="reset"),
        outcome(2, State.DEFERRED, text="reset"),
    )
    sent = [envelope(0), envelope(1, answered="421 before"), envelope(2)]
    made = next_bag(header(), sent, known, NEVER)
    assert made is not None
    assert [each.answered for each in made[2]] == ["451 later", "421 before", ""]


def test_there_is_no_next_bag_when_nothing_is_deferred() -> None:
    assert next_bag(header(), [envelope(0)], outcomes(outcome(0)), NEVER) is None
    assert next_bag(header(), [envelope(0)], {}, NEVER) is None


def test_the_order_of_the_records_changes_nothing() -> None:
    each = [outcome(n, State.DEFERRED, at=DUE_AT + n) for n in range(9)]
    sent = [envelope(n) for n in range(9)]
    forwards = next_bag(header(), sent, outcomes(*each), NEVER)
    assert forwards == next_bag(header(), sent, outcomes(*reversed(each)), NEVER)


# What may have changed between an attempt and its repeat.


def names(*places: int) -> frozenset[str]:
    return frozenset(delivery_id(BATCH, 7, n) for n in places)


def test_short_waits_make_short_stays() -> None:
    known = outcomes(deferred(0, 2), deferred(1, 3), deferred(2, 6))
    made = next_bag(header(), [envelope(n) for n in range(3)], known, NEVER)
    assert made is not None
    assert made[0] == DUE_AT + 6  # the longest wait is six seconds
    without = outcomes(deferred(0, 2), deferred(1, 3))
    later = envelope(2, not_before=DUE_AT + 6)
    made = next_bag(header(1, at=DUE_AT), [envelope(0), envelope(1), later], without, NEVER)
    assert made is not None
    assert made[0] == DUE_AT + 3


def test_nobody_waits_longer_for_neighbours_than_five_minutes() -> None:
    known = outcomes(deferred(0, 4000), deferred(1, 4000 + TOGETHER_S + 1))
    made = next_bag(header(), [envelope(0), envelope(1)], known, NEVER)
    assert made is not None
    assert made[0] == DUE_AT + 4000


def test_what_was_rejected_stays_rejected_in_the_next_bag() -> None:
    """Suppressed after it was deferred; a replay has made the first attempt again."""
    now = envelope(0, rejected="suppressed", detail="by a complaint")
    made = next_bag(header(), [now], outcomes(deferred(0, 300)), NEVER)
    assert made is not None
    assert (made[2][0].rejected, made[2][0].detail) == ("suppressed", "by a complaint")


def test_what_is_settled_elsewhere_does_not_come_again_and_moves_no_time() -> None:
    known = outcomes(deferred(0, 300), deferred(1, 900))
    sent = [envelope(0), envelope(1)]
    full = next_bag(header(), sent, known, NEVER)
    rest = next_bag(header(), sent, known, NEVER, Elsewhere(settled=names(0)))
    assert full is not None
    assert rest is not None
    assert rest[:2] == full[:2]
    assert [each.n for each in rest[2]] == [1]
    assert next_bag(header(), sent, known, NEVER, Elsewhere(settled=names(0, 1))) is None


def test_what_a_later_attempt_has_deferred_is_passed_on_to_it() -> None:
    waiting = envelope(1, not_before=DUE_AT + 5)
    bag = header(1, at=DUE_AT + 9)
    made = next_bag(bag, [waiting], {}, NEVER, Elsewhere(ahead=names(1)))
    assert made is not None
    assert made[2] == [waiting]
