"""The MIME structure of what dispatch makes, read back by Python's own parser."""

import re
from email.message import EmailMessage
from typing import Any

import pytest
from dispatching import attachment, dispatched, parsed, shape
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.dispatch.mime import transfer_encoded
from shared.templating import TemplateFault

PDF = attachment("bill.pdf", b"%PDF" * 2000)
LOGO = attachment("logo.png", bytes(range(256)) * 20, "image/png", cid="logo@example.org")
PLAIN, HTML = "text/plain", "text/html"


@pytest.mark.parametrize(
    ("said", "tree"),
    [
        ({"text": "x"}, PLAIN),
        ({"html": "x"}, HTML),
        ({"text": "x", "html": "y"}, ("multipart/alternative", [PLAIN, HTML])),
        ({"text": "x", "attachments": [PDF]}, ("multipart/mixed", [PLAIN, "application/pdf"])),
        ({"html": "x", "attachments": [LOGO]}, ("multipart/related", [HTML, "image/png"])),
        (
            {"html": "x", "text": "y", "attachments": [LOGO]},
            ("multipart/alternative", [PLAIN, ("multipart/related", [HTML, "image/png"])]),
        ),
        (
            {"html": "x", "attachments": [LOGO, PDF]},
            ("multipart/mixed", [("multipart/related", [HTML, "image/png"]), "application/pdf"]),
        ),
        (
            {"html": "x", "text": "y", "attachments": [PDF, LOGO, PDF]},
            (
                "multipart/mixed",
                [
                    (
                        "multipart/alternative",
                        [PLAIN, ("multipart/related", [HTML, "image/png"])],
                    ),
                    "application/pdf",
                    "application/pdf",
                ],
            ),
        ),
        # Nothing to show an inline image in: then it is a file like others.
        ({"text": "y", "attachments": [LOGO]}, ("multipart/mixed", [PLAIN, "image/png"])),
    ],
)
def test_the_structure_follows_what_there_is_to_say(said: dict[str, Any], tree: Any) -> None:
    assert shape(dispatched(**said).mail) == tree


def part(mail: EmailMessage, kind: str) -> EmailMessage:
    (found,) = (each for each in mail.walk() if each.get_content_type() == kind)
    assert isinstance(found, EmailMessage)
    return found


def test_each_part_says_what_was_given() -> None:
    said = {"html": "<p>{{ n }}</p>", "text": "{{ n }}", "attachments": [PDF, LOGO]}
    for n, mail in enumerate(dispatched({"n": "zero"}, {"n": "eins ä"}, **said).mails):
        text = ("zero", "eins ä")[n]
        assert part(mail, PLAIN).get_content() == f"{text}\r\n"
        assert part(mail, HTML).get_content() == f"<p>{text}</p>\r\n"
        assert part(mail, "application/pdf").get_content() == b"%PDF" * 2000
        assert part(mail, "image/png").get_content() == bytes(range(256)) * 20


def test_texts_are_utf_8() -> None:
    mail = dispatched(html="駅伝 <b>ö</b>", text="駅伝 ö").mail
    for kind in (PLAIN, HTML):
        assert part(mail, kind).get_content_charset() == "utf-8"
        assert "駅伝" in part(mail, kind).get_content()


def test_an_inline_image_can_be_shown_by_its_content_id() -> None:
    mail = dispatched(html="<img src='cid:logo@example.org'>", attachments=[LOGO]).mail
    image = part(mail, "image/png")
    assert image["Content-ID"] == "<logo@example.org>"
    assert image.get_content_disposition() == "inline"
    assert image.get_filename() == "logo.png"


def test_multipart_related_names_its_root_type() -> None:
    mail = dispatched(html="x", attachments=[LOGO]).mail
    assert mail["Content-Type"].params["type"] == "text/html"  # RFC 2387 §3.1


@pytest.mark.parametrize(
    "name",
    [
        "bill.pdf", "a b.pdf", "it's.pdf", 'quoted "x".pdf', "駅伝.pdf", "Größe (1).pdf", "50%.pdf",
        "a;b=c.pdf", "x" * 200 + ".pdf", "長" * 80 + ".pdf", "=?utf-8?q?x?=.pdf", "'", ".", "a*b",
    ],
)  # fmt: skip
def test_a_file_keeps_its_name(name: str) -> None:
    made = dispatched(text="x", attachments=[attachment(name, b"data")])
    (file,) = made.mail.iter_attachments()
    assert file.get_filename() == name
    assert file.get_content_disposition() == "attachment"
    assert max(map(len, made.messages[0].split(b"\r\n"))) <= 78


