"""What mail that came back changes, and what it does not."""

import pytest
from post_office import ARRIVED, BATCH, FEEDBACK, INBOUND, Office, do
from returned_mail import sample

from shared import keys
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.inbound import decode
from shared.outcome import Outcome, State
from shared.waiting import release

ANN, BOB, CAROL = "ann@sink.example", "bob@sink.example", "carol@sink.example"
ANNS, BOBS = delivery_id(BATCH, 0, 0), delivery_id(BATCH, 0, 1)


@pytest.fixture
def office() -> Office:
    here = Office()
    here.sent(ANN, BOB, CAROL)
    return here


def test_a_report_makes_delivered_bounced_and_suppresses(office: Office) -> None:
    office.arrives("postfix-user-unknown", office.return_path(0))
    office.work()
    text = "<ann@sink.example>: Recipient address rejected: User unknown in local recipient table"
    assert office.late() == [
        Outcome(
            delivery=ANNS,
            recipient=ANN,
            outcome=State.BOUNCED,
            at=ARRIVED,
            code=550,
            enhanced="5.1.1",
            text=text,
            reason="report",
            bounce_class="invalid_recipient",
            hard=True,
            host="mx.sink.example",
        )
    ]
    assert office.events() == [
        Event(
            delivery=ANNS,
            recipient=ANN,
            kind="bounced",
            at=ARRIVED,
            bounce_class="invalid_recipient",
            hard=True,
            text=text,
        )
    ]
    assert office.states() == ["bounced", "delivered", "delivered"]
    assert office.suppressed() == {ANN: "hard_bounce"}
    assert office.keys(keys.INBOUND) == office.failed() == []


def test_a_full_mailbox_bounces_and_is_written_to_again(office: Office) -> None:
    office.arrives("postfix-expired-over-quota", office.return_path(0))
    office.work()
    assert (office.states()[0], office.suppressed()) == ("bounced", {})


@pytest.mark.parametrize(
    "name", ["postfix-delayed", "success", "vacation-rfc3834", "vacation-exchange", "read-receipt"]
)
def test_what_is_no_bounce_is_deleted_and_nothing_more(office: Office, name: str) -> None:
    before = office.everything()
    office.arrives(name, office.return_path(0))
    office.work()
    assert office.everything() == before


@pytest.mark.parametrize("name", ["a-person-writes", "daemon-says-nothing", "forwarded-bounce"])
def test_what_cannot_be_understood_is_kept_for_a_person(office: Office, name: str) -> None:
    office.arrives(name, office.return_path(0), sender="person@sink.example")
    office.work()
    assert office.failed() == ["no report that we understand"]
    assert (office.states()[0], office.keys(keys.INBOUND)) == ("delivered", [])


def forged(address: str) -> str:
    local, _, host = address.partition("@")
    return f"{local[:-1]}{'a' if local[-1] != 'a' else 'b'}@{host}"


def test_a_forged_return_path_changes_nothing(office: Office) -> None:
    office.arrives("postfix-user-unknown", forged(office.return_path(0)))
    office.work()
    assert office.states() == ["delivered"] * 3
    assert (office.suppressed(), office.events(), len(office.failed())) == ({}, [], 1)


def test_another_deliverys_mac_proves_nothing(office: Office) -> None:
    mine, other = office.return_path(0), office.return_path(1)
    mac_at = len(f"b-{ANNS}-")
    office.arrives("postfix-user-unknown", other[:mac_at] + mine[mac_at:])
    office.work()
    assert office.states() == ["delivered"] * 3


def test_a_forged_complaint_changes_nothing(office: Office) -> None:
    message = sample("yahoo-complaint", forged(office.return_path(0)))
    office.arrives(message, FEEDBACK, sender="feedback@arf.mail.yahoo.com")
    office.work()
    assert (office.suppressed(), office.events()) == ({}, [])
    assert office.failed() == ["a complaint that names no return path of ours"]


def test_case_does_not_matter(office: Office) -> None:
    office.arrives("postfix-user-unknown", office.return_path(0).upper())
    office.work()
    assert office.states()[0] == "bounced"


def test_forwarded_mail_bounces_for_the_one_we_wrote_to(office: Office) -> None:
    message = sample("postfix-user-unknown").replace(b"ann@sink.example", b"ann@elsewhere.example")
    office.arrives(message, office.return_path(1))
    office.work()
    assert [(each.delivery, each.recipient) for each in office.late()] == [(BOBS, BOB)]


@pytest.mark.parametrize(
    "name", ["yahoo-complaint", "complaint-without-envelope", "hotmail-complaint"]
)
def test_a_complaint_to_a_feedback_address_suppresses(office: Office, name: str) -> None:
    message = sample(name, office.return_path(0))
    office.arrives(message, FEEDBACK, sender="feedback@provider.example")
    office.work()
    event = Event(
        delivery=ANNS, recipient=ANN, kind="complained", at=ARRIVED, feedback_type="abuse"
    )
    assert office.events() == [event]
    assert office.suppressed() == {ANN: "complaint"}
    assert (office.states()[0], office.failed()) == ("delivered", [])


