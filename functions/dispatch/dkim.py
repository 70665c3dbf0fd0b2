"""The DKIM signature of one message (RFC 6376; Ed25519: RFC 8463), relaxed/relaxed.

Same message, same time stamp, same keys: same bytes. The checks of what it makes are in
`tests/dkim`, where dkimpy and OpenDKIM verify.
"""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from functions.dispatch.canonical import (
    canonical_name,
    encode_headers,
    relaxed_body,
    relaxed_header,
    split_message,
)
from shared.dkim_keys import PrivateKey, check_dns_name
from shared.dkim_stored import Algorithm
from shared.errors import Malformed, Misconfigured

__all__ = [
    "OVERSIGNED",
    "SIGNED",
    "DkimKey",
    "Signer",
    "relaxed_body",
    "relaxed_header",
    "sign_message",
    "split_message",
]

SIGNED = (
    *("from", "sender", "reply-to", "subject", "date", "to", "cc", "message-id"),
    *("in-reply-to", "references", "resent-date", "resent-from", "resent-to", "resent-cc"),
    *("mime-version", "content-type", "content-transfer-encoding", "content-disposition"),
    *("list-id", "list-help", "list-unsubscribe", "list-unsubscribe-post", "list-subscribe"),
    *("list-post", "list-owner", "list-archive", "auto-submitted", "feedback-id"),
)
"""Signed wherever present, in this order: RFC 6376 §5.4.1, RFC 8058 §4, and what filters act on."""

OVERSIGNED = frozenset({"from", "subject", "date", "to"})
"""Listed once more than present, so that nobody can add one (RFC 6376 §5.4.2, §8.15)."""

_LINE_MAX_CHARS = 76  # RFC 5322 §2.1.1 asks for 78
_BASE64_LINE_CHARS = 72
_PADDING = PKCS1v15()
_SHA256 = SHA256()


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A private key and the selector under which its public half is published."""

    selector: str
    algorithm: Algorithm
    private_key: PrivateKey


class Signer:
    """Signs the messages of one Domain, with one signature per key."""

    def __init__(self, domain: str, keys: Sequence[DkimKey]) -> None:
        """Raises `Misconfigured` without keys or if one does not fit its algorithm."""
        if not keys:
            raise Misconfigured(f"the Domain {domain} has no DKIM key to sign with")
        check_dns_name("domain", domain)
        self._parts = [_KeyParts.of(domain, key) for key in keys]

    def sign(self, headers: Sequence[tuple[str, str]], body: bytes, timestamp: int) -> bytes:
        """The DKIM-Signature fields to put before a message, each with its CRLF.

        `headers` are (name, value) in the message's order, as `split_message` gives them; values
        may be folded. `timestamp` is in seconds since 1970. Raises `Malformed` without a From
        header (RFC 6376 §5.4), or if a signed value has a line break that is no folding.
        """
        h_tag, order = _select(tuple([name for name, _ in headers]))
        signed = "".join([relaxed_header(*headers[index]) for index in order])
        body_hash = b64encode(sha256(relaxed_body(body)).digest()).decode("ascii")
        tags = f"{timestamp:d}; bh={body_hash};\r\n {h_tag};\r\n b="
        # A signature covers its own field with b= empty and without CRLF (RFC 6376 §3.7). Our
        # line breaks stand before exactly one space and behind none: unfolding them is all.
        tags_relaxed = tags.replace("\r\n", "")
        fields = []
        for part in self._parts:
            data = encode_headers(f"{signed}{part.start_relaxed}{tags_relaxed}")
            fields.append(f"{part.start}{tags}{_fold_base64(part.sign(data))}\r\n")
        return "".join(fields).encode("ascii")


def sign_message(signer: Signer, message: bytes, timestamp: int) -> bytes:
    """The DKIM-Signature fields to put before a ready-made message with CRLF line ends.

    Raises `Malformed` if its headers cannot be read, or have no From.
    """
    headers, body = split_message(message)
    return signer.sign(headers, body, timestamp)


@dataclass(frozen=True, slots=True)
class _KeyParts:
    """What all signatures of one key have in common."""

    start: str
    start_relaxed: str
    sign: Callable[[bytes], bytes]

    @classmethod
    def of(cls, domain: str, key: DkimKey) -> "_KeyParts":
        check_dns_name("selector", key.selector)
        signing_domain = f"d={domain}; s={key.selector};"
        if len(signing_domain) >= _LINE_MAX_CHARS:
            signing_domain = f"d={domain};\r\n s={key.selector};"
        value = f"v=1; a={key.algorithm}; c=relaxed/relaxed;\r\n {signing_domain}\r\n t="
        relaxed = relaxed_header("DKIM-Signature", value).removesuffix("\r\n")
        return cls(f"DKIM-Signature: {value}", relaxed, _sign_function(key))


def _sign_function(key: DkimKey) -> Callable[[bytes], bytes]:
    private_key = key.private_key
    if key.algorithm == "rsa-sha256" and isinstance(private_key, RSAPrivateKey):
        return lambda data: private_key.sign(data, _PADDING, _SHA256)
    if key.algorithm == "ed25519-sha256" and isinstance(private_key, Ed25519PrivateKey):
        # PureEdDSA over the SHA-256 digest, not over the data (RFC 8463 §3).
        return lambda data: private_key.sign(sha256(data).digest())
    raise Misconfigured(f"the DKIM key of selector {key.selector!r} is no {key.algorithm} key")


@lru_cache(maxsize=64)
def _select(names: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    """The folded h= tag, and the positions of the fields in the order in which it names them.

    Of a name that occurs more than once, the last field comes first (RFC 6376 §5.4.2). The
    messages of a Batch have the same names, so this is worked out once for them.
    """
    positions: dict[str, list[int]] = {name: [] for name in SIGNED}
    for position in reversed(range(len(names))):
        positions.get(canonical_name(names[position]), []).append(position)
    if not positions["from"]:
        raise Malformed("a message without a From header cannot be signed")
    listed: list[str] = []
    for name, found in positions.items():
        listed += [name] * (len(found) + (name in OVERSIGNED))
    order = tuple(position for found in positions.values() for position in found)
    return _fold_names(listed), order


def _fold_names(listed: Sequence[str]) -> str:
    """`h=from:from:…`, folded behind colons (RFC 6376 §3.5)."""
    lines = ["h=" + listed[0]]
    for name in listed[1:]:
        # One column for the space of the folding, two for this colon and what follows the name.
        if len(lines[-1]) + len(name) + 3 > _LINE_MAX_CHARS:
            lines.append(name)
            lines[-2] += ":"
        else:
            lines[-1] += ":" + name
    return "\r\n ".join(lines)


def _fold_base64(signature: bytes) -> str:
    text = b64encode(signature).decode("ascii")
    step = _BASE64_LINE_CHARS
    return "\r\n ".join([text[start : start + step] for start in range(0, len(text), step)])
