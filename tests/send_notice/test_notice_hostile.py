"""Nothing that a server or a sender says becomes a line, a field or a part of a report."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from notice_parts import bag, envelope, failed, failures, outcome, parsed, parts, status_groups

from functions.send.notices.multipart_report import wrapped
from shared.outcome import Outcome, State

PIECES = (
    *(
        "\r\n",
        "\n",
        "\r",
        "\r\n\r\n",
        "--",
        "=_",
        "a" * 300,
        " ",
        "\x00",
        "\x85",
        "\u2028",
        "\u202e",
    ),
    *("é", "\ud800", "Action: delivered", "Final-Recipient: rfc822; x@y.example", "--=_0000"),
    *("Content-Type: text/html", "\x1b[31m", ".", "From "),
)
HOSTILE = st.text(max_size=400) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def check(report: bytes, recipients: int) -> None:
    """Three parts or two, as many groups as recipients, and lines as RFC 5322 wants them."""
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n|\x00", report)
    assert max(map(len, report.split(b"\r\n"))) <= 998
    groups = status_groups(report)
    assert len(groups) == recipients + 1
    assert [group["Action"] for group in groups[1:]] == ["failed"] * recipients
    assert len(parts(report)) == 3
    assert set(parsed(report).keys()) <= {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "In-Reply-To"),
        *("References", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"),
    }


@settings(max_examples=150, deadline=None)
@given(said=HOSTILE, host=HOSTILE, enhanced=HOSTILE, silent=st.booleans())
def test_a_reply_stays_a_reply(said: str, host: str, enhanced: str, silent: bool) -> None:
    code = None if silent else 550
    check(failed(text=said, host=host, enhanced=enhanced, code=code), 1)


@settings(max_examples=150, deadline=None)
@given(head=HOSTILE, answered=HOSTILE)
def test_the_original_stays_within_its_part(head: str, answered: str) -> None:
    raw = f"Subject: x{head}\r\n\r\n".encode("utf-8", "replace").decode("latin-1")
    one = envelope(message=[raw], answered=answered)
    silent = outcome(one, code=None, enhanced="", outcome=State.FAILED)
    check(failures((one, silent)), 1)


def test_the_boundary_cannot_be_foreseen() -> None:
    """A server that knew it would only have to say it: so it depends on what was said."""
    boundary = parsed(failed(text="a")).get_boundary()
    assert boundary
    check(failed(text=f"\r\n--{boundary}\r\nContent-Type: text/html\r\n\r\nhello"), 1)


def test_headers_of_a_megabyte_come_back_in_part() -> None:
    one = envelope(message=["X: " + "y" * 900 + "\r\n" + "Z: z\r\n" * 200_000 + "\r\nbody"])
    report = failures((one, outcome(one)))
    assert len(report) < 100_000
    check(report, 1)


def test_a_message_id_that_is_none_is_not_repeated() -> None:
    for bad in ("<a b@c>", "<a@b", "x", "<a\x00@b>"):
        one = envelope(message=[f"Message-ID: {bad}\r\nSubject: x\r\n\r\n"])
        assert "In-Reply-To" not in parsed(failures((one, outcome(one))))


def test_the_message_id_of_the_body_is_not_the_messages() -> None:
    one = envelope(message=["Subject: x\r\n\r\n", "Message-ID: <in@body>\r\n"])
    assert "In-Reply-To" not in parsed(failures((one, outcome(one))))


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=2000))
def test_wrapping_loses_no_word_and_makes_no_long_line(text: str) -> None:
    lines = wrapped(text, "Name: ", " ")
    assert all(len(line.encode()) <= 998 for line in lines)
    kept = "".join("".join(lines)[len("Name: ") :].split())
    assert kept == "".join(c for c in text if c.isprintable() and not c.isspace())


@pytest.mark.parametrize(
    "language", ["Użytkownik nie istnieje", "宛先不明", "Utilisateur inconnu é"]
)
def test_a_person_reads_the_reply_in_its_language_and_programs_in_ascii(language: str) -> None:
    report = failed(text=language)
    assert report.isascii()
    assert language in " ".join(parts(report)[0].get_content().split())
    assert "\\x{" in status_groups(report)[1]["Diagnostic-Code"]


def test_addresses_in_other_alphabets_make_a_global_report() -> None:
    """RFC 6533: `utf-8` addresses, and 8-bit parts that say so."""
    one, other = envelope(0, "用户+x@far.example"), envelope(1)
    report = failures((one, outcome(one)), (other, outcome(other)))
    status = parts(report)[1]
    assert status.get_content_type() == "message/global-delivery-status"
    assert "utf-8; 用户\\x{2B}x@far.example".encode() in report
    assert b"Final-Recipient: rfc822; bob@far.example" in report
    assert parsed(report)["Content-Transfer-Encoding"] == "8bit"


def test_headers_in_utf8_come_back_as_global_headers() -> None:
    raw = "Subject: 会議\r\nMessage-ID: <one@example.org>\r\n\r\n".encode().decode("latin-1")
    one = envelope(message=[raw])
    report = failures((one, outcome(one)))
    assert parts(report)[2].get_content_type() == "message/global-headers"
    assert "Subject: 会議".encode() in report
    assert parsed(report)["In-Reply-To"] == "<one@example.org>"


def test_headers_that_are_no_utf8_are_shown_as_far_as_they_can_be() -> None:
    one = envelope(message=["Subject: caf\xe9\r\n\r\n"])
    assert "Subject: caf\ufffd".encode() in failures((one, outcome(one)))


def test_a_sender_in_another_alphabet_is_written_to() -> None:
    one: Outcome = outcome(envelope())
    report = failures((envelope(), one), header=bag(reports_to="用户@example.org"))
    assert "To: 用户@example.org\r\n".encode() in report
