"""Mails in a folder: strangers' bytes, which may be anything."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.admin.dashboard import received
from functions.admin.dashboard.received import Folder
from shared.http import Problem

PLAIN = b"Delivered-To: ann@sink.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello\r\n"
IMAGE = (
    b"Content-Type: multipart/related; boundary=x\r\n\r\n"
    b'--x\r\nContent-Type: text/html\r\n\r\n<img src="cid:logo"><img src="cid:none">\r\n'
    b"--x\r\nContent-Type: image/png\r\nContent-ID: <logo>\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--x--\r\n"
)
BROKEN = [
    b"",
    b"\x00\xff\xfe",
    b"Subject: =?x?q?=ff?=\r\n\r\n",
    b"Content-Type: text/html; charset=nonsense\r\n\r\n<p>x\xff</p>",
    b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
    b"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
    b"From: \r\n" * 2000,
    b"To: " + b"(" * 5000 + b"\r\n\r\n",
    b"Subject: a\r\n b\x00c\r\nContent-ID: <\xff>\r\n\r\n",
    b"Content-Type: " + b"a/b;" * 3000 + b"\r\n\r\nx",
]


def folder_with(tmp_path: Path, source: bytes) -> Folder:
    (tmp_path / "1.eml").write_bytes(source)
    return Folder(str(tmp_path))


def test_a_mail_is_taken_apart(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, PLAIN)
    (line,) = folder.newest(10)
    assert (line.subject, line.recipient, line.size_bytes) == (
        "Grüße",
        "ann@sink.example",
        len(PLAIN),
    )
    mail = folder.read("1.eml")
    assert (mail.subject, mail.text.strip(), mail.html) == ("Grüße", "Hello", "")
    assert mail.source == PLAIN


def test_pictures_of_the_mail_itself_are_shown(tmp_path: Path) -> None:
    html = folder_with(tmp_path, IMAGE).read("1.eml").html
    assert 'src="data:image/png;base64,aGVsbG8="' in html
    assert 'src="cid:none"' in html


@pytest.mark.parametrize("source", BROKEN)
def test_a_broken_mail_can_be_looked_at(tmp_path: Path, source: bytes) -> None:
    folder = folder_with(tmp_path, source)
    assert len(folder.newest(10)) == 1
    assert folder.read("1.eml").source == source


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_looked_at(source: bytes) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as place:
        folder = folder_with(Path(place), source)
        folder.newest(10)
        assert folder.read("1.eml").source == source


def test_a_mail_that_goes_while_the_folder_is_read_hides_no_other(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, PLAIN)
    (tmp_path / "2.eml").symlink_to(tmp_path / "gone.eml")
    assert [line.name for line in folder.newest(10)] == ["1.eml"]


def test_parts_within_parts_without_end_leave_the_headers_and_the_source(tmp_path: Path) -> None:
    source = b"Subject: deep\r\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
        for n in range(2000)
    )
    mail = folder_with(tmp_path, source).read("1.eml")
    assert (mail.subject, mail.html, mail.text, mail.source) == ("deep", "", "", source)


def test_one_picture_shown_a_thousand_times_does_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(received, "MOST_IMAGE_CHARS", 100)
    many = IMAGE.replace(b'<img src="cid:none">', b'<img src="cid:logo">' * 1000)
    html = folder_with(tmp_path, many).read("1.eml").html
    assert (html.count("data:image/png"), html.count('"cid:logo"')) == (3, 998)


@pytest.mark.parametrize(
    "name", ["", "..", "../secret.eml", "a/b.eml", ".hidden.eml", "1.txt", "2.eml", "x\x00.eml"]
)
def test_no_other_file_is_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.eml").write_bytes(b"secret")
    (tmp_path / "mails").mkdir()
    folder = folder_with(tmp_path / "mails", PLAIN)
    with pytest.raises(Problem) as refused:
        folder.read(name)
    assert refused.value.status == 404


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Problem) as refused:
        Folder(str(tmp_path / "none")).newest(10)
    assert refused.value.status == 503
