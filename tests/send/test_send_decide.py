"""What becomes of a Delivery."""

from typing import Any

import pytest
from send_parts import DUE_AT, envelope, header, outcome, verdict

from functions.send.decide import (
    HELD,
    MAX_TEXT_CHARS,
    Try,
    due_now,
    held_outcome,
    local_outcome,
    next_bag,
    outcome_of,
)
from functions.send.retry import RetryPolicy
from functions.send.smtp.verdict import Verdict
from shared.ids import delivery_id
from shared.outcome import Outcome, State

POLICY = RetryPolicy()
OPEN, CLOSED = DUE_AT + 10.0, DUE_AT + 2 * POLICY.window_s
"""Moments at which the retry window is open, and closed."""

SILENCE = verdict(None, "the connection was reset")
OURS = verdict(550, "this host cannot send 8-bit addresses", ours=True)


@pytest.mark.parametrize(
    ("said", "at", "answered", "state"),
    [
        (verdict(250), OPEN, "", State.DELIVERED),
        (verdict(250), CLOSED, "", State.DELIVERED),
        (verdict(299), CLOSED, "421 later", State.DELIVERED),
        (verdict(550), OPEN, "", State.BOUNCED),
        (verdict(554), CLOSED, "451 later", State.BOUNCED),
        (OURS, OPEN, "", State.REJECTED),
        (OURS, CLOSED, "451 later", State.REJECTED),
        (verdict(450), OPEN, "", State.DEFERRED),
        (verdict(421), OPEN, "451 later", State.DEFERRED),
        (SILENCE, OPEN, "", State.DEFERRED),
        (SILENCE, OPEN, "451 later", State.DEFERRED),
        # The window is closed: bounced, if ever a server answered; failed, if none did.
        (verdict(450), CLOSED, "", State.BOUNCED),
        (verdict(450), CLOSED, "451 later", State.BOUNCED),
        (SILENCE, CLOSED, "451 later", State.BOUNCED),
        (SILENCE, CLOSED, "", State.FAILED),
    ],
)
def test_a_verdict_and_the_window_decide(
    said: Verdict, at: float, answered: str, state: State
) -> None:
    decided = outcome_of(header(), envelope(answered=answered), said, Try(at), POLICY)
    assert decided.outcome == state


def test_an_outcome_says_who_answered_what_and_when() -> None:
    said = Verdict(550, "5.1.1", "no such user", "mx.b.example", "192.0.2.1:25", "TLSv1.3", "rcpt")
    assert outcome_of(header(attempt=2), envelope(3), said, Try(OPEN), POLICY) == Outcome(
        delivery=delivery_id(header().batch, 7, 3),
        recipient="r3@sink.example",
        outcome=State.BOUNCED,
        at=OPEN,
        attempt=2,
        code=550,
        enhanced="5.1.1",
        text="no such user",
        reason="rcpt",
        bounce_class="invalid_recipient",
        hard=True,
        host="mx.b.example",
        address="192.0.2.1:25",
        tls="TLSv1.3",
    )


def test_a_delivery_that_was_taken_has_no_reason() -> None:
    assert outcome_of(header(), envelope(), verdict(250), Try(OPEN), POLICY).reason == ""


def test_an_ambiguous_end_is_marked() -> None:
    said = verdict(None, "time-out", stage="body", ambiguous=True)
    decided = outcome_of(header(), envelope(), said, Try(OPEN), POLICY)
    assert (decided.outcome, decided.ambiguous, decided.code) == (State.DEFERRED, True, None)


def test_a_long_reply_is_cut() -> None:
    decided = outcome_of(header(), envelope(), verdict(550, "x" * 10_000), Try(OPEN), POLICY)
    assert len(decided.text) == MAX_TEXT_CHARS
    refused = local_outcome(header(), envelope(), State.REJECTED, OPEN, "word", "x" * 10_000)
    assert len(refused.text) == MAX_TEXT_CHARS


def test_an_outcome_of_our_own_names_no_server() -> None:
    decided = local_outcome(header(1), envelope(3), State.REJECTED, OPEN, "template_error", "why")
    assert (decided.delivery, decided.attempt) == (delivery_id(header().batch, 7, 3), 1)
    assert (decided.reason, decided.text) == ("template_error", "why")
    assert (decided.code, decided.host, decided.address) == (None, "", "")


def test_a_class_and_whether_it_is_hard_are_told_of_what_was_not_taken() -> None:
    decided = outcome_of(header(), envelope(), verdict(452, "mailbox full"), Try(OPEN), POLICY)
    assert (decided.bounce_class, decided.hard) == ("mailbox_full", False)
    taken = outcome_of(header(), envelope(), verdict(250), Try(OPEN), POLICY)
    assert (taken.bounce_class, taken.hard) == ("", False)


def test_the_count_of_tries_says_how_long_to_wait() -> None:
    decided = outcome_of(header(9), envelope(tries=3), verdict(450), Try(OPEN), POLICY)
    assert decided.retry_at == OPEN + POLICY.delay_s(header(), 3)


