"""The check of the listeners' certificate."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from examination import check, only

from ekiden.doctor.certificates import covers
from ekiden.doctor.finding import Finding, State
from shared.smtp_server.certificate import VALID_DAYS, self_signed

HOST = "mail.example.com"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def seen(file: Path, after_days: float = 0, **options: str) -> Finding:
    at = (NOW + timedelta(days=after_days)).timestamp()
    ours = {"listen__tls_certificate": str(file), "send__hostname": HOST, **options}
    return only(check("certificates", clock=lambda: at, **ours))


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    file = tmp_path / "mail.pem"
    file.write_bytes(self_signed(HOST, NOW))
    return file


def test_a_good_certificate_is_well(pem: Path) -> None:
    finding = seen(pem)
    assert finding.state is State.OK
    assert "until 2036" in finding.seen


@pytest.mark.parametrize(
    ("after_days", "state"),
    [
        (VALID_DAYS - 15, State.OK),
        (VALID_DAYS - 13, State.WARNING),
        (VALID_DAYS, State.FAILED),
        (-2, State.FAILED),
    ],
)
def test_its_time_is_watched(pem: Path, after_days: float, state: State) -> None:
    assert seen(pem, after_days).state is state


def test_one_for_another_name_fails(pem: Path) -> None:
    finding = seen(pem, send__hostname="smtp.example.com")
    assert finding.state is State.FAILED
    assert f"it is for {HOST}, not for smtp.example.com" in finding.seen


def test_a_key_that_does_not_fit_fails(pem: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(self_signed(HOST, NOW))
    assert "KEY_VALUES_MISMATCH" in seen(pem, listen__tls_key=str(other)).seen


def test_one_without_any_name_fails(tmp_path: Path) -> None:
    """A common name alone has not counted for years."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=90))
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "pem").write_bytes(private + made.public_bytes(encoding))
    assert "it is for no name" in seen(tmp_path / "pem").seen


@pytest.mark.parametrize("content", [None, b"", b"no certificate", b"\x00\xff" * 99])
def test_a_file_that_cannot_be_read_fails(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "mail.pem"
    if content is not None:
        file.write_bytes(content)
    finding = seen(file)
    assert finding.state is State.FAILED
    assert "listen.tls_certificate" in finding.advice


def test_without_a_certificate_listeners_sign_their_own() -> None:
    assert only(check("certificates")).state is State.SKIPPED
    assert only(check("certificates", services__submission="true")).state is State.WARNING


@pytest.mark.parametrize(
    ("name", "host", "fits"),
    [
        ("mail.example.com", "MAIL.example.com", True),
        ("*.example.com", "mail.example.com", True),
        ("*.example.com", "a.mail.example.com", False),
        ("*.example.com", "example.com", False),
        ("192.0.2.1", "[192.0.2.1]", True),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_a_star_is_one_label(name: str, host: str, fits: bool) -> None:
    assert covers(name, host) is fits
