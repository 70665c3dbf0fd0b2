"""What addresses, codes and texts in reports have in common, however they are written. Pure."""

import re

MAX_TEXT_CHARS = 1000
MAX_ADDRESS_CHARS = 320
"""RFC 5321 §4.5.3.1: 64 + 1 + 255."""

_HEX = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_ADDRESS = re.compile(r'<?\s*((?:"[^"]*"|[^\s"<>;,()\[\]])+@[^\s"<>;,()]+)')
_REPLY = re.compile(r"(?<![\w.])([45]\d\d)(?:[ -]#?([45]\.\d{1,3}\.\d{1,3})\b|(?=[ -]))")
_ENHANCED = re.compile(r"(?<![\w.])([245]\.\d{1,3}\.\d{1,3})(?![\w.])")


def clean(text: str) -> str:
    """On one line, printable, not too long: safe in a log and on a terminal."""
    words = " ".join(text[: 4 * MAX_TEXT_CHARS].split())
    return "".join(c for c in words if c.isprintable())[:MAX_TEXT_CHARS]


def address_in(text: str) -> str:
    """The first address in a text, or ""."""
    match = _ADDRESS.search(text[: 4 * MAX_ADDRESS_CHARS])
    return clean(match[1])[:MAX_ADDRESS_CHARS].rstrip(".:") if match else ""


def typed_address(value: str) -> str:
    """The address of `rfc822; a@b` (RFC 3464 §2.3.1) or `utf-8; …` (RFC 6533 §3)."""
    kind, semicolon, address = value.partition(";")
    if not semicolon:
        return address_in(value)
    if kind.strip().lower() == "utf-8":
        address = _HEX.sub(_character, address)
    return address_in(address)


def _character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    is_one = number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF
    return chr(number) if is_one else match[0]


def enhanced_in(text: str) -> str:
    """The first code of RFC 3463 in a text, or ""."""
    match = _ENHANCED.search(text[:MAX_TEXT_CHARS])
    return match[1] if match else ""


def reply_in(text: str) -> tuple[int | None, str, str]:
    """(code, enhanced, text) of the SMTP reply in a text; what stands before it is dropped.

    The lines of a reply repeat its codes (RFC 5321 §4.2.1, RFC 2034 §4): they are dropped too.
    """
    said = clean(text)
    match = _REPLY.search(said)
    if match is None:
        return None, enhanced_in(said), said
    code, enhanced = match[1], match[2] or ""
    rest = said[match.end() :].lstrip(" -")
    rest = re.sub(rf"(?:^|(?<=\s)){code}[ -](?:{re.escape(enhanced)} ?)?", "", rest)
    return int(code), enhanced or enhanced_in(rest), rest.strip()
