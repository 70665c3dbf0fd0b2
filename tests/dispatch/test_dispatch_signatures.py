"""dkimpy accepts what dispatch makes."""

from typing import Any

import dkim as dkimpy
import pytest
from dispatching import DOMAIN, attachment, dispatched, stored_key

from functions.send import bagfile
from shared.dkim_keys import dns_record, load
from shared.model import Sender, message_bytes

RSA = stored_key("rsa-sha256", "r1")
"""What dkimpy needs no other package for. Of Ed25519, see `tests/dkim`."""


def zone() -> dict[bytes, bytes]:
    name, text = dns_record(RSA.selector, DOMAIN, load(RSA))
    return {f"{name}.".encode(): text.encode()}


def accepted(message: bytes) -> bool:
    return bool(dkimpy.verify(message, dnsfunc=lambda name, timeout=5: zone().get(name)))


SAID: dict[str, dict[str, Any]] = {
    "text": {"text": "Dear {{ name }},\r\n\r\nthis  is it. \r\n.\r\n\r\n\r\n"},
    "text of another alphabet": {"text": "駅伝 {{ name }}\n", "subject": "駅伝 " * 40},
    "html without an end": {"html": "<p>{{ name }}</p>"},
    "long lines": {"html": "x " * 3000 + "{{ name }}"},
    "alternatives": {"html": "<p>{{ name }}</p>", "text": "{{ name }}"},
    "attachments": {
        "html": "<p>{{ name }}</p>" * 300,
        "text": "x",
        "attachments": [
            attachment("a.pdf", b"%PDF" * 5000),
            attachment("駅.png", bytes(9999), "image/png", cid="i@x"),
        ],
    },
    "a sender of many words": {"sender": Sender(email=f"n@{DOMAIN}", alias='Ö, "x" ' * 20)},
    "unsubscribe": {"text": "x", "unsubscribe_url": "https://example.org/u?{{ name }}"},
    "ready-made": {
        "message": f"from: x@{DOMAIN}\r\nSubject: folded\r\n\tline \r\nto:y\r\n\r\n a  b \r\n\r\n"
    },
    "ready-made, no UTF-8": {"message": f"From: x@{DOMAIN}\r\nSubject: \xff\r\n\r\n\xfe\xff\r\n"},
    "ready-made, no body": {"message": f"From: x@{DOMAIN}\r\n\r\n"},
}


@pytest.mark.parametrize("name", SAID)
def test_each_message_is_accepted(name: str) -> None:
    made = dispatched({"name": "Ann"}, {"name": "jö 駅"}, keys=(RSA,), **SAID[name])
    assert all(map(accepted, made.messages))


def test_a_message_still_verifies_after_send_has_read_it_back() -> None:
    made = dispatched({"name": "Ann"}, {"name": "Bob"}, keys=(RSA,), **SAID["attachments"])
    again = bagfile.encode_bag(made.header, made.envelopes)
    header, envelopes = bagfile.decode(again)
    assert all(accepted(message_bytes(each, header.shared)) for each in envelopes)


@pytest.mark.parametrize("part", [b"Hello\r\n", b"news@", b"r0@sink", b"text/plain", b"7bit"])
def test_a_changed_message_is_not_accepted(part: bytes) -> None:
    message = dispatched(keys=(RSA,)).messages[0]
    assert accepted(message)
    assert not accepted(message.replace(part, b"x" + part))


@pytest.mark.parametrize("name", ["From", "Subject", "To", "Date"])
def test_a_second_header_of_a_kind_is_not_accepted(name: str) -> None:
    message = dispatched(keys=(RSA,)).messages[0]
    assert not accepted(f"{name}: x\r\n".encode() + message)
    head, _, body = message.partition(b"\r\n\r\n")
    assert not accepted(head + f"\r\n{name}: x\r\n\r\n".encode() + body)