def test_a_mail_that_a_dead_sender_may_have_sent_is_marked() -> None:
    assert outcome_of(
        header(), envelope(), verdict(250), Try(OPEN, repeated=True), POLICY
    ).ambiguous


def test_an_unanswered_dot_counts_as_delivered_where_that_is_the_policy() -> None:
    said = verdict(None, "time-out", stage="body", ambiguous=True)
    policy = RetryPolicy(ambiguous_is_delivered=True)
    decided = outcome_of(header(), envelope(), said, Try(OPEN), policy)
    assert (decided.outcome, decided.ambiguous) == (State.DELIVERED, True)


def test_a_mail_that_is_held_back_waits_as_long_as_it_has_to() -> None:
    decided = held_outcome(header(), envelope(), 90.0, "busy", OPEN, POLICY)
    assert (decided.outcome, decided.retry_at) == (State.DEFERRED, OPEN + 90.0)
    assert (decided.reason, decided.text) == (HELD, "busy")


@pytest.mark.parametrize(("answered", "state"), [("", State.FAILED), ("451 x", State.BOUNCED)])
def test_a_mail_is_not_held_back_beyond_the_window(answered: str, state: State) -> None:
    decided = held_outcome(header(), envelope(answered=answered), 90.0, "busy", CLOSED, POLICY)
    assert (decided.outcome, decided.retry_at) == (state, 0.0)


# The Bag of what is to come.


def outcomes(*each: Outcome) -> dict[str, Outcome]:
    return {one.delivery: one for one in each}


def test_what_is_deferred_makes_the_next_bag_and_nothing_else_does() -> None:
    states = [State.DELIVERED, State.DEFERRED, State.BOUNCED, State.DEFERRED, State.REJECTED]
    known = outcomes(*(outcome(n, state) for n, state in enumerate(states)))
    made = next_bag(header(), [envelope(n) for n in range(6)], known, POLICY)
    assert made is not None
    assert [each.n for each in made[2]] == [1, 3]


def test_the_next_bag_is_the_same_bag_one_attempt_later() -> None:
    before = header(attempt=4, shared=["stretch"])
    sent = envelope(1, message=["head", 0])
    made = next_bag(before, [sent], outcomes(deferred(1, 300)), POLICY)
    assert made is not None
    _, after, (again,) = made
    assert after == header(attempt=5, shared=["stretch"], at=DUE_AT + 300)
    assert (again.message, again.return_path) == (sent.message, sent.return_path)


def deferred(n: int, after_s: float, **given: Any) -> Outcome:
    return outcome(n, State.DEFERRED, retry_at=DUE_AT + after_s, **given)


def test_the_next_bag_is_due_with_its_first_mail_and_takes_along_what_comes_shortly_after() -> None:
    known = outcomes(deferred(0, 300), deferred(1, 304), deferred(2, 600), deferred(3, 601))
    made = next_bag(header(), [envelope(n) for n in range(4)], known, POLICY)
    assert made is not None
    due, after, mails = made
    assert due == after.at == DUE_AT + 600
    assert [due_now(after, each) for each in mails] == [True, True, True, False]


def test_what_is_not_due_yet_is_passed_on_as_it_is() -> None:
    later = envelope(1, not_before=DUE_AT + 900, tries=2)
    bag = header(1, at=DUE_AT + 300)
    made = next_bag(bag, [envelope(0), later], outcomes(deferred(0, 2000)), POLICY)
    assert made is not None
    assert made[0] == DUE_AT + 900
    assert made[2][1] == later


def test_what_was_held_back_was_not_tried() -> None:
    known = outcomes(deferred(0, 300, reason=HELD), deferred(1, 300, reason="rcpt"))
    made = next_bag(header(), [envelope(0, tries=4), envelope(1, tries=4)], known, POLICY)
    assert made is not None
    assert [each.tries for each in made[2]] == [4, 5]


def test_the_last_reply_is_remembered_also_through_later_silence() -> None:
    known = outcomes(
        outcome(0, State.DEFERRED, code=451, text="later"),
        outcome(1, State.DEFERRED, text="reset"),
        outcome(2, State.DEFERRED, text="reset"),
    )
    sent = [envelope(0), envelope(1, answered="421 before"), envelope(2)]
    made = next_bag(header(), sent, known, POLICY)
    assert made is not None
    assert [each.answered for each in made[2]] == ["451 later", "421 before", ""]


def test_there_is_no_next_bag_when_nothing_is_deferred() -> None:
    assert next_bag(header(), [envelope(0)], outcomes(outcome(0)), POLICY) is None
    assert next_bag(header(), [envelope(0)], {}, POLICY) is None


def test_the_order_of_the_records_changes_nothing() -> None:
    each = [outcome(n, State.DEFERRED, at=DUE_AT + n) for n in range(9)]
    sent = [envelope(n) for n in range(9)]
    forwards = next_bag(header(), sent, outcomes(*each), POLICY)
    assert forwards == next_bag(header(), sent, outcomes(*reversed(each)), POLICY)
