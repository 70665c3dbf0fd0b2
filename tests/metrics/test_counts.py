"""The plain counts behind the metrics."""

import pytest
from desk import BATCH, DOMAIN, Desk

from functions.send.decide import HELD
from functions.send.tally import REPLIES, SendCounts, reply_class
from functions.submit.smtp_message import Mail
from shared.counts import BOUNDS_S, StageCounts
from shared.errors import Busy
from shared.outcome import Outcome, State


def outcome(state: State, code: int | None = None, reason: str = "") -> Outcome:
    return Outcome(
        delivery="d", recipient="a@b.example", outcome=state, at=1.0, code=code, reason=reason
    )


@pytest.mark.parametrize(
    ("told", "reply"),
    [
        (outcome(State.DELIVERED, 250), "2xx"),
        (outcome(State.DEFERRED, 421), "4xx"),
        (outcome(State.BOUNCED, 554), "5xx"),
        (outcome(State.BOUNCED, 450), "4xx"),  # too often
        (outcome(State.FAILED, None, "connect"), "none"),
        (outcome(State.DEFERRED, None, "body"), "none"),
        (outcome(State.DEFERRED, None, HELD), ""),
        (outcome(State.REJECTED, None, "suppressed"), ""),
        (outcome(State.REJECTED, 550, "mail"), ""),  # by this host
        (outcome(State.CANCELLED), ""),
    ],
)
def test_a_reply_is_counted_where_a_server_was_asked(told: Outcome, reply: str) -> None:
    assert reply_class(told) == reply
    assert reply in (*REPLIES, "")


def test_what_is_recorded_adds_up() -> None:
    counts = SendCounts()
    counts.record([outcome(State.DELIVERED, 250), outcome(State.REJECTED)])
    counts.record([outcome(State.DELIVERED, 250)])
    assert counts.outcomes == {State.DELIVERED: 2, State.REJECTED: 1}
    assert counts.replies == {"2xx": 2}


def test_a_run_falls_into_the_first_bound_that_it_does_not_exceed() -> None:
    counts = StageCounts()
    for duration_s in (0.0, BOUNDS_S[0], BOUNDS_S[0] + 0.001, BOUNDS_S[-1] + 1):
        counts.add("done", duration_s)
    counts.add("again", 0.0, Busy("leased"))
    assert counts.within == [3, 1, *[0] * (len(BOUNDS_S) - 2), 1]
    assert counts.results == {"done": 4, "again": 1}
    assert counts.errors == {"Busy": 1}
    assert counts.total_s == pytest.approx(2 * BOUNDS_S[0] + 0.001 + BOUNDS_S[-1] + 1)


def test_a_batch_is_counted_once_by_the_face_that_it_came_through() -> None:
    desk = Desk()
    message = b"From: news@example.org\r\nTo: a@b.example\r\nSubject: x\r\n\r\nx\r\n"
    for _ in range(2):  # the second is the same call again
        assert desk.submit(BATCH, idempotency_key="k").status == 202
    assert desk.submit({**BATCH, "recipients": []}).status == 422
    desk.do(desk.core.mail(DOMAIN, Mail(f"news@{DOMAIN}", ["a@b.example", "c@b.example"], message)))
    desk.upload("one.eml", message)
    assert desk.core.counts.batches == {"http": 1, "smtp": 1, "inbox": 1}
    assert desk.core.counts.recipients == {"http": 1, "smtp": 2, "inbox": 1}
