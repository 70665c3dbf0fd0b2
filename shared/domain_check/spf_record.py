"""The text of an SPF record, taken apart (RFC 7208 §4.6, §5, §6). Pure."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain_check.spf_macros import is_domain_spec, is_macro_string
from shared.errors import Malformed
from shared.networks import Network

_RECORD = re.compile(r"v=spf1(?: .*)?", re.IGNORECASE | re.DOTALL)
_TERM = re.compile(r"([+?~-]?)([a-z0-9]+)(?:([:/])(.*))?", re.IGNORECASE | re.DOTALL)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.IGNORECASE | re.DOTALL)
_PREFIXES = re.compile(r"(?:/(0|[1-9][0-9]?))?(?://(0|[1-9][0-9]{0,2}))?")
_LIKE_PREFIXES = re.compile(r"(?:/[0-9]*)?(?://[0-9]*)?$")
RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}

NEEDS_DOMAIN = ("include", "exists")
MAY_HAVE_DOMAIN = ("a", "mx", "ptr")
WITH_PREFIXES = ("a", "mx")


class PermError(Malformed):
    """The record cannot be read, or asks too much (RFC 7208 §2.6.7)."""


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One directive."""

    text: str
    result: str
    """What it says when it matches."""
    kind: str
    domain: str = ""
    """The domain-spec, macros and all; empty: the domain that the record is about."""
    network: Network | None = None
    """Of `ip4` and `ip6`."""
    prefix_v4: int = 32
    prefix_v6: int = 128


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A record."""

    mechanisms: tuple[Mechanism, ...]
    redirect: str = ""


def spf_texts(texts: Sequence[str]) -> list[str]:
    """Those of a name's TXT records that are SPF records (RFC 7208 §4.5)."""
    return [text for text in texts if _RECORD.fullmatch(text)]


def parse(text: str) -> SpfRecord:
    """Raises `PermError`."""
    if not text.isascii():
        raise PermError("it has characters beyond ASCII")
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, str] = {}
    for term in text.split(" ")[1:]:
        modifier = _MODIFIER.fullmatch(term)
        if modifier:
            _add_modifier(modifiers, modifier[1].lower(), modifier[2])
        elif term:
            mechanisms.append(_mechanism(term))
    return SpfRecord(tuple(mechanisms), modifiers.get("redirect", ""))


def _add_modifier(modifiers: dict[str, str], name: str, value: str) -> None:
    if name not in ("redirect", "exp"):
        if not is_macro_string(value):
            raise PermError(f"{name}={value}: what is behind the = cannot be read")
        return  # RFC 7208 §6: unknown ones are passed over
    if name in modifiers:
        raise PermError(f"{name}= is there twice")
    if not is_domain_spec(value):
        raise PermError(f"{name}={value} names no domain")
    modifiers[name] = value


def _mechanism(term: str) -> Mechanism:
    match = _TERM.fullmatch(term)
    kind = match[2].lower() if match else ""
    if match is None or kind not in ("all", "ip4", "ip6", *NEEDS_DOMAIN, *MAY_HAVE_DOMAIN):
        raise PermError(f"{term} is no mechanism")
    result, mark, rest = RESULTS[match[1] or "+"], match[3] or "", match[4] or ""
    if kind == "all":
        if mark:
            raise PermError(f"{term}: `all` takes nothing behind it")
        return Mechanism(term, result, kind)
    if kind in ("ip4", "ip6"):
        return Mechanism(term, result, kind, network=_network(term, kind, mark, rest))
    return _of_domain(term, result, kind, f"{mark}{rest}")


def _of_domain(term: str, result: str, kind: str, rest: str) -> Mechanism:
    v4, v6 = 32, 128
    if kind in WITH_PREFIXES:
        found = _LIKE_PREFIXES.search(rest)
        assert found is not None  # it may be empty
        v4, v6 = _prefix_lengths(term, found[0])
        rest = rest[: found.start()]
    domain = rest[1:]
    if rest and (rest[0] != ":" or not is_domain_spec(domain)):
        raise PermError(f"{term} names no domain")
    if not domain and kind in NEEDS_DOMAIN:
        raise PermError(f"{term} names no domain")
    return Mechanism(term, result, kind, domain, None, v4, v6)


def _prefix_lengths(term: str, text: str) -> tuple[int, int]:
    match = _PREFIXES.fullmatch(text)
    v4, v6 = (int(match[1] or 32), int(match[2] or 128)) if match else (99, 999)
    if v4 > 32 or v6 > 128:
        raise PermError(f"{term}: {text} is no prefix length")
    return v4, v6


def _network(term: str, kind: str, mark: str, text: str) -> Network:
    """RFC 7208 §5.6."""
    length = text.rpartition("/")[2] if "/" in text else "0"
    try:
        if mark != ":" or "%" in text or not re.fullmatch("0|[1-9][0-9]{0,2}", length):
            raise ValueError
        if kind == "ip4":
            return ipaddress.IPv4Network(text, strict=False)
        return ipaddress.IPv6Network(text, strict=False)
    except ValueError as error:
        raise PermError(f"{term} names no {kind} network") from error
