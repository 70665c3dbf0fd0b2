"""PROXY headers: both versions, and what is none."""

import struct
from ipaddress import ip_address

import pytest

from shared.errors import Malformed
from shared.smtp_server.proxy_header import SIGNATURE, client_of, wanted


def v2(command: int, family: int, body: bytes, length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return SIGNATURE + struct.pack("!BBH", command, family, size) + body


def addresses(source: str, target: str, rest: bytes = b"") -> bytes:
    packed = ip_address(source).packed + ip_address(target).packed
    return packed + struct.pack("!HH", 4000, 25) + rest


READABLE = [
    (b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25\r\n", "192.0.2.1"),
    (b"PROXY TCP6 2001:db8::1 2001:db8::2 65535 25\r\n", "2001:db8::1"),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f 1 2 3 anything\r\n", None),
    (v2(0x21, 0x11, addresses("192.0.2.1", "198.51.100.1")), "192.0.2.1"),
    (v2(0x21, 0x21, addresses("2001:db8::1", "2001:db8::2")), "2001:db8::1"),
    (v2(0x21, 0x11, addresses("192.0.2.1", "198.51.100.1", b"\x04\0\x03abc")), "192.0.2.1"),
    (v2(0x20, 0x00, b""), None),
    (v2(0x20, 0x11, addresses("192.0.2.1", "198.51.100.1")), None),
]


@pytest.mark.parametrize(("header", "client"), READABLE)
def test_a_header_says_whose_connection_it_is(header: bytes, client: str | None) -> None:
    assert wanted(header) == 0
    assert client_of(header) == client


@pytest.mark.parametrize("header", [header for header, _ in READABLE])
def test_never_more_is_read_than_the_header(header: bytes) -> None:
    read = b""
    stream = header + b"EHLO client.example\r\n"
    while missing := wanted(read):
        read, stream = read + stream[:missing], stream[missing:]
    assert (read, stream) == (header, b"EHLO client.example\r\n")


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO client.example\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25" + b"x" * 100,
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 25 26\r\n",
        b"PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 -1 25\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 1 25\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.1 1 25\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.1 1 25\r\n",
        b"PROXY TCP4 192.0.2.1\n198.51.100.1 1 25\r\n",
        b"proxy unknown  \r\n",
        v2(0x11, 0x11, addresses("192.0.2.1", "198.51.100.1")),
        v2(0x22, 0x11, addresses("192.0.2.1", "198.51.100.1")),
        v2(0x21, 0x12, addresses("192.0.2.1", "198.51.100.1")),
        v2(0x21, 0x31, b"x" * 216),
        v2(0x21, 0x11, b"short"),
        v2(0x21, 0x11, b"", length=65535),
        b"\r\n\r\n\x00\r\nQUIX\n!!!!",
    ],
)
def test_a_header_that_cannot_be_read_is_refused(header: bytes) -> None:
    with pytest.raises(Malformed):  # noqa: PT012 - either of the two may find out
        assert wanted(header) == 0
        client_of(header)
