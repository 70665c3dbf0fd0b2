"""MTA-STS (RFC 8461): what a domain's record and its policy file say. No I/O.

The record says that there is a policy, and by its id when it has changed; the policy says which
hosts take the domain's mail, and that they can do TLS with a certificate that proves their names.
"""

import re
from enum import StrEnum

import msgspec

from shared.errors import Malformed

LONGEST_AGE_S = 31_557_600
"""A year (RFC 8461 §3.2)."""
MOST_PATTERNS = 1000

_RECORD = re.compile(r"v=STSv1[ \t]*(?:;|$)")
_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_PATTERN = re.compile(rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*")


class Mode(StrEnum):
    """What a sender does about a host that does not fit (RFC 8461 §5)."""

    ENFORCE = "enforce"
    """It does not deliver there."""
    TESTING = "testing"
    """It delivers; it might report (RFC 8460)."""
    NONE = "none"
    """There is no policy any more."""


class Policy(msgspec.Struct, frozen=True):
    """A policy file."""

    mode: Mode
    max_age_s: int
    """How long after it was fetched the policy holds."""
    mx: tuple[str, ...] = ()
    """Host names in lower case; `*.` in front stands for exactly one label."""

    def allows(self, host: str) -> bool:
        """Whether an MX host is one of the policy's (RFC 8461 §4.1)."""
        host = host.lower().rstrip(".")
        above = "*." + host.partition(".")[2]
        return host in self.mx or above in self.mx


def record_id(texts: list[str]) -> str | None:
    """The policy's id, by the TXT records of `_mta-sts.<domain>` (RFC 8461 §3.1).

    None if there is no policy: no such record, more than one, or one that is malformed.
    """
    records = [text for text in texts if _RECORD.match(text)]
    if len(records) != 1:
        return None
    fields: dict[str, str] = {}
    for part in records[0].split(";"):
        name, equals, value = part.strip(" \t").partition("=")
        if equals:
            fields.setdefault(name, value)  # §3.2: of a repeated field the first counts
    return fields["id"] if _ID.fullmatch(fields.get("id", "")) else None


def parse_policy(text: str) -> Policy:
    """Read a policy file (RFC 8461 §3.2). Unknown fields are left out. Raises `Malformed`."""
    fields: dict[str, str] = {}
    mx: list[str] = []
    for line in re.split(r"\r?\n", text):
        name, colon, value = line.partition(":")
        name, value = name.strip(" \t"), value.strip(" \t")
        if not colon and name:
            raise Malformed(f"policy: {line[:80]!r} is no field")
        if name == "mx":
            mx.append(value.lower())
        else:
            fields.setdefault(name, value)
    if fields.get("version") != "STSv1":
        raise Malformed("policy: its version is not STSv1")
    return Policy(_mode(fields), _max_age_s(fields), _patterns(fields, mx))


def _mode(fields: dict[str, str]) -> Mode:
    try:
        return Mode(fields.get("mode", ""))
    except ValueError:
        raise Malformed("policy: its mode is not enforce, testing or none") from None


def _max_age_s(fields: dict[str, str]) -> int:
    max_age = fields.get("max_age", "")
    if not re.fullmatch("[0-9]{1,10}", max_age):
        raise Malformed("policy: its max_age is no number of seconds")
    return min(int(max_age), LONGEST_AGE_S)


def _patterns(fields: dict[str, str], mx: list[str]) -> tuple[str, ...]:
    if not mx and fields["mode"] != Mode.NONE:
        raise Malformed("policy: it names no mx")
    if len(mx) > MOST_PATTERNS:
        raise Malformed(f"policy: it names more than {MOST_PATTERNS} mx")
    for pattern in mx:
        if not _PATTERN.fullmatch(pattern):
            raise Malformed(f"policy: {pattern[:80]!r} is no mx")
    return tuple(mx)
