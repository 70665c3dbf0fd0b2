"""Addresses of web servers that others name: taken apart once, refused when in doubt. Pure.

Parsers that disagree about one URL are how a request ends up elsewhere than where it was checked.
So only plain ones are taken, and all that follows uses the parts, not the text.
"""

import ipaddress
import re
from dataclasses import dataclass

from shared.errors import Malformed

LONGEST = 2000
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<target>[/?][!$-;=?-\[\]_a-z~]*)?",
    re.IGNORECASE,
)
"""No user name, no fragment, no backslash, no space, nothing beyond ASCII."""
_LABELS = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label that some resolvers read as an address: 2130706433 is 127.0.0.1 to them."""


@dataclass(frozen=True, slots=True)
class HttpUrl:
    """Where a request goes."""

    scheme: str
    host: str
    """In lower case; an IPv6 address without its brackets."""
    port: int
    target: str
    """Path and query."""

    @property
    def is_secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """As the Host header has it (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.is_secure else 80
        return host if self.port == usual else f"{host}:{self.port}"


def parse(text: str) -> HttpUrl:
    """Raises `Malformed`."""
    match = _URL.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise Malformed(
            f"{text[:100]!r} is no URL that can be called: write https://host/path, in ASCII, "
            "without user name and fragment"
        )
    scheme = match["scheme"].lower()
    port = int(match["port"] or (443 if scheme == "https" else 80))
    if not 0 < port < 65536:
        raise Malformed(f"{text[:100]!r}: {port} is no port")
    target = match["target"] or "/"
    return HttpUrl(
        scheme, _host(match["host"].lower()), port, target if target[0] == "/" else f"/{target}"
    )


def _host(written: str) -> str:
    if address := address_of(written):
        return address
    last = written.rstrip(".").rpartition(".")[2]
    if not _LABELS.fullmatch(written) or len(written) > 253 or _NUMBER.fullmatch(last):
        raise Malformed(f"{written[:100]!r} is no host")
    return written


def address_of(host: str) -> str:
    """The address that a host already is, or empty."""
    try:
        return str(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        return ""
