"""What we say to a server is what we mean, whatever the addresses and the body hold."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.send.smtp.capabilities import Capabilities, capabilities
from functions.send.smtp.commands import Unsendable, body, chunk, mail, rcpt
from functions.send.smtp.reply import Reply

ALL = Capabilities(pipelining=True, size=True, eight_bit_mime=True, smtp_utf8=True)
NONE = Capabilities()
DSN = Capabilities(dsn=True)
INJECTIONS = [
    "a@b.test>\r\nRCPT TO:<victim@b.test",
    "a@b.test\nDATA",
    "a@b.test\rDATA",
    "a@b.test> SIZE=1",
    "a b@b.test",
    "a@b.test\x00",
    '"a\r\nb"@b.test',
    '"a"b"@b.test',
    '"a\\',
    "a\ud800@b.test",
    "a\x85@b.test",
]


@pytest.mark.parametrize("address", INJECTIONS)
def test_an_address_cannot_leave_its_brackets(address: str) -> None:
    with pytest.raises(Unsendable, match="malformed recipient"):
        rcpt(address, ALL, dsn=False)
    with pytest.raises(Unsendable, match="malformed return path"):
        mail(address, b"", ALL, utf8=False, envelope_id="")


@given(st.text())
def test_any_text_is_refused_or_stays_on_one_line(address: str) -> None:
    try:
        line = rcpt(address, ALL, dsn=False)
    except Unsendable:
        return
    assert line == f"RCPT TO:<{address}>\r\n".encode()
    assert not re.search(rb"[\x00-\x1f\x7f]", line[:-2])


@pytest.mark.parametrize("address", ["a@b.test", '"a b>"@b.test', '"\\""@b.test', "δ@b.test"])
def test_good_addresses_go_through(address: str) -> None:
    assert rcpt(address, ALL, dsn=False) == f"RCPT TO:<{address}>\r\n".encode()


def test_an_empty_recipient_is_refused() -> None:
    with pytest.raises(Unsendable):
        rcpt("", ALL, dsn=False)


@pytest.mark.parametrize(
    ("return_path", "recipient", "message", "offered", "line"),
    [
        ("s@a.test", "r@b.test", b"hi\r\n", NONE, b"MAIL FROM:<s@a.test>"),
        ("", "r@b.test", b"hi\r\n", NONE, b"MAIL FROM:<>"),
        ("s@a.test", "r@b.test", b"hi\r\n", ALL, b"MAIL FROM:<s@a.test> SIZE=4"),
        ("s@a.test", "r@b.test", b"\xff\r\n", ALL, b"MAIL FROM:<s@a.test> SIZE=3 BODY=8BITMIME"),
        ("s@a.test", "r@b.test", b"\xff\r\n", NONE, b"MAIL FROM:<s@a.test>"),
        ("", "ρ@b.test", b"hi\r\n", ALL, b"MAIL FROM:<> SIZE=4 SMTPUTF8"),
    ],
)
def test_mail_declares_what_is_offered_and_needed(
    return_path: str, recipient: str, message: bytes, offered: Capabilities, line: bytes
) -> None:
    utf8 = not recipient.isascii()
    said = mail(return_path, message, offered, utf8=utf8, envelope_id="")
    assert said == line + b"\r\n"


def test_another_alphabet_needs_a_server_that_knows_it() -> None:
    with pytest.raises(Unsendable) as refusal:
        rcpt("ρ@b.test", NONE, dsn=False)
    assert (refusal.value.code, refusal.value.enhanced) == (550, "5.6.7")
    with pytest.raises(Unsendable):
        mail("ρ@b.test", b"", NONE, utf8=False, envelope_id="")
    with pytest.raises(Unsendable):
        mail("a@b.test", b"", NONE, utf8=True, envelope_id="")


@pytest.mark.parametrize(
    ("return_path", "envelope_id", "line"),
    [
        ("s@a.test", "", b"MAIL FROM:<s@a.test> RET=HDRS"),
        ("s@a.test", "b1.0000", b"MAIL FROM:<s@a.test> RET=HDRS ENVID=b1.0000"),
        (
            "s@a.test",
            "a+b=c é\r\n",
            b"MAIL FROM:<s@a.test> RET=HDRS ENVID=a+2Bb+3Dc+20+C3+A9+0D+0A",
        ),
        ("s@a.test", "x" * 101, b"MAIL FROM:<s@a.test> RET=HDRS"),
        ("", "b1.0000", b"MAIL FROM:<>"),
    ],
)
def test_reports_are_asked_for_unless_nobody_would_get_them(
    return_path: str, envelope_id: str, line: bytes
) -> None:
    said = mail(return_path, b"hi\r\n", DSN, utf8=False, envelope_id=envelope_id)
    assert said == line + b"\r\n"


@pytest.mark.parametrize(
    ("recipient", "parameters"),
    [
        ("r@b.test", b"NOTIFY=FAILURE ORCPT=rfc822;r@b.test"),
        ("r+x=y@b.test", b"NOTIFY=FAILURE ORCPT=rfc822;r+2Bx+3Dy@b.test"),
        ('"a b"@b.test', b'NOTIFY=FAILURE ORCPT=rfc822;"a+20b"@b.test'),
        ("ρ@b.test", b"NOTIFY=FAILURE"),
        (f"{'x' * 500}@b.test", b"NOTIFY=FAILURE"),
    ],
)
def test_a_report_tells_whom_it_was_meant_for(recipient: str, parameters: bytes) -> None:
    line = rcpt(recipient, ALL, dsn=True)
    assert line == f"RCPT TO:<{recipient}> ".encode() + parameters + b"\r\n"


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"hi\r\n", b"hi\r\n.\r\n"),
        (b"no line end", b"no line end\r\n.\r\n"),
        (b".\r\n", b"..\r\n.\r\n"),
        (b"a\r\n.\r\n..b\r\n", b"a\r\n..\r\n...b\r\n.\r\n"),
        (b"a\r\n.\nb\r\n", b"a\r\n..\nb\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
)
def test_dots_are_stuffed(message: bytes, sent: bytes) -> None:
    assert body(message) == sent


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b".\r\n..\r\n", b"BDAT 7 LAST\r\n.\r\n..\r\n"),
        (b"no line end", b"BDAT 13 LAST\r\nno line end\r\n"),
        (b"", b"BDAT 2 LAST\r\n\r\n"),
    ],
)
def test_a_chunk_is_the_message_as_it_is(message: bytes, sent: bytes) -> None:
    assert chunk(message) == sent


@pytest.mark.parametrize("say", [body, chunk])
@pytest.mark.parametrize("message", [b"a\n.\r\nMAIL FROM:<x@y.test>\r\n", b"a\n.\n", b"\n.a\r\n"])
def test_no_mail_is_smuggled_behind_a_bare_line_feed(
    say: Callable[[bytes], bytes], message: bytes
) -> None:
    with pytest.raises(Unsendable, match="bare LF"):
        say(message)


def test_what_a_server_offers_is_read_in_any_case_and_order() -> None:
    lines = (
        "PIPELINING is my name",
        "size",
        "Pipelining",
        "AUTH plain LOGIN",
        "",
        "dsn",
        "Chunking",
    )
    assert capabilities(Reply(250, lines)) == Capabilities(
        pipelining=True, size=True, chunking=True, dsn=True, auth=frozenset({"PLAIN", "LOGIN"})
    )
