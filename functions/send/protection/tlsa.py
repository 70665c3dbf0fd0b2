"""TLSA records of a mail server: which of them can be checked (RFC 7672 §3). No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass

from functions.send.smtp.target import Tlsa

_DIGEST_BYTES = {1: 32, 2: 64}
"""Matching type → SHA-256, SHA-512 (RFC 6698 §2.1.3)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """A host has TLSA records."""

    base: str
    """The name that they were found under, which the certificate may have to prove (RFC 7672
    §3.2.2)."""
    usable: tuple[Tlsa, ...]
    """Empty: TLS all the same, but nothing to check the certificate by (RFC 7672 §2.2)."""


def usable(records: Iterable[Tlsa]) -> tuple[Tlsa, ...]:
    """Those that can be checked here: DANE-TA(2) and DANE-EE(3) only (RFC 7672 §3.1.3)."""
    return tuple(each for each in records if _is_usable(each))


def _is_usable(record: Tlsa) -> bool:
    if record.usage not in (2, 3) or record.selector not in (0, 1) or not record.data:
        return False
    if record.matching == 0:  # the certificate or key itself
        return True
    return len(record.data) == _DIGEST_BYTES.get(record.matching)
