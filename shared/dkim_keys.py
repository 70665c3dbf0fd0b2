"""DKIM key pairs: made, stored as PEM, and published as a DNS record (RFC 6376 §3.6, RFC 8463)."""

import re
import time
from base64 import b64encode

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from shared.dkim_stored import Algorithm, StoredKey
from shared.errors import Malformed

PrivateKey = RSAPrivateKey | Ed25519PrivateKey

RSA_SIZE_BITS = 2048
"""RFC 8301 §3.2 asks for this much; the record of a longer key outgrows a 512-byte UDP answer."""
RSA_MIN_SIZE_BITS = 1024
"""RFC 8301 §3.2: verifiers refuse what is shorter."""

_TXT_STRING_MAX_BYTES = 255  # RFC 1035 §3.3: one length octet
_DNS_LABELS = re.compile(
    r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.I
)


def generate(algorithm: Algorithm, selector: str, created: float | None = None) -> StoredKey:
    """A new key pair: RSA-2048 or Ed25519. `created` is now unless told.

    Raises `Malformed` if the selector cannot be part of a DNS name.
    """
    check_dns_name("selector", selector)
    key: PrivateKey
    if algorithm == "rsa-sha256":
        key = generate_private_key(public_exponent=65537, key_size=RSA_SIZE_BITS)
    else:
        key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    return StoredKey(selector, algorithm, pem, time.time() if created is None else created)


def load(stored: StoredKey) -> PrivateKey:
    """The private key object of a stored key.

    Raises `Malformed` if the PEM cannot be read, is encrypted, is too short, or is no key of the
    algorithm that it says it is.
    """
    where = f"the DKIM key of selector {stored.selector!r}"
    try:
        # Looking whether the primes are primes takes 39 ms of a cold start; `_check_pair` tells
        # what matters of it in one.
        key = load_pem_private_key(
            stored.private_key_pem.encode(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise Malformed(f"{where} is no unencrypted private key in PEM: {error}") from error
    wanted = RSAPrivateKey if stored.algorithm == "rsa-sha256" else Ed25519PrivateKey
    if not isinstance(key, wanted):
        raise Malformed(f"{where} says {stored.algorithm}, but its PEM holds another kind of key")
    if isinstance(key, RSAPrivateKey) and key.key_size < RSA_MIN_SIZE_BITS:
        raise Malformed(f"{where} has {key.key_size} bits; verifiers ask for {RSA_MIN_SIZE_BITS}")
    if isinstance(key, RSAPrivateKey):
        _check_pair(key, where)
    return key


def _check_pair(key: RSAPrivateKey, where: str) -> None:
    """A signature that its own public half verifies. Raises `Malformed`."""
    try:
        signature = key.sign(b"", PKCS1v15(), SHA256())
        key.public_key().verify(signature, b"", PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature) as error:
        raise Malformed(f"{where} is damaged: what it signs does not verify") from error


def dns_record(selector: str, domain: str, key: PrivateKey) -> tuple[str, str]:
    """(name, text) of the TXT record that publishes the public half (RFC 6376 §3.6.1, RFC 8463 §4).

    The text is whole; `txt_strings` and `zone_line` cut it for places that need that.
    """
    check_dns_name("selector", selector)
    check_dns_name("domain", domain)
    if isinstance(key, RSAPrivateKey):
        kind = "rsa"
        public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind = "ed25519"
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    text = f"v=DKIM1; k={kind}; p={b64encode(public).decode('ascii')}"
    return f"{selector}._domainkey.{domain}", text


def txt_strings(text: str) -> list[str]:
    """The text of a TXT record in the strings of at most 255 bytes that DNS stores."""
    step = _TXT_STRING_MAX_BYTES
    return [text[start : start + step] for start in range(0, len(text), step)]


def zone_line(name: str, text: str) -> str:
    """The record as one line of a zone file (RFC 1035 §5.1)."""
    quoted = " ".join(f'"{string}"' for string in txt_strings(text))
    return f"{name}. IN TXT ( {quoted} )"


def check_dns_name(what: str, name: str) -> None:
    """Raise `Malformed` unless `name` is dot-separated labels in ASCII (A-labels, RFC 5890)."""
    if len(name) > 253 or not _DNS_LABELS.fullmatch(name):
        raise Malformed(f"the DKIM {what} {name!r} cannot be part of a DNS name")
