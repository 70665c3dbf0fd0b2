"""What is hashed (RFC 6376 §3.4), with dkimpy as the reference."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import product
from typing import AnyStr

import pytest
from dkim.canonicalization import Relaxed
from generated_mail import messages

from functions.dispatch.canonical import (
    encode_headers,
    relaxed_body,
    relaxed_header,
    split_message,
)
from shared.errors import Malformed

BODY_PARTS = (b" ", b"\t", b"\r\n", b"\r", b"\n", b"x")
VALUE_PARTS = (" ", "\t", "\r\n ", "\r\n\t", "x", "ü", "\xa0", "\udcff")


def combinations(parts: Sequence[AnyStr], most: int) -> Iterator[AnyStr]:
    """Every string of at most `most` parts, shortest first."""
    for count in range(most + 1):
        yield from map(type(parts[0])().join, product(parts, repeat=count))


def reference_body(body: bytes) -> bytes:
    return Relaxed.canonicalize_body(body)


def reference_header(name: str, value: str) -> bytes:
    field = (encode_headers(name), encode_headers(value) + b"\r\n")
    [(canonical_name, canonical_value)] = Relaxed.canonicalize_headers([field])
    return canonical_name + b":" + canonical_value


def test_the_form_of_every_short_body_is_dkimpys() -> None:
    for body in combinations(BODY_PARTS, 6):
        delivered = body + b"\r\n"
        assert relaxed_body(delivered) == reference_body(delivered)


def test_the_form_of_every_short_header_is_dkimpys() -> None:
    for value in combinations(VALUE_PARTS, 4):
        assert encode_headers(relaxed_header("Cc\t", value)) == reference_header("Cc\t", value)


def test_the_form_of_generated_mail_is_dkimpys() -> None:
    for message in messages(seed=3, count=2000):
        headers, body = split_message(message)
        assert relaxed_body(body) == reference_body(body)
        for name, value in headers:
            assert encode_headers(relaxed_header(name, value)) == reference_header(name, value)


def test_the_form_of_real_html_is_dkimpys(html_bodies: list[bytes]) -> None:
    for body in html_bodies:
        assert relaxed_body(body) == reference_body(body)


def test_the_examples_of_rfc_6376_section_3_4_5_hold() -> None:
    assert relaxed_header("A", " X") + relaxed_header("B ", " Y\t\r\n\tZ  ") == "a:X\r\nb:Y Z\r\n"
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


@pytest.mark.parametrize("body", [b"", b"\r\n", b"\r\n\r\n", b" \t", b" \r\n\t\r\n"])
def test_a_body_without_text_has_the_hash_of_nothing(body: bytes) -> None:
    digest = b64encode(sha256(relaxed_body(body)).digest())
    assert digest == b"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # RFC 6376 §3.4.4


@pytest.mark.parametrize("body", [b"x", b"x ", b"x \t", b"x\r", b"x\n", b"x\r\n\r\n ", b" "])
def test_a_body_without_its_last_line_break_is_hashed_as_smtp_delivers_it(body: bytes) -> None:
    assert relaxed_body(body) == relaxed_body(body + b"\r\n")


def test_megabytes_of_blanks_are_read_once() -> None:
    # Would take hours if each blank or blank line were looked at from each blank before it.
    many = 300_000
    assert relaxed_body(b" " * many + b"x" + b"\t" * many + b"\r\n") == b" x\r\n"
    assert relaxed_body(b"x" + b" \r\n" * many) == b"x\r\n"
    assert relaxed_body(b" " * many + b"\r" + b"\r\n" * many) == b" \r\r\n"
    assert relaxed_header("a", " x" + " " * many + "y" + "\r\n " * many) == "a:x y\r\n"


@pytest.mark.parametrize("value", ["x\nBcc: y", "x\r\nBcc: y", "x\rBcc: y", "x\r\n", "x\n y"])
def test_a_line_break_that_is_no_folding_is_refused(value: str) -> None:
    with pytest.raises(Malformed, match="'Subject' has a line break"):
        relaxed_header("Subject", value)


def test_a_message_is_split_without_losing_a_byte() -> None:
    head = b"From:a\r\nSubject: \xfc \xc3\xbc\r\n\t folded \r\nX-Empty:"
    headers, body = split_message(head + b"\r\n\r\nHi\r\n\r\nthere")
    assert [name for name, _ in headers] == ["From", "Subject", "X-Empty"]
    assert encode_headers("\r\n".join(f"{name}:{value}" for name, value in headers)) == head
    assert body == b"Hi\r\n\r\nthere"


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_message_may_end_with_its_headers(end: bytes) -> None:
    assert split_message(b"From: a\r\nTo: b" + end) == ([("From", " a"), ("To", " b")], b"")


@pytest.mark.parametrize(
    "head", [b"", b"no colon", b"\r\nFrom: a", b"From: a\r\nS\xc3\xbcbject: b"]
)
def test_a_line_that_is_no_header_is_refused(head: bytes) -> None:
    with pytest.raises(Malformed, match="no header"):
        split_message(head + b"\r\n\r\nHi\r\n")
