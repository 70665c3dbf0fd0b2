"""The report that a sender gets about mail that could not be delivered (RFC 3464, RFC 6522)."""

import re
from email import message_from_bytes, policy

import pytest
from notice_parts import (
    AT,
    ORIGINAL,
    bag,
    delayed,
    envelope,
    failed,
    failures,
    outcome,
    parsed,
    parts,
    status_groups,
    text,
)

from functions.send.notices.notice import failure_report, is_wanted
from shared.errors import Malformed
from shared.outcome import State


def test_the_report_goes_to_the_sender_and_refers_to_the_message() -> None:
    report = parsed(failed())
    assert report["From"] == "Mail Delivery System <MAILER-DAEMON@example.org>"
    assert report["To"] == "ann@example.org"
    assert report["Date"] == "Tue, 14 Nov 2023 23:13:20 +0000"
    assert report["In-Reply-To"] == report["References"] == "<one@example.org>"
    assert report["Auto-Submitted"] == "auto-replied"


def test_its_three_parts_are_for_a_person_for_programs_and_the_headers() -> None:
    report = parsed(failed())
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    kinds = [part.get_content_type() for part in report.iter_parts()]
    assert kinds == ["text/plain", "message/delivery-status", "text/rfc822-headers"]


def test_no_parser_finds_a_defect() -> None:
    for chosen in (policy.default, policy.compat32):
        report = message_from_bytes(failed(), policy=chosen)
        assert [part.defects for part in report.walk()] == [[]] * len(list(report.walk()))


def test_a_person_reads_why_and_what_the_server_said() -> None:
    said = text(failed())
    assert "could not be delivered to the addresses below" in said
    assert "<bob@far.example> There is no such mailbox." in said
    assert "The server mx.far.example said: 550 5.1.1 No such user here" in said


def test_programs_read_the_fields_of_rfc_3464() -> None:
    own, recipient = status_groups(failed())
    assert own == {
        "Reporting-MTA": "dns; mta.example.org",
        "Arrival-Date": "Tue, 14 Nov 2023 22:13:20 +0000",
    }
    assert recipient == {
        "Final-Recipient": "rfc822; bob@far.example",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx.far.example",
        "Diagnostic-Code": "smtp; 550 5.1.1 No such user here",
        "Last-Attempt-Date": "Tue, 14 Nov 2023 23:13:15 +0000",
    }


def test_the_headers_come_back_and_the_text_does_not() -> None:
    report = failed()
    head, _, _ = ORIGINAL.partition("\r\n\r\n")
    assert parts(report)[2].get_content() == f"{head}\r\n"
    assert b"secret" not in report


def test_all_failed_recipients_of_the_bag_are_in_one_report() -> None:
    many = [envelope(n, f"r{n}@far.example") for n in range(500)]
    report = failures(*((each, outcome(each)) for each in many))
    finals = [group["Final-Recipient"] for group in status_groups(report)[1:]]
    assert finals == [f"rfc822; r{n}@far.example" for n in range(500)]


def test_a_delay_is_no_failure() -> None:
    report = delayed()
    recipient = status_groups(report)[1]
    assert (recipient["Action"], recipient["Status"]) == ("delayed", "4.3.0")
    assert "It is tried again." in text(report)
    assert "The next try is at Tue, 14 Nov 2023 23:23:20 +0000." in text(report)
    assert parsed(report)["Message-ID"] != parsed(failed())["Message-ID"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"code": 550, "enhanced": ""}, "5.0.0"),
        ({"code": 451, "enhanced": ""}, "4.0.0"),
        ({"code": 550, "enhanced": "2.0.0"}, "5.0.0"),
        ({"code": 550, "enhanced": "5.1.1\r\nAction: delivered"}, "5.0.0"),
        ({"code": None, "enhanced": "", "outcome": State.FAILED}, "4.4.7"),
        ({"code": None, "enhanced": "", "outcome": State.REJECTED, "reason": "null_mx"}, "5.1.10"),
        ({"code": None, "enhanced": "", "outcome": State.REJECTED, "reason": "new"}, "5.0.0"),
    ],
)
def test_every_failure_has_a_status(given: dict[str, object], status: str) -> None:
    assert status_groups(failed(**given))[1]["Status"] == status


def test_silence_is_called_silence() -> None:
    report = failed(
        outcome=State.FAILED, code=None, enhanced="", text="timed out", bounce_class="unreachable"
    )
    assert "The receiving server cannot be reached." in text(report)
    assert "The server mx.far.example gave no answer: timed out" in text(report)
    assert status_groups(report)[1]["Diagnostic-Code"] == "x-ekiden; timed out"


def test_what_a_server_said_before_it_fell_silent_is_told_too() -> None:
    one = envelope(answered="452 4.2.2 over quota")
    silent = outcome(one, code=None, enhanced="", text="timed out", bounce_class="")
    report = failures((one, silent))
    assert "Before, it said: 452 4.2.2 over quota" in text(report)
    assert status_groups(report)[1]["Diagnostic-Code"] == "smtp; 452 4.2.2 over quota"


def test_what_we_refused_ourselves_is_not_blamed_on_a_server() -> None:
    report = failed(outcome=State.REJECTED, code=None, enhanced="", text="", reason="null_mx")
    assert "The address's domain takes no mail." in text(report)
    assert "server mx" not in text(report)


def test_the_same_failure_makes_the_same_bytes() -> None:
    assert failed() == failed()


def test_every_attempt_and_bag_has_a_report_of_its_own() -> None:
    reports = [failed(bag(bag=each, attempt=other)) for each in (0, 1) for other in (0, 1)]
    assert len({parsed(report)["Message-ID"] for report in reports}) == 4


def test_everything_is_seven_bit_with_crlf_and_short_lines() -> None:
    report = failed(text="word " * 190)
    assert report.isascii()
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", report)
    assert max(map(len, report.split(b"\r\n"))) <= 78


def test_a_message_that_was_never_made_has_no_headers_to_return() -> None:
    one = envelope(message=[], rejected="suppressed")
    report = failures((one, outcome(one, outcome=State.REJECTED, code=None, reason="suppressed")))
    assert len(parts(report)) == 2
    assert "In-Reply-To" not in parsed(report)


@pytest.mark.parametrize("nobody", ["", "<>", "ann", "a@b.example\r\nBcc: c@d.example"])
def test_who_has_no_address_gets_no_report(nobody: str) -> None:
    header, one = bag(reports_to=nobody), envelope()
    assert not is_wanted(header)
    with pytest.raises(Malformed):
        failure_report(header, [(one, outcome(one))], "example.org", "mta.example.org", AT)


def test_a_report_about_nothing_is_refused() -> None:
    with pytest.raises(Malformed):
        failures()
