"""What is signed and how it is written, with dkimpy as the verifier."""

import re
from base64 import b64decode
from hashlib import sha256

import dkim as dkimpy
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dkim.canonicalization import Relaxed
from dkim.util import parse_tag_value
from generated_mail import messages

from functions.dispatch.dkim import (
    OVERSIGNED,
    DkimKey,
    Signer,
    relaxed_body,
    relaxed_header,
    sign_message,
    split_message,
)
from shared.dkim_keys import dns_record
from shared.errors import Malformed, Misconfigured

DOMAIN = "example.com"
TIMESTAMP = 1_700_000_000
MAIL = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: Hi\r\n\r\nHello  there\r\n"


def signed(message: bytes, *keys: DkimKey) -> bytes:
    return sign_message(Signer(DOMAIN, keys), message, TIMESTAMP) + message


def accepts(message: bytes, key: DkimKey) -> bool:
    """What dkimpy says of the first signature of a message."""
    name, text = dns_record(key.selector, DOMAIN, key.private_key)
    zone = {f"{name}.".encode(): text.encode()}
    return bool(dkimpy.verify(message, dnsfunc=lambda name, timeout: zone.get(name)))


def accepts_ed25519(message: bytes, key: DkimKey) -> bool:
    """The same with dkimpy's parser and hashes, and OpenSSL for the curve, not PyNaCl."""
    headers, body = dkimpy.rfc822_parse(message)
    tags = parse_tag_value(headers[0][1])
    digest = dkimpy.HashThrough(sha256())
    names = [name.strip() for name in tags[b"h"].split(b":")]
    dkimpy.hash_headers(
        digest, Relaxed, Relaxed.canonicalize_headers(headers), names, headers[0], tags
    )
    try:
        key.private_key.public_key().verify(b64decode(tags[b"b"]), digest.digest())
    except InvalidSignature:
        return False
    return b64decode(tags[b"bh"]) == sha256(Relaxed.canonicalize_body(body)).digest()


def tag(signature: bytes, name: str) -> str:
    return re.sub(
        rb"\s", b"", parse_tag_value(signature.partition(b":")[2])[name.encode()]
    ).decode()


def test_dkimpy_accepts_rsa_signatures(rsa: DkimKey) -> None:
    for message in messages(seed=5, count=300):
        assert accepts(signed(message, rsa), rsa), message


def test_dkimpy_accepts_ed25519_signatures(ed25519: DkimKey) -> None:
    for message in messages(seed=6, count=300):
        assert accepts_ed25519(signed(message, ed25519), ed25519), message


def test_dkimpy_accepts_signed_html(rsa: DkimKey, html_bodies: list[bytes]) -> None:
    head = b"From: a@example.com\r\nContent-Type: text/html\r\n\r\n"
    assert all(accepts(signed(head + body, rsa), rsa) for body in html_bodies)


@pytest.mark.parametrize("name", ["From", "To", "Subject"])
def test_a_changed_header_breaks_the_signature(name: str, rsa: DkimKey, ed25519: DkimKey) -> None:
    for key, check in ((rsa, accepts), (ed25519, accepts_ed25519)):
        message = signed(MAIL, key)
        assert check(message, key)
        assert not check(message.replace(f"\r\n{name}: ".encode(), f"\r\n{name}: x".encode()), key)


def test_a_changed_body_breaks_the_signature(rsa: DkimKey, ed25519: DkimKey) -> None:
    for key, check in ((rsa, accepts), (ed25519, accepts_ed25519)):
        assert not check(signed(MAIL, key).replace(b"Hello", b"Jello"), key)


@pytest.mark.parametrize("name", sorted(OVERSIGNED))
def test_nobody_can_add_a_second_field(name: str, rsa: DkimKey) -> None:
    message = signed(MAIL, rsa)
    assert not accepts(message.replace(b"\r\nFrom:", f"\r\n{name}: x\r\nFrom:".encode()), rsa)


def test_an_unsigned_header_may_be_added(rsa: DkimKey) -> None:
    assert accepts(signed(MAIL, rsa).replace(b"\r\nFrom:", b"\r\nReceived: x\r\nFrom:"), rsa)


def test_every_occurrence_of_a_header_is_signed(rsa: DkimKey) -> None:
    message = MAIL.replace(b"To:", b"Cc: one\r\nX: y\r\nCC: two\r\nTo:")
    assert tag(signed(message, rsa), "h") == "from:from:subject:subject:date:to:to:cc:cc"
    for value in (b"one", b"two"):
        assert not accepts(signed(message, rsa).replace(value, b"three"), rsa)


def test_both_unsubscribe_headers_are_signed(rsa: DkimKey) -> None:
    field = (
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Unsubscribe: <https://x/>\r\n"
    )
    names = tag(signed(field + MAIL, rsa), "h").split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post"} <= set(names)  # RFC 8058 §4


