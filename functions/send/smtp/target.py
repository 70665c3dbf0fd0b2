"""Where a session goes: one server, or all servers of a destination in their order. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from functions.send.smtp.opening import Login

if TYPE_CHECKING:
    from random import Random


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
    Otherwise the resolver of the `Pool` is asked, as for every host that DNS named."""
    tls: Tls = Tls.OPPORTUNISTIC
    implicit_tls: bool = False
    """TLS from the first byte (RFC 8314 §3.3), as on port 465; `tls` says how it is checked."""
    login: Login | None = None
    """Sent over TLS only."""


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

    def in_order(self, chance: "Random") -> list[Target]:
        """By preference, shuffled among equals (RFC 5321 §5.1)."""
        ordered: list[Target] = []
        by_preference = attrgetter("preference")
        for _, equals in groupby(sorted(self.hosts, key=by_preference), by_preference):
            group = list(equals)
            chance.shuffle(group)
            ordered += group
        return ordered
