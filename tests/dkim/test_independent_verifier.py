"""OpenDKIM, which shares no line with us or dkimpy, verifies offline with keys from a file."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from generated_mail import messages

from functions.dispatch.dkim import DkimKey, Signer, sign_message
from shared.dkim_keys import dns_record

DOMAIN = "example.com"
TIMESTAMP = 1_700_000_000
OPENDKIM = shutil.which("opendkim", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(
    OPENDKIM is None, reason="opendkim is not installed (Debian: apt-get install opendkim)"
)

Verify = Callable[[Sequence[bytes]], list[list[str]]]


@pytest.fixture
def verify(tmp_path: Path, rsa: DkimKey, ed25519: DkimKey) -> Verify:
    """Gives for each message the results of its signatures: `pass`, `fail`, `permerror` …"""
    records = [dns_record(key.selector, DOMAIN, key.private_key) for key in (rsa, ed25519)]
    (tmp_path / "keys").write_text("".join(f"{name} {text}\n" for name, text in records))
    (tmp_path / "conf").write_text(f"Mode v\nTestPublicKeys {tmp_path / 'keys'}\n")

    def run(mail: Sequence[bytes]) -> list[list[str]]:
        files = [tmp_path / f"{number}.eml" for number in range(len(mail))]
        for file, message in zip(files, mail, strict=True):
            file.write_bytes(message)
        command = [str(OPENDKIM), "-x", "conf", "-vv", "-t", ",".join(file.name for file in files)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
        # One Authentication-Results field for each message, in the order of the files.
        reports = done.stdout.decode(errors="replace").split("hname='Authentication-Results'")[1:]
        assert len(reports) == len(mail), done
        return [re.findall(r"\bdkim=(\w+)", report) for report in reports]

    return run


@pytest.fixture(params=["rsa", "ed25519"])
def key(request: pytest.FixtureRequest) -> DkimKey:
    versions = subprocess.run([str(OPENDKIM), "-V"], capture_output=True, check=True).stdout
    found: DkimKey = request.getfixturevalue(request.param)
    if found.algorithm.encode() not in versions:
        pytest.skip(f"this build of opendkim does not verify {found.algorithm}")
    return found


def signed(message: bytes, *keys: DkimKey) -> bytes:
    return sign_message(Signer(DOMAIN, keys), message, TIMESTAMP) + message


def test_opendkim_accepts_generated_mail(verify: Verify, key: DkimKey) -> None:
    mail = [signed(message, key) for message in messages(seed=11, count=200)]
    assert verify(mail) == [["pass"]] * 200


def test_opendkim_accepts_real_html(verify: Verify, key: DkimKey, html_bodies: list[bytes]) -> None:
    head = b"From: a@example.com\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    mail = [signed(head + body, key) for body in html_bodies]
    assert verify(mail) == [["pass"]] * len(mail)


def test_opendkim_refuses_a_changed_body(verify: Verify, key: DkimKey) -> None:
    mail = [signed(message, key) + b"PS\r\n" for message in messages(seed=12, count=20)]
    assert verify(mail) == [["fail"]] * 20


@pytest.mark.parametrize("name", [b"From", b"To", b"Subject"])
def test_opendkim_refuses_a_changed_header(name: bytes, verify: Verify, key: DkimKey) -> None:
    message = signed(b"From: a@example.com\r\nTo: b@example.net\r\nSubject: Hi\r\n\r\nHi\r\n", key)
    changed = message.replace(b"\r\n" + name + b": ", b"\r\n" + name + b": x")
    assert verify([message, changed]) == [["pass"], ["fail"]]


@pytest.mark.parametrize("name", [b"To", b"Subject", b"Date"])
def test_opendkim_refuses_an_added_header(name: bytes, verify: Verify, key: DkimKey) -> None:
    message = signed(b"From: a@example.com\r\nSubject: Hi\r\n\r\nHi\r\n", key)
    assert verify([name + b": x\r\n" + message]) == [["fail"]]


def test_opendkim_accepts_both_signatures_of_two_keys(
    verify: Verify, rsa: DkimKey, ed25519: DkimKey
) -> None:
    mail = [signed(message, rsa, ed25519) for message in messages(seed=13, count=20)]
    assert verify(mail) == [["pass", "pass"]] * 20


def test_opendkim_accepts_a_last_line_without_a_line_break_once_smtp_has_added_it(
    verify: Verify, key: DkimKey
) -> None:
    message = b"From: a@example.com\r\n\r\nno line break after these blanks \t"
    assert verify([signed(message, key) + b"\r\n"]) == [["pass"]]
