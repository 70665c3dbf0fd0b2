"""The PROXY protocol's header, versions 1 and 2: which client a load balancer speaks for. Sans-I/O.

Specification: haproxy's `proxy-protocol.txt`. aiosmtpd reads it too, but from everybody or from
nobody, with no bound on its parts, and inside TLS where a balancer writes it in front.
"""

import re
import struct
from ipaddress import IPv4Address, IPv6Address, ip_address

from shared.errors import Malformed

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
FIRST_BYTES = 15
"""Both versions have at least so many: "PROXY UNKNOWN" with its CRLF, and 16."""
MAX_V1_BYTES = 107
MAX_V2_BYTES = 2048
"""Addresses, and what balancers add to them; the length's field could say 65,535."""

_V1 = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|TCP([46]) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5}))\r\n"
)
_V2_HEAD = struct.Struct("!12sBBH")
_V2_ADDRESSES = {0x11: (IPv4Address, 4), 0x21: (IPv6Address, 16)}
"""TCP over IPv4 and IPv6: the kind of address, and its bytes."""


def wanted(header: bytes) -> int:
    """How many bytes are still missing, at least. Raises `Malformed`."""
    if len(header) < FIRST_BYTES:
        return FIRST_BYTES - len(header)
    if header.startswith(b"PROXY "):
        if len(header) > MAX_V1_BYTES:
            raise Malformed("a PROXY header has no end")
        return 0 if b"\n" in header else 1
    if not header.startswith(SIGNATURE):
        raise Malformed("the connection does not begin with a PROXY header")
    if len(header) < _V2_HEAD.size:
        return _V2_HEAD.size - len(header)
    total = int(_V2_HEAD.size + _V2_HEAD.unpack_from(header)[3])
    if total > MAX_V2_BYTES:
        raise Malformed(f"a PROXY header of {total} bytes")
    return total - len(header)


def client_of(header: bytes) -> str | None:
    """The client's address; None when the balancer speaks for itself. Raises `Malformed`."""
    if header.startswith(SIGNATURE):
        return _client_v2(header)
    match = _V1.fullmatch(header)
    if match is None:
        raise Malformed("a PROXY header of version 1 that cannot be read")
    if match[1] is None:
        return None
    try:
        source, target = ip_address(match[2].decode()), ip_address(match[3].decode())
    except ValueError as error:
        raise Malformed("a PROXY header with an address that is none") from error
    if not source.version == target.version == int(match[1]):
        raise Malformed("a PROXY header with an address of the other family")
    if max(int(match[4]), int(match[5])) > 65535:
        raise Malformed("a PROXY header with a port that is none")
    return str(source)


def _client_v2(header: bytes) -> str | None:
    _, command, family, _ = _V2_HEAD.unpack_from(header)
    if command == 0x20:  # LOCAL: a health check
        return None
    if command != 0x21:
        raise Malformed("a PROXY header with an unknown version or command")
    if family not in _V2_ADDRESSES:
        raise Malformed("a PROXY header for something else than TCP")
    kind, size_bytes = _V2_ADDRESSES[family]
    if len(header) < _V2_HEAD.size + 2 * size_bytes + 4:
        raise Malformed("a PROXY header whose addresses are cut off")
    return str(kind(header[_V2_HEAD.size : _V2_HEAD.size + size_bytes]))
