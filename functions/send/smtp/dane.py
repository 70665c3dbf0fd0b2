"""Whether TLSA records prove a server's certificate (RFC 6698, RFC 7671, RFC 7672). No I/O.

Mail knows two usages (RFC 7672 §3.1). DANE-EE (3) names the server's own certificate or key, and
nothing else of it counts, neither name nor dates. DANE-TA (2) names the authority, which has to be
in the chain that the server presents; from there on it is checked like any other chain.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from functions.send.smtp.target import Tlsa

if TYPE_CHECKING:
    from cryptography import x509

AUTHORITY, END_ENTITY = 2, 3
_WHOLE, _KEY = 0, 1
_EXACT, _SHA256, _SHA512 = 0, 1, 2
_DIGEST_BYTES = {_SHA256: 32, _SHA512: 64}


class NotProven(Exception):
    """There are records, and the certificate is not what they say."""


def usable(records: Iterable[Tlsa]) -> list[Tlsa]:
    """Without those that mail does not know or that make no sense (RFC 7672 §3.1.3), and without
    those whose digest is weaker than another for the same purpose (RFC 7671 §9)."""
    known = [each for each in records if _is_known(each)]
    strong = {(each.usage, each.selector) for each in known if each.matching == _SHA512}
    return [
        each
        for each in known
        if each.matching != _SHA256 or (each.usage, each.selector) not in strong
    ]


def check(records: Sequence[Tlsa], chain: Sequence[bytes], host: str, at: datetime) -> None:
    """`records` are usable ones; `chain` is in DER, as presented, the server's own first.

    Raises `NotProven`.
    """
    leaf, others = _parse(chain)
    if any(_matches(record, leaf) for record in records if record.usage == END_ENTITY):
        return
    authorities = [
        each
        for each in others
        if any(_matches(record, each) for record in records if record.usage == AUTHORITY)
    ]
    if not authorities:
        raise NotProven("the certificate matches no TLSA record")
    _check_chain(authorities, leaf, others, host, at)


def _parse(chain: Sequence[bytes]) -> "tuple[x509.Certificate, list[x509.Certificate]]":
    """The server's own certificate, and all others that can be read."""
    from cryptography import x509  # not for those who have no DANE

    if not chain:
        raise NotProven("the server presents no certificate")
    try:
        leaf = x509.load_der_x509_certificate(chain[0])
    except ValueError as nonsense:
        raise NotProven(f"the certificate cannot be read: {nonsense}") from nonsense
    others: list[x509.Certificate] = []
    for each in chain[1:]:
        with suppress(ValueError):
            others.append(x509.load_der_x509_certificate(each))
    return leaf, others


def _is_known(record: Tlsa) -> bool:
    if record.usage not in (AUTHORITY, END_ENTITY) or record.selector not in (_WHOLE, _KEY):
        return False
    if record.matching == _EXACT:
        return record.data != b""
    return len(record.data) == _DIGEST_BYTES.get(record.matching)


def _matches(record: Tlsa, certificate: "x509.Certificate") -> bool:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        selected = _selected(record.selector, certificate)
    except (ValueError, UnsupportedAlgorithm):  # no key that we know
        return False
    if record.matching == _SHA256:
        selected = hashlib.sha256(selected).digest()
    elif record.matching == _SHA512:
        selected = hashlib.sha512(selected).digest()
    return selected == record.data


def _selected(selector: int, certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    if selector == _WHOLE:
        return certificate.public_bytes(Encoding.DER)
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_chain(
    authorities: "list[x509.Certificate]",
    leaf: "x509.Certificate",
    others: "list[x509.Certificate]",
    host: str,
    at: datetime,
) -> None:
    """From the certificate to an authority, with signatures, dates and the host's name."""
    from cryptography import x509
    from cryptography.x509 import verification

    anything = verification.ExtensionPolicy.permit_all()
    named = anything.require_present(
        x509.SubjectAlternativeName, verification.Criticality.AGNOSTIC, None
    )
    authority = anything.require_present(
        x509.BasicConstraints, verification.Criticality.AGNOSTIC, None
    )
    policy = (
        verification.PolicyBuilder()
        .store(verification.Store(authorities))
        .time(at)
        .extension_policies(ca_policy=authority, ee_policy=named)
    )
    try:
        policy.build_server_verifier(x509.DNSName(host)).verify(leaf, others)
    except (verification.VerificationError, ValueError) as no:
        text = str(no).removeprefix("validation failed: ").partition(" (encountered")[0]
        raise NotProven(f"its authority is right, the certificate is not: {text}") from no
