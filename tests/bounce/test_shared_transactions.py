"""Envelopes with identical bytes share a transaction, and the return path of the first of them."""

from post_office import ARRIVED, FEEDBACK, Office
from returned_mail import sample

from shared.ids import batch_id
from shared.outcome import State

ANN, BOB, CAROL = "ann@sink.example", "bob@sink.example", "carol@sink.example"
TOGETHER = {"together": True}
"""In one transaction, as `send` writes it down."""


def test_each_is_attributed_to_the_recipient_that_is_named() -> None:
    office = Office()
    office.sent(ANN, BOB, CAROL, **TOGETHER)
    office.arrives("two-of-three", office.return_path(0))
    office.work()
    assert office.states() == ["delivered", "bounced", "bounced"]
    assert [(each.recipient, each.bounce_class) for each in office.late()] == [
        (BOB, "invalid_recipient"),
        (CAROL, "mailbox_full"),
    ]
    assert office.suppressed() == {BOB: "hard_bounce"}


def test_two_reports_for_one_transaction_come_one_after_the_other() -> None:
    office = Office()
    office.sent(ANN, BOB, **TOGETHER)
    office.arrives("postfix-user-unknown", office.return_path(0))
    office.work()
    message = sample("postfix-user-unknown").replace(b"ann@", b"bob@")
    office.arrives(message, office.return_path(0), name=batch_id(ARRIVED + 1, bytes(10)))
    office.work()
    assert office.states() == ["bounced", "bounced"]


def test_who_got_a_mail_cannot_make_anothers_bounce() -> None:
    office = Office()
    office.sent(ANN, BOB, text="ok")  # each in a transaction of its own, the answers alike
    message = sample("postfix-user-unknown").replace(b"ann@", b"bob@")
    office.arrives(message, office.return_path(0))
    office.work()
    assert (office.states(), office.suppressed()) == (
        ["bounced", "delivered"],
        {ANN: "hard_bounce"},
    )


def test_the_original_recipient_counts_more_than_the_final_one() -> None:
    office = Office()
    office.sent(ANN, BOB, **TOGETHER)
    message = sample("postfix-user-unknown").replace(
        b"Original-Recipient: rfc822;ann@", b"Original-Recipient: rfc822;bob@"
    )
    office.arrives(message, office.return_path(0))
    office.work()
    assert office.states() == ["delivered", "bounced"]


def test_a_member_of_a_list_is_not_the_list() -> None:
    office = Office()
    office.sent(ANN)
    office.arrives("two-of-three", office.return_path(0))  # ann: relayed; bob and carol: failed
    office.work()
    assert office.states() == ["delivered"]


def test_what_was_not_delivered_in_the_transaction_stays() -> None:
    office = Office()
    office.sent(ANN, **TOGETHER)
    office.record(1, [office.line(1, BOB, outcome=State.BOUNCED, **TOGETHER)])
    message = sample("postfix-user-unknown").replace(b"ann@", b"bob@")
    office.arrives(message, office.return_path(0))
    office.work()
    assert [each.recipient for each in office.late()] == [ANN]


def test_a_complaint_names_who_of_them_complained() -> None:
    office = Office()
    office.sent(ANN, BOB, **TOGETHER)
    message = sample("yahoo-complaint", office.return_path(0)).replace(b"To: ann@", b"To: BOB@")
    office.arrives(message, FEEDBACK)
    office.work()
    assert office.suppressed() == {BOB: "complaint"}
