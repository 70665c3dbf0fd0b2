"""The listeners' certificate: from files, read again when they change, or one we sign ourselves."""

import logging
import os
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.errors import Misconfigured
from shared.smtp_server.reply import one_line

log = logging.getLogger("ekiden.smtp")

VALID_DAYS = 3650
_BACKDATED = timedelta(days=1)  # for clients whose clock is late


class Certificate:
    """Gives the TLS context for a session that begins now."""

    def __init__(self, certificate_file: str, key_file: str, host: str) -> None:
        """Raises `Misconfigured`."""
        if key_file and not certificate_file:
            raise Misconfigured("listen.tls_key without listen.tls_certificate: name both, or none")
        self._files = [certificate_file, key_file or certificate_file] if certificate_file else []
        self._seen = self._stamps()
        if self._files:
            self._context = _from_files(*self._files)
        else:
            self._context = _self_signed(host)

    def context(self) -> ssl.SSLContext:
        """The context; made again if the files have changed. A bad new one changes nothing."""
        if self._files and (stamps := self._stamps()) != self._seen:
            self._seen = stamps
            try:
                self._context = _from_files(*self._files)
                log.info("the certificate was read again")
            except Misconfigured as error:
                log.error("the certificate stays as it was: %s", one_line(str(error)))
        return self._context

    def _stamps(self) -> list[tuple[int, int]]:
        stamps = []
        for name in self._files:
            try:
                found = os.stat(name)
                stamps.append((found.st_mtime_ns, found.st_ino))
            except OSError:
                stamps.append((0, 0))  # being replaced: reading it will say more
        return stamps


def _from_files(certificate_file: str, key_file: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        # Without a password to answer with, OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate_file, key_file, password="")
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Misconfigured(f"listen.tls_certificate: {certificate_file}: {error}") from error
    return context


def _self_signed(host: str) -> ssl.SSLContext:
    """OpenSSL reads certificates from files only, so it lies in one for a moment."""
    with tempfile.TemporaryDirectory(prefix="ekiden-tls-") as directory:
        path = Path(directory) / "self-signed.pem"
        path.touch(0o600)
        path.write_bytes(self_signed(host, datetime.now(UTC)))
        return _from_files(str(path), str(path))


def self_signed(host: str, now: datetime) -> bytes:
    """A key and its certificate, PEM: enough to encrypt, and to be pinned, not to be trusted."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(pem)
