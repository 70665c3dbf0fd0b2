"""The header fields of what dispatch makes."""

import re
from email.header import decode_header, make_header
from typing import Any

import pytest
from dispatching import BATCH, DOMAIN, DUE_AT, SECRET, dispatched, parsed
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.dispatch import headers
from shared.ids import parse_delivery, return_path
from shared.model import Row, Sender, ShownHeaders
from shared.templating import TemplateFault


def head(message: bytes) -> list[str]:
    return message.partition(b"\r\n\r\n")[0].decode().split("\r\n")


@pytest.mark.parametrize(
    "subject",
    [
        "Hello", "", "x" * 66, "x" * 67, "x" * 1200, "word " * 40 + "end", "駅伝",
        "two  blanks " * 9 + "end", "駅伝" * 200, "ö", "=?utf-8?q?Evil?=", "a =?x?= b", "?=",
        "Ends in (brackets) \\", "a" * 60 + " " + "b" * 60, "x" * 80 + " y", "🏃" * 50,
        "'\";:<>@,[]",
    ],
)  # fmt: skip
def test_a_subject_arrives_as_it_was_given(subject: str) -> None:
    made = dispatched({"subject": subject}, subject="{{ subject }}")
    assert made.mail["Subject"] == subject
    assert max(map(len, head(made.messages[0]))) <= 76


SUBJECTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from(" \t=?_"), max_size=300
)


@settings(deadline=None, print_blob=True, max_examples=300)
@given(SUBJECTS)
def test_any_subject_fits_and_arrives(subject: str) -> None:
    value = headers.unstructured("Subject", subject)
    lines = f"Subject: {value}".split("\r\n")
    assert value.isascii()
    assert max(map(len, lines)) <= 76
    assert all(line.startswith(" ") and line.strip() for line in lines[1:])
    words = re.findall(r"=\?[^ ]*\?=", value) if not subject.isascii() else []
    assert max(map(len, words), default=0) <= 75  # RFC 2047 §2
    # Blanks at either end belong to no one.
    assert str(make_header(decode_header(value))).strip(" \t") == subject.strip(" \t")


@pytest.mark.parametrize(
    "character", ["\r", "\n", "\r\nBcc: x@evil.example", "\x00", "\x1b", "\x7f", "\ud800"]
)
def test_a_subject_with_a_line_end_or_control_rejects_the_recipient_alone(character: str) -> None:
    with pytest.raises(TemplateFault, match="Subject"):
        headers.unstructured("Subject", f"a{character}b")
    if character != "\ud800":
        rows = ({"s": f"a{character}b"}, {"s": "fine"})
        first, second = dispatched(*rows, subject="{{ s }}").envelopes
        assert (first.rejected, second.rejected) == ("template_error", "")
        assert "Subject" in first.detail


ALIASES = [
    "", "Ann", "Ann Lee", "Lee, Ann", 'The "News"', "a\\b", "駅伝", "駅" * 100, "x" * 300, ";:[]",
    "Ann (news)", "=?utf-8?q?Evil?=", "O'Neil & Söhne", "a.b@c", " blank ", "two  blanks",
    "a <b@evil.example>",
]  # fmt: skip


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("local", ["news", "n" * 64, "jö"])
def test_a_sender_has_one_address_and_its_name(alias: str, local: str) -> None:
    sender = Sender(email=f"{local}@{DOMAIN}", alias=alias)
    message = dispatched(sender=sender).messages[0]
    lines = head(message)
    start = next(n for n, line in enumerate(lines) if line.startswith("From:"))
    end = next(n for n in range(start + 1, len(lines)) if lines[n][0] != " ")
    assert max(map(len, lines[start:end])) <= 100
    value = "".join(lines[start:end]).removeprefix("From:").strip()
    name, address = re.fullmatch(r"(?:(.*?) )?<?([^ <>]+)>?", value).groups()  # type: ignore[union-attr]
    assert address == sender.email
    assert unquoted(name or "") == alias


