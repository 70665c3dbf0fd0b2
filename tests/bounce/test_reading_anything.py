"""No bytes that a stranger sends make reading raise, or take long."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returned_mail import NAMES, sample

from functions.bounce.arrival import arrived_at
from functions.bounce.reading import read
from functions.bounce.report import Report
from shared import inbound
from shared.errors import Malformed

PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/report; boundary=B\r\n",
        b'Content-Type: multipart/mixed; boundary="B"\r\n',
        b"Content-Type: message/delivery-status; charset=punycode\r\n",
        b"Content-Type: text/plain; charset=idna\r\n",
        b"Content-Type: message/feedback-report\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"From: MAILER-DAEMON@x\r\n",
        b"Subject: =?utf-8?b?////?= =?x?q?=\r\n",
        b"X-Failed-Recipients: a@b.example, ,@\r\n",
        b"Final-Recipient: utf-8; \\x{D800}\\x{110000}@b\r\n",
        b"Final-Recipient: rfc822; a@b.example\r\n",
        b"Status: 5.\r\n",
        b"Action: failed\r\n",
        b"Diagnostic-Code: smtp; 550-\r\n",
        b"Feedback-Type:\r\n",
        b"\r\n",
        b"\n",
        b"--B\r\n",
        b"--B--\r\n",
        b"<a@b.example>:\n",
        b"Hi. This is the qmail-send program at x.\n",
        b"\x00\xff=?=",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=30), max_size=40), st.sampled_from(["", "a@b.example"]))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read(pieces: list[bytes], sender: str) -> None:
    assert isinstance(read(b"".join(pieces), sender), Report)


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_report_is_read(name: str) -> None:
    rng = Random(name)
    whole = sample(name)
    for _ in range(100):
        damaged = bytearray(whole[: rng.randrange(len(whole))])
        for _ in range(rng.randrange(8)):
            damaged.insert(rng.randrange(len(damaged) + 1), rng.randrange(256))
        assert isinstance(read(bytes(damaged), ""), Report)


def test_a_thousand_nested_parts_are_not_followed() -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=B%d\r\n\r\n--B%d\r\n" % (n, n)
        for n in range(10_000)
    )
    assert read(deep, "").kind == "unknown"


@pytest.mark.parametrize(
    "piece",
    [
        b"\n",
        b"--B\n",
        b"a: b\n",
        b"<a@b.example>:\n",
        b"<",
        b" ",
        b"a@",
        b"550 ",
        b"b-01hf",
        b"=?",
        b'"',
    ],
)
@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"From: MAILER-DAEMON@x\n\nHi. This is the qmail-send program\n",
        b"From: MAILER-DAEMON@x\n\n",
        b"Content-Type: multipart/mixed; boundary=B\n\n"
        b"--B\nContent-Type: message/delivery-status\n\nFinal-Recipient: ",
        b"Content-Type: message/feedback-report\n\nOriginal-Mail-From: ",
        b"Subject: ",
        b"Content-Type: ",
    ],
)
def test_a_megabyte_of_anything_is_read_in_reasonable_time(head: bytes, piece: bytes) -> None:
    assert isinstance(read(head + piece * (1024 * 1024 // len(piece)), ""), Report)


@pytest.mark.parametrize(
    "received",
    [
        b"",
        b"Received: from x",
        b"Received: from x; yesterday",
        b"Received: from x; Sat, 99 Nov 2026 15:00:00 +0000",
        b"Received: from x; Sat, 21 Nov 99999999999 15:00:00 +0000",
        b"Received: from x; Sat, 21 Nov 1926 15:00:00 +0000",
        b"Subject: x; Sat, 21 Nov 2026 15:00:00 +0000",
    ],
)
def test_a_mail_without_the_time_of_its_arrival_is_malformed(received: bytes) -> None:
    with pytest.raises(Malformed):
        arrived_at(received + b"\r\n\r\n")


def test_the_time_of_arrival_stands_in_our_received_header() -> None:
    received = (
        b"Received: from x (x [192.0.2.1])\r\n by y id 1;\r\n Sat, 21 Nov 2026 15:00:00 +0000\r\n"
    )
    other = b"Received: from z; Sun, 22 Nov 2026 15:00:00 +0000\r\n\r\n"
    assert arrived_at(received + other) == 1795273200


@given(st.binary(max_size=200))
def test_any_envelope_is_read_or_malformed(body: bytes) -> None:
    try:
        letter = inbound.decode(b"Return-Path: <>\r\nDelivered-To: " + body)
        arrived_at(letter.message)
    except Malformed:
        pass