def test_another_alphabet_in_a_file_name_goes_by_rfc_2231() -> None:
    message = dispatched(text="x", attachments=[attachment("駅.pdf", b"x")]).messages[0]
    assert b"filename*=utf-8''%E9%A7%85.pdf" in message
    long = dispatched(text="x", attachments=[attachment("駅" * 30, b"x")]).messages[0]
    assert b"filename*0*=utf-8''%E9%A7%85" in long
    assert b"filename*1*=%" in long


def test_a_content_type_may_have_a_charset() -> None:
    file = attachment("a.csv", "ä".encode("latin-1"), 'text/csv; charset="iso-8859-1"')
    (part_,) = dispatched(text="x", attachments=[file]).mail.iter_attachments()
    assert part_.get_content() == "ä"


@pytest.mark.parametrize("size", [0, 1, 53, 54, 56, 57, 58, 4096, 100_000])
def test_base_64_has_lines_of_76_and_loses_nothing(size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    made = dispatched(text="x", attachments=[attachment("f", data)])
    (file,) = made.mail.iter_attachments()
    assert file.get_payload(decode=True) == data
    assert max(map(len, made.messages[0].split(b"\r\n"))) <= 78


TEXTS = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            ["\r\n", "\n", "\r", " \r\n", "\t\n", ".", "..", "=20", "From ", "--=_x", "ö"]
        ),
        st.integers(1, 1200).map(lambda n: "x" * n),
        st.integers(1, 400).map(lambda n: "ö " * n),
    ),
    max_size=12,
).map("".join).map(lambda text: text.replace("\x00", ""))  # fmt: skip


@settings(deadline=None, print_blob=True)
@given(TEXTS)
def test_any_text_arrives_and_fits_every_server(text: str) -> None:
    encoding, data = transfer_encoded(text)
    head = (
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    )
    read = parsed(head.encode() + data).get_payload(decode=True)
    assert isinstance(read, bytes)
    assert read.decode() == wire(text)
    assert data.endswith(b"\r\n")
    assert data.isascii()
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", data)
    longest = max(map(len, data.split(b"\r\n")))
    assert longest <= (998 if encoding == "7bit" else 76)


def wire(text: str) -> str:
    """Lines end in CRLF, also the last one."""
    lines = re.sub(r"\r\n|\r|\n", "\r\n", text)
    return lines if lines.endswith("\r\n") else lines + "\r\n"


def test_plain_text_is_left_readable() -> None:
    assert transfer_encoded("Dear Ann,\r\nthis is it.\r\n") == (
        "7bit",
        b"Dear Ann,\r\nthis is it.\r\n",
    )


@pytest.mark.parametrize("text", ["ö", "x" * 999, "ö" * 999])
def test_what_not_every_server_carries_is_quoted_printable(text: str) -> None:
    assert transfer_encoded(text)[0] == "quoted-printable"


@pytest.mark.parametrize("said", [r"{{ '\x00' }}", r"{{ '\ud800' }}", r"ö{{ '\udfff' }}"])
def test_what_no_mail_can_say_rejects_the_recipient_alone(said: str) -> None:
    source = "{% if bad %}" + said + "{% endif %}"
    first, second = dispatched({"bad": True}, {"bad": False}, text=source).envelopes
    assert (first.rejected, first.message) == ("template_error", [])
    assert (second.rejected, bool(second.message)) == ("", True)
    with pytest.raises(TemplateFault):
        transfer_encoded("a\x00")


SAID: dict[str, Any] = {
    "html": "<p>{{ name }}</p>" + "<td>line</td>\n" * 800,
    "text": "ö {{ name }}\n" * 50,
    "attachments": [PDF, LOGO],
}


def test_no_line_is_too_long_and_every_line_ends_in_crlf() -> None:
    for message in dispatched({"name": "x" * 2000}, {"name": "駅" * 900}, **SAID).messages:
        assert max(map(len, message.split(b"\r\n"))) <= 998
        assert not re.search(rb"(?<!\r)\n|\r(?!\n)", message)


def test_no_boundary_occurs_within_a_part() -> None:
    made = dispatched({"name": "x"}, **SAID)
    boundaries = [part.get_boundary() for part in made.mail.walk() if part.is_multipart()]
    leaves = [str(part.get_payload()) for part in made.mail.walk() if not part.is_multipart()]
    assert len(set(boundaries)) == 3
    for boundary in boundaries:
        assert made.messages[0].count(f"--{boundary}\r\n".encode()) == 2
        assert made.messages[0].count(f"--{boundary}--\r\n".encode()) == 1
        assert not any(str(boundary) in leaf for leaf in leaves)


def test_the_parser_finds_nothing_to_complain_about() -> None:
    mail = dispatched({"name": "駅"}, **SAID).mail
    assert [part.defects for part in mail.walk() if part.defects] == []
