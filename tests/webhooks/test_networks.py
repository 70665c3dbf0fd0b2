"""Which addresses requests of others may go to."""

import ipaddress

import pytest

from shared.errors import Misconfigured
from shared.networks import is_public, is_within, parse_networks

PUBLIC = [
    *("1.1.1.1", "8.8.8.8", "93.184.215.14", "172.15.255.255", "172.32.0.0", "100.63.255.255"),
    *("100.128.0.0", "192.167.255.255", "169.253.0.1", "223.255.255.255", "11.0.0.1"),
    *("2606:4700::1111", "2a00:1450:4001:830::200e", "64:ff9b::101:101", "2002:0101:0101::1"),
    "::ffff:8.8.8.8",
]
INSIDE = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.1.2.3"),
    *("169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.170", "192.168.1.1"),
    *("198.18.0.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"),
    *("192.0.2.1", "198.51.100.1", "203.0.113.1", "192.88.99.1"),
    *("::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"),
    *("fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fd00:ec2::254", "fec0::1"),
    *("ff02::1", "2001:db8::1", "2001::1", "100::1", "3fff::1", "64:ff9b:1::1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::1", "2002:0a00:0001::1"),
    *(
        "::ffff:0:127.0.0.1",
        "::ffff:0:a9fe:a9fe",
        "200::1",
        "1::1",
        "4000::1",
        "5f00::1",
        "fe00::1",
    ),
]
NONE = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "1.2.3.4.5",
    "[::1]",
    "é",
    "1.1.1.1/8",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_what_anybody_could_reach_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_a_network_is_not(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", NONE)
def test_what_is_no_address_is_not(address: str) -> None:
    assert not is_public(address)
    assert not is_within(address, parse_networks(["0.0.0.0/0", "::/0"]))


def test_python_finds_no_address_private_that_we_find_public() -> None:
    for address in PUBLIC:
        parsed = ipaddress.ip_address(address)
        if not getattr(parsed, "ipv4_mapped", None) and not address.startswith("64:"):
            assert parsed.is_global


@pytest.mark.parametrize(
    ("address", "within"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("10.2.0.0", False), ("fd00::1", True)],
)
def test_a_network_may_be_allowed(address: str, within: bool) -> None:
    assert is_within(address, parse_networks(["10.1.0.0/16", "fd00::/8"])) is within


@pytest.mark.parametrize("text", ["10.0.0.0/33", "::/129", "10.0.0", ""])
def test_what_is_no_network_is_said(text: str) -> None:
    with pytest.raises(Misconfigured, match="write a network like"):
        parse_networks([text])
