"""Certificates for servers, made anew for every run: good ones, and all that can be wrong."""

import hashlib
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from functions.send.smtp.target import Tlsa

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def of(
        cls,
        name: str,
        issuer: "Identity | None" = None,
        *,
        authority: bool = False,
        until: datetime = NOW + DAY,
    ) -> "Identity":
        """Self-signed without an issuer."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or cls(None, key)  # type: ignore[arg-type]
        named = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - 2 * DAY)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(named, critical=False)
            .sign(signer.key, hashes.SHA256())
        )
        return cls(certificate, key)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_der(self) -> bytes:
        return self.key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def tlsa(self, usage: int, selector: int, matching: int) -> Tlsa:
        selected = self.key_der if selector else self.der
        digests = {1: hashlib.sha256, 2: hashlib.sha512}
        data = digests[matching](selected).digest() if matching in digests else selected
        return Tlsa(usage, selector, matching, data)


@dataclass
class Certificates:
    """Chains by the names that dialogs call them, the server's own certificate first."""

    folder: Path
    chains: dict[str, list[Identity]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        root = Identity.of("root", authority=True)
        middle = Identity.of("middle", root, authority=True)
        above = [middle, root]
        self.root = root
        self.middle = middle
        self.chains = {
            "self-signed": [Identity.of("mx.test")],
            "of-an-authority": [Identity.of("mx.test", middle), *above],
            "of-another-name": [Identity.of("other.test", middle), *above],
            "expired": [Identity.of("mx.test", middle, until=NOW - DAY), *above],
            "of-a-server": [Identity.of("mx.test", Identity.of("x", middle)), *above],
        }

    def server(self, name: str) -> ssl.SSLContext:
        """What a server with this chain takes."""
        chain = self.chains[name]
        (self.folder / "key.pem").write_bytes(
            chain[0].key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        (self.folder / "chain.pem").write_bytes(b"".join(each.pem for each in chain))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "chain.pem", self.folder / "key.pem")
        return context

    def record(self, text: str, name: str) -> Tlsa:
        """Such as `3 1 1 server`: of the server's own certificate, of the `middle` or the `root`
        above it, or of `another`; `malformed` has no digest of any."""
        *numbers, whose = text.split()
        usage, selector, matching = map(int, numbers)
        if whose == "malformed":
            return Tlsa(usage, selector, matching, b"\x00")
        own = self.chains[name][0]
        another = self.chains["of-another-name"][0]
        who = {"server": own, "middle": self.middle, "root": self.root, "another": another}
        return who[whose].tlsa(usage, selector, matching)
