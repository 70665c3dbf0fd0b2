"""Which addresses are out on the Internet, and which are inside somebody's network. Pure."""

import ipaddress
from collections.abc import Sequence

from shared.errors import Misconfigured

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_INSIDE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(each)
    for each in (
        "0.0.0.0/8",  # this host (RFC 1122 §3.2.1.3): many systems connect to themselves
        "10.0.0.0/8",  # RFC 1918
        "100.64.0.0/10",  # shared by carriers (RFC 6598)
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local; 169.254.169.254 tells clouds' secrets
        "172.16.0.0/12",
        "192.0.0.0/24",  # RFC 6890
        "192.0.2.0/24",
        "192.88.99.0/24",  # 6to4 relays (RFC 7526)
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks (RFC 2544)
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "2001::/23",  # Teredo, ORCHID and others (RFC 2928)
        "2001:db8::/32",
        "3fff::/20",  # documentation (RFC 9637)
    )
)
_GLOBAL = ipaddress.ip_network("2000::/3")
"""All that is given to anybody on the Internet (RFC 4291 §2.4). Outside are loopback, IPv4 in other
disguises (RFC 2765 §2.1), local NAT64 (RFC 8215), unique local and link-local addresses, overlays
that have taken what nobody was given, and multicast."""
_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052 §2.1
_6TO4 = ipaddress.ip_network("2002::/16")  # RFC 3056 §2


def is_public(address: str) -> bool:
    """Whether this is an address that anybody could reach. What is none is not."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(_is_given(each) and not _contains(_INSIDE, each) for each in _faces(parsed))


def is_within(address: str, networks: Sequence[Network]) -> bool:
    """Whether all that this address stands for is in one of these networks."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return _contains(networks, _faces(parsed)[-1])


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Raises `Misconfigured`."""
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise Misconfigured(f"{error}: write a network like 10.0.0.0/8") from error


def _faces(address: Address) -> list[Address]:
    """The address, and the IPv4 address that it leads to."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped:  # RFC 4291 §2.5.5.2: it is that address, and nothing besides
        return [address.ipv4_mapped]
    if address in _NAT64:
        return [address, ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    if address in _6TO4:
        return [address, ipaddress.IPv4Address(int(address) >> 80 & 0xFFFFFFFF)]
    return [address]


def _is_given(address: Address) -> bool:
    return address.version == 4 or address in _GLOBAL or address in _NAT64


def _contains(networks: Sequence[Network], address: Address) -> bool:
    return any(address.version == each.version and address in each for each in networks)
