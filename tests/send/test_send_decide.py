"""What becomes of a Delivery."""

import pytest
from send_parts import DUE_AT, envelope, header, verdict

from functions.send.decide import (
    HELD,
    MAX_TEXT_CHARS,
    Try,
    held_outcome,
    local_outcome,
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