def test_the_same_message_gets_the_same_bytes(rsa: DkimKey, ed25519: DkimKey) -> None:
    again = Signer(DOMAIN, [rsa, ed25519])
    assert sign_message(again, MAIL, TIMESTAMP) + MAIL == signed(MAIL, rsa, ed25519)


def test_each_key_signs_once_and_in_order(rsa: DkimKey, ed25519: DkimKey) -> None:
    both = signed(MAIL, rsa, ed25519).removesuffix(MAIL)
    assert both == signed(MAIL, rsa).removesuffix(MAIL) + signed(MAIL, ed25519).removesuffix(MAIL)


def test_the_time_stamp_is_the_callers(rsa: DkimKey) -> None:
    signature = Signer(DOMAIN, [rsa]).sign([("From", "a")], b"", 1_234_567_890)
    assert tag(signature, "t") == "1234567890"


def test_composed_headers_in_unicode_are_signed_as_utf_8(rsa: DkimKey) -> None:
    headers = [("From", "Jürgen <ü@example.com>"), ("Subject", "駅伝")]
    signature = Signer(DOMAIN, [rsa]).sign(headers, b"Hi\r\n", TIMESTAMP)
    text = "".join(f"{name}: {value}\r\n" for name, value in headers)
    assert accepts(signature + text.encode() + b"\r\nHi\r\n", rsa)


def test_bytes_that_are_not_utf_8_are_signed_as_they_are(rsa: DkimKey) -> None:
    assert accepts(signed(MAIL.replace(b"Hi", b"Gr\xfc\xdfe"), rsa), rsa)


def test_lines_are_short_and_folded_before_one_space(rsa: DkimKey) -> None:
    for message in messages(seed=7, count=50):
        first, *rest = signed(message, rsa).removesuffix(message).split(b"\r\n")[:-1]
        assert first == b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;"
        assert all(re.match(rb" \S", line) and len(line) <= 76 for line in rest)


def test_a_long_domain_gets_a_line_of_its_own(rsa: DkimKey) -> None:
    domain = ".".join(["a" * 60] * 4)
    signature = Signer(domain, [rsa]).sign([("From", "a")], b"", TIMESTAMP)
    assert f"\r\n d={domain};\r\n s=r2026;\r\n t=".encode() in signature


def test_the_example_of_rfc_8463_appendix_a_comes_out() -> None:
    secret = b64decode("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    headers, body = split_message(RFC_8463_MESSAGE)
    signature = RFC_8463_SIGNATURE.replace("\n", "\r\n")
    data = "".join(relaxed_header(name, value) for name, value in headers)
    data += relaxed_header("DKIM-Signature", signature).removesuffix("\r\n")
    digest = sha256(data.encode()).digest()
    expected = (
        "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="
    )
    assert sha256(relaxed_body(body)).digest() == b64decode(tag(b":" + signature.encode(), "bh"))
    assert Ed25519PrivateKey.from_private_bytes(secret).sign(digest) == b64decode(expected)


RFC_8463_SIGNATURE = """ v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b="""

RFC_8463_MESSAGE = b"""From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.
""".replace(b"\n", b"\r\n")


def test_a_message_without_a_from_header_is_refused(rsa: DkimKey) -> None:
    with pytest.raises(Malformed, match="without a From header"):
        sign_message(Signer(DOMAIN, [rsa]), b"To: b@example.net\r\n\r\nHi\r\n", TIMESTAMP)


def test_a_smuggled_header_is_refused(rsa: DkimKey) -> None:
    with pytest.raises(Malformed, match="line break"):
        Signer(DOMAIN, [rsa]).sign([("From", "a"), ("Subject", "x\r\nBcc: y")], b"", TIMESTAMP)


def test_a_signer_without_keys_is_refused() -> None:
    with pytest.raises(Misconfigured, match=r"example\.com has no DKIM key"):
        Signer(DOMAIN, [])


def test_a_key_of_another_algorithm_is_refused(rsa: DkimKey) -> None:
    with pytest.raises(Misconfigured, match="'s' is no ed25519-sha256 key"):
        Signer(DOMAIN, [DkimKey("s", "ed25519-sha256", rsa.private_key)])


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a\r\nb", "a..b", "-a", "ü", "a" * 254])
def test_a_name_that_dns_cannot_have_is_refused(name: str, rsa: DkimKey) -> None:
    with pytest.raises(Malformed, match="DNS name"):
        Signer(name, [rsa])
    with pytest.raises(Malformed, match="DNS name"):
        Signer(DOMAIN, [DkimKey(name, rsa.algorithm, rsa.private_key)])
