"""Macros in SPF records, such as `%{i}._spf.%{d}` (RFC 7208 §7). Pure."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

_EXPAND = r"%\{[slodiphv][0-9]*r?[.\-+,/_=]*\}"
_LITERAL = r"[!-$&-~]"
_PIECE = rf"(?:{_EXPAND}|%%|%_|%-|{_LITERAL})"
_STRING = re.compile(rf"{_PIECE}*", re.IGNORECASE)
_LABEL = r"(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9-]*[a-z0-9])"
_SPEC = re.compile(rf"{_PIECE}*(?:\.{_LABEL}\.?|{_EXPAND})", re.IGNORECASE)
_MACRO = re.compile(r"%(?:\{([a-z])([0-9]*)(r?)([.\-+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_ZERO = re.compile(r"%\{[a-z]0+[^0-9]", re.IGNORECASE)
_SINGLE = {"%": "%", "_": " ", "-": "%20"}
LONGEST_NAME = 253


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What macros stand for."""

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    sender: str
    helo: str
    domain: str
    """Whose record it is."""


def is_macro_string(text: str) -> bool:
    return bool(_STRING.fullmatch(text)) and not _ZERO.search(text)


def is_domain_spec(text: str) -> bool:
    """RFC 7208 §7.1: it ends in a label that is no number, or in a macro."""
    return bool(_SPEC.fullmatch(text)) and not _ZERO.search(text)


def expand(spec: str, where: Circumstances) -> str:
    """The name that a domain-spec means, cut from the left to what fits (RFC 7208 §7.3)."""
    name = _MACRO.sub(lambda match: _value(match, where), spec).removesuffix(".")
    while len(name) > LONGEST_NAME and "." in name:
        name = name.partition(".")[2]
    return name


def _value(match: re.Match[str], where: Circumstances) -> str:
    letter, digits, is_reversed, delimiters, single = match.groups()
    if single:
        return _SINGLE[single]
    parts = re.split(f"[{re.escape(delimiters or '.')}]", _letter(letter.lower(), where))
    if is_reversed:
        parts.reverse()
    # A number of any length was read: more than there are labels is all of them.
    value = ".".join(parts[-int(digits[:4]) :] if digits else parts)
    return quote(value, safe="-._~") if letter.isupper() else value


def _letter(letter: str, where: Circumstances) -> str:
    local, _, domain = where.sender.rpartition("@")
    return {
        "s": f"{local or 'postmaster'}@{domain}",
        "l": local or "postmaster",
        "o": domain,
        "d": where.domain,
        "i": _dotted(where.address),
        "p": "unknown",  # RFC 7208 §7.3 allows it, and asks not to use `p`
        "v": "in-addr" if where.address.version == 4 else "ip6",
        "h": where.helo,
    }[letter]


def _dotted(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    if address.version == 4:
        return str(address)
    return ".".join(address.exploded.replace(":", ""))
