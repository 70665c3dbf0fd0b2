"""What mail that came back says, in the words of the servers that wrote it."""

from typing import Any

import pytest
from returned_mail import A_RETURN_PATH, NAMES, sample

from functions.bounce.reading import read
from functions.bounce.report import Report
from shared.bounce_classes import classify

DAEMON_BOUNCES: dict[str, list[Any]] = {
    "postfix-user-unknown": [("ann@sink.example", 550, "5.1.1", "invalid_recipient", True)],
    "postfix-expired-over-quota": [("ann@sink.example", 452, "4.2.2", "mailbox_full", False)],
    "postfix-host-not-found": [("ann@sink.example", None, "5.4.4", "invalid_recipient", True)],
    "exim-rfc3464": [("ann@sink.example", 550, "5.0.0", "invalid_recipient", True)],
    "exim-old-free-text": [
        ("ann@sink.example", 550, "5.1.1", "invalid_recipient", True),
        ("bob@sink.example", None, "5.0.0", "mailbox_full", False),
    ],
    "qmail": [
        ("ann@sink.example", 550, "5.1.1", "invalid_recipient", True),
        ("bob@nowhere.example", None, "5.1.2", "invalid_recipient", True),
    ],
    "sendmail": [("ann@sink.example", 553, "5.1.2", "invalid_recipient", True)],
    "exchange-online": [("ann@sink.example", 550, "5.1.10", "invalid_recipient", True)],
    "exchange-2003": [("ann@sink.example", None, "5.2.2", "mailbox_full", False)],
    "gmail": [("ann@sink.example", 550, "5.1.1", "invalid_recipient", True)],
    "two-of-three": [
        ("bob@sink.example", 550, "5.1.1", "invalid_recipient", True),
        ("carol@sink.example", 552, "5.2.2", "mailbox_full", False),
    ],
    "international": [("Jörg@sink.example", 550, "5.1.1", "invalid_recipient", True)],
    "no-mime-daemon": [("ann@sink.example", 550, "5.1.1", "invalid_recipient", True)],
    "dsn-in-a-frame": [("ann@sink.example", 550, "5.2.1", "invalid_recipient", True)],
}
OTHERS = {
    "postfix-delayed": "delay",
    "exim-warning": "delay",
    "success": "notice",
    "not-spam": "notice",
    "read-receipt": "notice",
    "yahoo-complaint": "complaint",
    "complaint-without-envelope": "complaint",
    "vacation-rfc3834": "auto_reply",
    "vacation-exchange": "auto_reply",
    "vacation-precedence": "auto_reply",
    "a-person-writes": "unknown",
    "forwarded-bounce": "unknown",
    "hotmail-complaint": "unknown",
    "daemon-says-nothing": "unknown",
}


def reading(name: str, sender: str = "") -> Report:
    return read(
        b"Received: by mx.example.org; Sat, 21 Nov 2026 15:00:00 +0000\r\n" + sample(name), sender
    )


def test_every_sample_is_expected_to_say_something() -> None:
    assert set(NAMES) == set(DAEMON_BOUNCES) | set(OTHERS)


@pytest.mark.parametrize("name", DAEMON_BOUNCES)
def test_a_bounce_says_who_and_why(name: str) -> None:
    report = reading(name)
    assert report.kind == "bounce"
    failed = [each for each in report.recipients if each.action == "failed"]
    assert [
        (each.address, each.code, each.enhanced, *classify(each.code, each.enhanced, each.text))
        for each in failed
    ] == DAEMON_BOUNCES[name]


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_bounce_is_told_apart(name: str) -> None:
    sender = "person@sink.example" if name in ("a-person-writes", "forwarded-bounce") else ""
    assert reading(name, sender).kind == OTHERS[name]


@pytest.mark.parametrize("name", ["vacation-rfc3834", "a-person-writes"])
def test_a_null_sender_proves_nothing(name: str) -> None:
    assert reading(name, sender="").kind == OTHERS[name]


def test_the_actions_of_all_recipients_are_read() -> None:
    actions = {each.address: each.action for each in reading("two-of-three").recipients}
    assert actions == {
        "ann@sink.example": "relayed",
        "bob@sink.example": "failed",
        "carol@sink.example": "failed",
    }


def test_the_remote_host_is_named_and_else_the_reporting_one() -> None:
    assert reading("gmail").recipients[0].host == "mx.sink.example."
    assert reading("postfix-host-not-found").recipients[0].host == "relay.example.net"


def test_a_reply_of_several_lines_is_read_as_one() -> None:
    text = reading("gmail").recipients[0].text
    assert text.startswith("The email account that you tried to reach does not exist. Please try d")
    assert "550" not in text


def test_our_own_words_in_a_returned_mail_are_not_theirs() -> None:
    assert "our own" not in str(reading("qmail")) + str(reading("exim-old-free-text"))


@pytest.mark.parametrize(
    "name", ["yahoo-complaint", "complaint-without-envelope", "hotmail-complaint"]
)
def test_a_complaint_names_the_return_path(name: str) -> None:
    assert reading(name).return_paths == (A_RETURN_PATH,)


def test_a_complaint_names_its_type_and_the_recipient_if_it_is_not_blacked_out() -> None:
    report = reading("yahoo-complaint")
    assert (report.feedback_type, [each.address for each in report.recipients]) == (
        "abuse",
        ["ann@sink.example"],
    )


@pytest.mark.parametrize("name", NAMES)
def test_bare_line_feeds_change_nothing(name: str) -> None:
    assert read(sample(name).replace(b"\r\n", b"\n"), "") == read(sample(name), "")