def unquoted(phrase: str) -> str:
    if phrase.startswith('"'):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    assert re.fullmatch(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*", phrase), "RFC 5322: atoms and blanks"
    return str(make_header(decode_header(phrase)))


@pytest.mark.parametrize("alias", ALIASES)
def test_python_reads_the_sender_back(alias: str) -> None:
    mail = dispatched(sender=Sender(email=f"news@{DOMAIN}", alias=alias)).mail
    (address,) = mail["From"].addresses
    assert address.addr_spec == f"news@{DOMAIN}"
    if len(alias) < 60:  # its parser keeps the blanks between encoded words
        assert address.display_name == alias


def test_to_is_the_recipient_unless_something_else_is_to_be_shown() -> None:
    assert dispatched().mail["To"] == "r0@sink.example"
    shown = ShownHeaders(to=["All <all@example.org>", "b@example.org"])
    made = dispatched({}, {}, headers=shown)
    assert [mail["To"] for mail in made.mails] == ["All <all@example.org>, b@example.org"] * 2
    assert [each.recipient for each in made.envelopes] == ["r0@sink.example", "r1@sink.example"]


def test_cc_and_reply_to_are_shown_and_nobody_else_gets_a_mail() -> None:
    shown = ShownHeaders(
        cc=['"Lee, Ann" <a@c.example>', "駅 <b@c.example>"], reply_to=["r@c.example"]
    )
    made = dispatched(headers=shown)
    shown_in_cc = [(each.display_name, each.addr_spec) for each in made.mail["Cc"].addresses]
    assert shown_in_cc == [("Lee, Ann", "a@c.example"), ("駅", "b@c.example")]
    assert made.mail["Reply-To"] == "r@c.example"
    assert len(made.envelopes) == 1


def test_without_them_there_is_no_cc_and_no_reply_to() -> None:
    mail = dispatched().mail
    assert (mail["Cc"], mail["Reply-To"], mail["Bcc"]) == (None, None, None)


def test_an_internationalised_recipient_stands_in_utf_8() -> None:
    message = dispatched(Row(0, "jö@xn--bcher-kva.example")).messages[0]
    assert "To: jö@xn--bcher-kva.example" in head(message)


def test_the_date_is_when_the_batch_was_due() -> None:
    date = dispatched().mail["Date"].datetime
    assert date.timestamp() == int(DUE_AT)
    assert date.utcoffset().total_seconds() == 0


def test_the_message_id_names_the_delivery() -> None:
    made = dispatched({}, {})
    ids = [mail["Message-ID"] for mail in made.mails]
    assert ids == [f"<{BATCH}.0003.0000@{DOMAIN}>", f"<{BATCH}.0003.0001@{DOMAIN}>"]


def test_the_return_path_names_the_delivery_and_proves_it() -> None:
    for n, envelope in enumerate(dispatched({}, {}).envelopes):
        match = re.fullmatch(r"b-([0-9a-z.]+)-([a-z2-7]{16})@example\.org", envelope.return_path)
        assert match
        assert parse_delivery(match[1]) == (BATCH, 3, n)
        assert envelope.return_path == return_path(match[1], DOMAIN, bytes.fromhex(SECRET))
        assert envelope.return_path != return_path(match[1], DOMAIN, b"another secret")


def test_bounces_come_back_to_the_configured_host() -> None:
    made = dispatched(domain={"return_path_host": "bounce.example.net"})
    assert made.envelopes[0].return_path.endswith("@bounce.example.net")


def test_one_click_unsubscribe_has_both_headers_and_both_are_signed() -> None:
    made = dispatched(
        {"id": "a b/ö&=?"}, unsubscribe_url="https://example.org/u?id={{ id }}&x={{id}}"
    )
    mail = made.mail
    escaped = "a%20b%2F%C3%B6%26%3D%3F"
    assert mail["List-Unsubscribe"] == f"<https://example.org/u?id={escaped}&x={escaped}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"  # RFC 8058 §3.1
    signed = re.search(r"\bh=([^;]*);", mail["DKIM-Signature"])
    assert signed
    names = re.sub(r"\s", "", signed[1]).split(":")
    assert {"list-unsubscribe", "list-unsubscribe-post", "from", "to", "subject"} <= set(names)


@pytest.mark.parametrize(
    "fields", [{}, {"id": ""}, {"id": None}, {"id": True}, {"id": ["x"]}, {"id": "x" * 2000}]
)
def test_an_unsubscribe_url_that_cannot_be_made_rejects_the_recipient_alone(
    fields: dict[str, Any],
) -> None:
    rows = (fields, {"id": "7"})
    first, second = dispatched(*rows, unsubscribe_url="https://example.org/{{ id }}").envelopes
    assert (first.rejected, second.rejected) == ("unsubscribe_url_unresolved", "")
    assert first.detail


def test_no_header_occurs_twice() -> None:
    made = dispatched(html="x", text="y", unsubscribe_url="https://example.org/u")
    names = [name.lower() for name in parsed(made.messages[0])]
    assert len(names) == len(set(names))
