"""Mail addresses: RFC 5321 §4.1.2 syntax, RFC 6531 for other alphabets, RFC 5890 for their domains.

Quoted local parts and other alphabets are accepted; address literals (`user@[192.0.2.1]`) are not:
no Recipient of a Batch has one, and they make a relay scan networks.
"""

import re
from unicodedata import normalize

MAX_LOCAL_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAX_DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2
MAX_LABEL_OCTETS = 63  # RFC 1035 §2.3.4
MAX_MAILBOX_CHARS = 998  # RFC 5322 §2.1.1: no header line is longer

# By what is no atext: naming all other alphabets takes 4 ms to compile, at each start.
_ATEXT = r'[^\x00-\x20\x7f"(),.:;<>@\[\\\]]+'
_LOCAL = re.compile(rf'{_ATEXT}(?:\.{_ATEXT})*|"(?:[ !#-\[\]-~]|\\[ -~])*"')
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+(?!\d+$){_LABEL}")
_COMMON = re.compile(rf"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@{_DOMAIN.pattern}")
_MAILBOX = re.compile(r'((?:[^"\\<>@,:;]|"(?:[^"\\]|\\.)*")*)<([^<>]*)>')
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT = re.compile(r'\([^()"\\]*\)')
_LIST_TOKEN = re.compile(rf'{_QUOTED.pattern}|<[^<>]*>|{_COMMENT.pattern}|[^"<(,:;]+|.', re.DOTALL)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\ufeff]")


def normal(address: str) -> str | None:
    """The address with its domain in lower-case A-labels, or None if it is no address."""
    local, _, domain = address.rpartition("@")
    if len(local) <= MAX_LOCAL_OCTETS and _COMMON.fullmatch(address):
        return f"{local}@{domain.lower()}" if len(domain) <= MAX_DOMAIN_OCTETS else None
    if _UNPRINTABLE.search(address) or not _LOCAL.fullmatch(local):
        return None
    if len(local.encode("utf-8", "replace")) > MAX_LOCAL_OCTETS:
        return None
    name = normal_domain(domain)
    return f"{local}@{name}" if name else None


def normal_domain(domain: str) -> str | None:
    """The domain in lower-case A-labels, or None if it is no domain."""
    if not domain.isascii():
        import idna  # only for other alphabets: it loads large tables

        try:
            domain = idna.encode(domain, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    if len(domain) > MAX_DOMAIN_OCTETS or not _DOMAIN.fullmatch(domain):
        return None
    return domain.lower()


def domain_of(address: str) -> str:
    """The part behind the last `@`."""
    return address.rpartition("@")[2]


def identity(address: str) -> str:
    """The same for all spellings of one mailbox.

    Of case, which does not matter to us (RFC 5321 §2.4), of quotation marks (§4.1.2), and of
    letters that may be written as one character or as two (RFC 6532 §3.1).
    """
    if address.isascii() and not address.startswith('"'):
        return address.casefold()
    local, at, domain = address.rpartition("@")
    if _QUOTED.fullmatch(local):
        local = _unquoted(local)
    return normalize("NFC", normalize("NFD", f"{local}{at}{domain}").casefold())


def normal_mailbox(text: str) -> tuple[str, str] | None:
    """(display name, address) of `Name <a@b>` or `a@b` (RFC 5322 §3.4), or None.

    Exactly one: what others may read as two, or as another one, is none.
    """
    if len(text) > MAX_MAILBOX_CHARS or _UNPRINTABLE.search(text):
        return None
    match = _MAILBOX.fullmatch(text.strip())
    name, found = (match[1], match[2]) if match else ("", text)
    address = normal(found.strip())
    return (
        (_QUOTED.sub(lambda match: _unquoted(match[0]), name).strip(), address) if address else None
    )


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])


def mailboxes_of(value: str) -> list[str]:
    """The members of an address list, a text each (RFC 5322 §3.4): groups opened, comments gone.

    What is no mailbox comes back as it stands: the caller says what to make of it.
    """
    members: list[list[str]] = [[]]
    for token in _LIST_TOKEN.findall(value):
        if token in (",", ";"):
            members.append([])
        elif token == ":":
            members[-1].clear()  # that was a group's name
        else:
            members[-1].append(" " if _COMMENT.fullmatch(token) else token)
    texts = ["".join(member).strip() for member in members]
    return [text for text in texts if text]


def is_printable(text: str) -> bool:
    """Whether the text can stand in one header line: no CR, LF, NUL or other control."""
    return _UNPRINTABLE.search(text) is None