def test_a_complaint_to_the_return_path_itself_counts(office: Office) -> None:
    message = sample("yahoo-complaint").replace(b"Original-Mail-From", b"X-Blacked-Out")
    office.arrives(message, office.return_path(0))
    office.work()
    assert office.suppressed() == {ANN: "complaint"}


def test_not_spam_is_no_complaint(office: Office) -> None:
    office.arrives(sample("not-spam", office.return_path(0)), FEEDBACK)
    office.work()
    assert (office.suppressed(), office.events(), office.failed()) == ({}, [], [])


def test_mail_to_postmaster_and_abuse_is_kept_for_the_domain(office: Office) -> None:
    office.arrives("a-person-writes", "Postmaster@example.org", "abuse@example.org")
    office.work()
    (kept,) = office.keys("received/")
    assert kept == keys.received("example.org", INBOUND)
    letter = decode(office.body(kept))
    assert letter.recipients == ["Postmaster@example.org", "abuse@example.org"]
    assert letter.message.endswith(sample("a-person-writes", "Postmaster@example.org"))


def test_each_domain_sees_only_its_own_addresses(office: Office) -> None:
    office.add_domain("example.net", receives=["help@example.net"])
    office.arrives("a-person-writes", "abuse@example.org", "help@example.net")
    office.work()
    kept = office.body(keys.received("example.net", INBOUND))
    assert decode(kept).recipients == ["help@example.net"]


def test_a_complaint_to_abuse_counts_only_with_a_mac(office: Office) -> None:
    office.arrives(sample("yahoo-complaint", office.return_path(0)), "abuse@example.org")
    office.arrives(
        sample("yahoo-complaint", forged(office.return_path(1))),
        "abuse@example.org",
        name=batch_id(ARRIVED, b"another..."),
    )
    office.work()
    assert office.suppressed() == {ANN: "complaint"}
    assert len(office.keys("received/")) == 1


def test_one_mail_may_be_for_several_kinds_of_addressees(office: Office) -> None:
    office.arrives(
        "postfix-user-unknown", office.return_path(0), "abuse@example.org", "nobody@example.org"
    )
    office.work()
    assert office.states()[0] == "bounced"
    assert len(office.keys("received/")) == 1
    assert office.failed() == ["nobody@example.org is nobody's address, or was not made by us"]


@pytest.mark.parametrize("state", [State.BOUNCED, State.FAILED, State.CANCELLED, State.REJECTED])
def test_a_report_contradicts_no_other_final_outcome(state: State) -> None:
    office = Office()
    office.sent(ANN, outcome=state)
    office.arrives("postfix-user-unknown", office.return_path(0))
    office.work()
    assert (office.states(), office.late(), office.events()) == ([str(state)], [], [])
    assert office.keys(keys.INBOUND) == office.failed() == []


def test_a_second_report_about_a_delivery_adds_nothing(office: Office) -> None:
    office.arrives("postfix-user-unknown", office.return_path(0))
    office.work()
    office.arrives("gmail", office.return_path(0), name=batch_id(ARRIVED + 9, bytes(10)))
    office.work()
    assert (len(office.late()), len(office.events())) == (1, 1)


def test_a_report_that_is_faster_than_our_record_waits_for_it() -> None:
    office = Office()
    office.sent()
    office.arrives("postfix-user-unknown", office.return_path(0))
    office.work()
    (waiting,) = office.keys(keys.WAITING)
    assert (office.keys(keys.INBOUND), keys.parse_waiting(waiting)[0]) == ([], ARRIVED + 4)
    office.record(0, [office.line(0, ANN)])
    do(release(office.store, waiting))
    office.work()
    assert office.states() == ["bounced"]


def test_a_report_about_an_ambiguous_attempt_waits_until_it_is_decided() -> None:
    office = Office()
    office.sent(ANN, outcome=State.DEFERRED, ambiguous=True)
    office.arrives("postfix-user-unknown", office.return_path(0))
    office.now = ARRIVED + 3600
    office.work()
    (waiting,) = office.keys(keys.WAITING)
    assert keys.parse_waiting(waiting)[0] == ARRIVED + 4096
    office.record(1, [office.line(0, ANN)])
    do(release(office.store, waiting))
    office.work()
    assert office.states() == ["bounced"]


def test_a_report_does_not_wait_for_ever() -> None:
    office = Office()
    office.sent()
    office.arrives("postfix-user-unknown", office.return_path(0))
    office.now = ARRIVED + 3 * 24 * 3600
    office.work()
    assert office.failed() == ["a report about a Delivery that was never transmitted"]


@pytest.mark.parametrize("body", [b"", b"Subject: no envelope\r\n\r\n", b"\xff" * 100])
def test_an_object_that_is_no_inbound_mail_is_kept(office: Office, body: bytes) -> None:
    do(office.store.put(keys.inbound(INBOUND), body))
    office.work()
    assert (len(office.failed()), office.keys(keys.INBOUND)) == (1, [])


@pytest.mark.parametrize("name", ["00", "x/y", "x.y.z"])
def test_a_strangely_named_object_stops_no_other(office: Office, name: str) -> None:
    office.arrives("postfix-user-unknown", office.return_path(0), name=name)
    office.arrives("gmail", office.return_path(1))
    office.work()
    assert office.states()[1] == "bounced"
    assert office.keys(keys.INBOUND) == []
