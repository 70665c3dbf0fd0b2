"""Whatever submit accepts, dispatch can make a mail of: sound, whole, with no header of a stranger.

Random content with all that headers and SMTP have to fear goes in. What is refused is refused; of
the rest every Recipient gets an Envelope that no server can read in two ways.
"""

import base64
import email
import email.policy
import re
from email.message import EmailMessage
from typing import Any

from desk import BATCH, DOMAIN, Desk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.dispatch.job import Job, render
from functions.send import bagfile
from shared import keys
from shared.address import normal
from shared.model import message_bytes

OURS = {
    *("From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version"),
    *("Content-Type", "Content-Transfer-Encoding", "DKIM-Signature"),
    *("List-Unsubscribe", "List-Unsubscribe-Post"),
}
ONCE = {"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"}

TEXTS = st.text(max_size=40) | st.sampled_from(
    [
        "Bcc: x@evil.example",
        "x" * 300,
        "é" * 150,
        "=?utf-8?q?evil?=",
        "{{ name }}",
        '"quoted" <a@b.example>',
        "a@b.example, c@d.example",
        "\u2028",
        "\r\nBcc: x@evil.example\r\n\r\nbody",
        "\ud7ff\U0001f4a9",
        ";, :<>@()[]\\",
    ]
)
ATTACHMENTS = st.fixed_dictionaries(
    {
        "filename": TEXTS.filter(bool),
        "content": st.binary(max_size=60).map(lambda data: base64.b64encode(data).decode()),
    },
    optional={
        "content_type": st.sampled_from(["text/plain", "image/png", 'text/x; charset="utf-8"']),
        "content_id": st.sampled_from(["logo", "a.b@c", "<x>", ""]),
    },
)
ADDRESSES = st.sampled_from(
    ["ann@sink.example", "jö@bücher.example", '"a b>"@sink.example', "o'neill+x@sink.example"]
)
CONTENTS = st.fixed_dictionaries(
    {"subject": TEXTS, "sender": st.builds(lambda a: {"email": f"n@{DOMAIN}", "alias": a}, TEXTS)},
    optional={
        "html": TEXTS,
        "text": TEXTS,
        "attachments": st.lists(ATTACHMENTS, max_size=2),
        "headers": st.fixed_dictionaries(
            {}, optional={name: st.lists(TEXTS, max_size=2) for name in ("to", "cc", "reply_to")}
        ),
    },
)
FIELDS = st.fixed_dictionaries({"name": TEXTS | st.integers() | st.none() | st.lists(TEXTS)})

desk = Desk()


@settings(
    deadline=None,
    max_examples=200,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(CONTENTS, FIELDS, ADDRESSES)
def test_what_is_accepted_becomes_sound_mail(content: Any, fields: Any, address: str) -> None:
    batch = {**BATCH, **content, "recipients": [{"email": address, "fields": fields}]}
    answer = desk.submit(batch)
    assert answer.status in (202, 413, 422), answer.json
    if answer.status == 202:
        desk.validate()
        (envelope, message) = rendered(answer.json["batch"])
        assert envelope.rejected in ("", "template_error")
        assert envelope.recipient == normal(address)
        if not envelope.rejected:
            is_sound(message)


def rendered(batch: str) -> tuple[Any, bytes]:
    """The one Envelope of this Batch, and its message."""

    def stored(key: str) -> bytes:
        return desk.do(desk.store.get(key)).body

    job = Job(
        content=stored(keys.content(batch)),
        domain=stored(keys.domain_record(DOMAIN)),
        dkim=stored(keys.domain_dkim(DOMAIN)),
        bag=stored(keys.validated(batch, 0)),
        max_steps=1000,
        max_chars=100_000,
    )
    header, (envelope,) = bagfile.decode(render(job))
    return envelope, message_bytes(envelope, header.shared)


def is_sound(message: bytes) -> None:
    lines = message.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\x00", message)
    head = message.partition(b"\r\n\r\n")[0].decode()
    names = [line.partition(":")[0] for line in head.split("\r\n") if line[0] not in " \t"]
    assert set(names) <= OURS
    assert all(names.count(name) == 1 for name in ONCE)
    parsed = email.message_from_bytes(message, policy=email.policy.SMTPUTF8)
    assert isinstance(parsed, EmailMessage)
    assert not [each.defects for each in parsed.walk() if each.defects]
    assert [mailbox.addr_spec for mailbox in parsed["From"].addresses] == [f"n@{DOMAIN}"]


LINES = st.lists(
    st.sampled_from(
        [
            *(b"From: n@example.org", b"from : n@example.org", b"FROM:n@example.org (x)"),
            *(b"Subject: a", b"Subject:", b"X\t: b", b"DKIM-Signature: v=1; b=x", b"X: \xff\xfe"),
            *(
                b" folded",
                b"\tfolded",
                b"",
                b" ",
                b"\t ",
                b".",
                b"..",
                b"no header",
                b": x",
                b"\xe9: x",
            ),
            *(b"\x0b: y", b"X:\x0c", b"X: \x85", b"To: a@b.example,", b"\xc2\x85", b"X: \x1f"),
        ]
    )
    | st.binary(max_size=12),
    max_size=12,
)


@settings(deadline=None, max_examples=200, print_blob=True)
@given(LINES, st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r"]))
def test_a_message_that_is_accepted_is_signed_and_otherwise_untouched(
    lines: list[bytes], end: bytes
) -> None:
    message = b"\r\n".join([b"From: n@example.org", *lines]) + end
    path = "/v1/messages?to=ann@sink.example"
    answer = desk.call("POST", path, message, content_type="message/rfc822")
    assert answer.status in (202, 403, 422), answer.json
    if answer.status == 202:
        desk.validate()
        envelope, sent = rendered(answer.json["batch"])
        assert not envelope.rejected
        assert sent.startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")
        assert sent.endswith(message)
        signature = sent.removesuffix(message)
        assert re.fullmatch(rb"DKIM-Signature: (?:[^\r\n]+\r\n )*[^\r\n]+\r\n", signature)
