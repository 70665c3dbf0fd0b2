"""Where a session goes: one server, or all servers of a destination in their order. No I/O."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from functions.send.smtp.opening import Login
from shared.errors import Misconfigured

if TYPE_CHECKING:
    from random import Random

HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|\[[A-Za-z0-9.:]+\]")
"""Of a machine, or its address in brackets (RFC 5321 §4.1.3)."""


class Tls(StrEnum):
    """How much the session must be protected."""

    NEVER = "never"
    """In plain text even where STARTTLS is offered."""
    OPPORTUNISTIC = "opportunistic"
    """Encrypted when it can be, with any certificate; else in plain text (RFC 7435)."""
    REQUIRED = "required"
    """Encrypted or not at all, with any certificate."""
    VERIFIED = "verified"
    """Encrypted, with a certificate that proves the host's name, or not at all."""
    DANE = "dane"
    """Encrypted, with a certificate that the host's TLSA records prove, or not at all. Where none
    of them can be used, with any certificate (RFC 7672 §2.2)."""


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record that DNSSEC vouches for (RFC 6698 §2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Source:
    """From where, and as whom, a session is opened. Raises `Misconfigured`."""

    address: str
    """One of this machine's IP addresses."""
    name: str = ""
    """For EHLO, in place of `Options.ehlo_name`: it should resolve to the address and back."""

    def __post_init__(self) -> None:
        try:
            ip_address(self.address)
        except ValueError as wrong:
            raise Misconfigured(f"{self.address!r} is no IP address to send from") from wrong
        if self.name and not HOST_NAME.fullmatch(self.name):
            raise Misconfigured(f"{self.name!r} is no host name to greet a server with")


@dataclass(frozen=True, slots=True)
class Target:
    """One server."""

    host: str
    """Its name: for the Outcome, and what a certificate has to prove."""
    port: int = 25
    address: str = ""
    """Its IP address; "" has it looked up when we connect."""
    preference: int = 0
    """As in an MX record: lower comes first."""
    system_lookup: bool = False
    """Find its address as the system does, with /etc/hosts: for a host that an operator named.
    Otherwise the resolver of the sender is asked, as for every host that DNS named."""
    tls: Tls = Tls.OPPORTUNISTIC
    implicit_tls: bool = False
    """TLS from the first byte (RFC 8314 §3.3), as on port 465; `tls` says how it is checked."""
    login: Login | None = None
    """Sent over TLS only."""
    lmtp: bool = False
    """It speaks LMTP (RFC 2033): a final delivery agent, as on port 24."""
    source: Source | None = None
    """None leaves the choice to the system."""
    tlsa: tuple[Tlsa, ...] = ()
    """For `Tls.DANE`."""
    tlsa_base: str = ""
    """Below which name the records were found, if that is not the host's: then it is this one that
    the certificate has to prove (RFC 7672 §3.2.2)."""

    @property
    def tls_name(self) -> str:
        """What we ask for (SNI), and what the certificate has to prove."""
        return self.tlsa_base or self.host


@dataclass(frozen=True, slots=True)
class Destination:
    """Servers that are equally good for a message, but for their preference."""

    name: str
    """Connections are counted and reused under this name. Recipient domains that are hosted
    together should share it: see `of_hosts`."""
    hosts: tuple[Target, ...]

    @classmethod
    def of_hosts(cls, hosts: Iterable[Target]) -> "Destination":
        """Named after its servers, so that all domains with the same MX set are one destination."""
        hosts = tuple(hosts)
        return cls(",".join(sorted({f"{host.host}:{host.port}" for host in hosts})), hosts)

    @property
    def source(self) -> str:
        """The address that is sent from; "" when the system chooses it."""
        first = self.hosts[0].source if self.hosts else None
        return first.address if first else ""

    def in_order(self, chance: "Random") -> list[Target]:
        """By preference, shuffled among equals (RFC 5321 §5.1)."""
        ordered: list[Target] = []
        by_preference = attrgetter("preference")
        for _, equals in groupby(sorted(self.hosts, key=by_preference), by_preference):
            group = list(equals)
            chance.shuffle(group)
            ordered += group
        return ordered
