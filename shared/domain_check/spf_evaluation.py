"""Would a receiver's SPF check let an address pass? `check_host` of RFC 7208 §4.

No library does it over questions that are asked asynchronously. All of the RFC but two things:
explanations (`exp`) are not fetched, and `%{p}`, which §7.2 asks nobody to use, is `unknown`. Who
is asked comes in as an argument.
"""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol

from shared.dns import DnsUnavailable
from shared.domain_check.spf_macros import LONGEST_NAME, Circumstances, expand
from shared.domain_check.spf_record import Mechanism, PermError, SpfRecord, parse, spf_texts

MOST_LOOKUPS = 10  # RFC 7208 §4.6.4
MOST_VOID_LOOKUPS = 2
MOST_NAMES = 10
"""Exchanges of an `mx`, and names of a `ptr`."""

_LABEL = re.compile(r"[^.]{1,63}")


class Names(Protocol):
    """Questions to DNS: what there is, empty if nothing is. All raise `DnsUnavailable`."""

    async def txt(self, name: str) -> list[str]: ...

    async def of_family(self, host: str, version: int) -> list[str]:
        """Its addresses of IP version 4 or 6."""

    async def exchanges(self, domain: str) -> list[str]:
        """Its mail servers as named, none implied."""

    async def names_of(self, address: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a receiver comes to."""

    result: str
    """One of `none neutral pass fail softfail temperror permerror` (RFC 7208 §2.6)."""
    by: str = ""
    """The term that matched; with an error, what is wrong."""
    lookups: int = 0
    """Terms that asked DNS, until it was decided."""


async def evaluate(names: Names, address: str, host: str, helo: str) -> Verdict:
    """Of mail from `address` with a return path at `host`. Never raises because of DNS."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped  # RFC 7208 §5
    evaluation = _Evaluation(names)
    try:
        result, by = await evaluation.of(Circumstances(ip, f"bounce@{host}", helo, host))
    except PermError as error:
        result, by = "permerror", str(error)
    except DnsUnavailable as error:
        result, by = "temperror", str(error)
    return Verdict(result, by, evaluation.lookups)


class _Evaluation:
    """One check; what it may ask is counted over all records that it reads."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._voids = 0
        self.lookups = 0
        self._match: dict[str, Callable[[Mechanism, Circumstances], Awaitable[bool]]] = {
            "include": self._include,
            "a": self._a,
            "mx": self._mx,
            "ptr": self._ptr,
            "exists": self._exists,
        }

    async def of(self, where: Circumstances) -> tuple[str, str]:
        """(result, the term that it comes from). Raises `PermError`, `DnsUnavailable`."""
        record = await self._record(where.domain)
        if record is None:
            return "none", ""
        for mechanism in record.mechanisms:
            if await self._matches(mechanism, where):
                return mechanism.result, mechanism.text
        if record.redirect:
            return await self._redirected(record.redirect, where)
        return "neutral", ""  # RFC 7208 §4.7

    async def _record(self, domain: str) -> SpfRecord | None:
        if not _is_name(domain):  # RFC 7208 §4.3
            return None
        found = spf_texts(await self._names.txt(domain))
        if len(found) > 1:  # RFC 7208 §4.5
            raise PermError(f"{domain} has {len(found)} SPF records; only one may be")
        return parse(found[0]) if found else None

    async def _matches(self, mechanism: Mechanism, where: Circumstances) -> bool:
        if mechanism.kind == "all":
            return True
        if mechanism.network is not None:
            network = mechanism.network
            return where.address.version == network.version and where.address in network
        self._count(mechanism.text)
        return await self._match[mechanism.kind](mechanism, where)

    def _count(self, term: str) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise PermError(f"it takes more than {MOST_LOOKUPS} lookups: {term} is one too many")

    async def _redirected(self, spec: str, where: Circumstances) -> tuple[str, str]:
        """RFC 7208 §6.1."""
        self._count(f"redirect={spec}")
        target = expand(spec, where)
        result, by = await self.of(replace(where, domain=target))
        if result == "none":
            raise PermError(f"redirect={target} has no SPF record")
        return result, f"{by} of {target}" if by else f"redirect={target}"

    async def _include(self, mechanism: Mechanism, where: Circumstances) -> bool:
        """RFC 7208 §5.2."""
        target = expand(mechanism.domain, where)
        result, _ = await self.of(replace(where, domain=target))
        if result == "none":
            raise PermError(f"{mechanism.text}: {target} has no SPF record")
        return result == "pass"

    async def _a(self, mechanism: Mechanism, where: Circumstances) -> bool:
        found = await self._addresses(_target(mechanism, where), where)
        self._count_void(found, mechanism.text)
        return _is_among(where, found, mechanism)

    async def _mx(self, mechanism: Mechanism, where: Circumstances) -> bool:
        """RFC 7208 §5.4: without an MX there is none, whatever mail servers do."""
        target = _target(mechanism, where)
        hosts = await self._names.exchanges(target) if _is_name(target) else []
        self._count_void(hosts, mechanism.text)
        if len(hosts) > MOST_NAMES:
            raise PermError(f"{mechanism.text}: {target} has more than {MOST_NAMES} mail servers")
        for host in hosts:
            if _is_among(where, await self._addresses(host, where), mechanism):
                return True
        return False

    async def _ptr(self, mechanism: Mechanism, where: Circumstances) -> bool:
        """RFC 7208 §5.5."""
        target = _target(mechanism, where).lower()
        try:
            names = await self._names.names_of(str(where.address))
        except DnsUnavailable:
            return False
        self._count_void(names, mechanism.text)
        for name in names[:MOST_NAMES]:
            if f".{name.lower()}".endswith(f".{target}") and await self._leads_back(name, where):
                return True
        return False

    async def _leads_back(self, name: str, where: Circumstances) -> bool:
        try:
            return str(where.address) in await self._addresses(name, where)
        except DnsUnavailable:
            return False

    async def _exists(self, mechanism: Mechanism, where: Circumstances) -> bool:
        """RFC 7208 §5.7: an A record, also when mail comes over IPv6."""
        target = _target(mechanism, where)
        found = await self._names.of_family(target, 4) if _is_name(target) else []
        self._count_void(found, mechanism.text)
        return bool(found)

    async def _addresses(self, host: str, where: Circumstances) -> list[str]:
        if not _is_name(host):
            return []
        return await self._names.of_family(host, where.address.version)

    def _count_void(self, found: list[str], term: str) -> None:
        """RFC 7208 §4.6.4."""
        self._voids += not found
        if self._voids > MOST_VOID_LOOKUPS:
            raise PermError(f"{term} is one of more than {MOST_VOID_LOOKUPS} that lead nowhere")


def _target(mechanism: Mechanism, where: Circumstances) -> str:
    return expand(mechanism.domain, where) if mechanism.domain else where.domain


def _is_name(name: str) -> bool:
    """A name of two labels at least, that DNS could have."""
    labels = name.removesuffix(".").split(".")
    fits = len(name) <= LONGEST_NAME + name.endswith(".")
    return fits and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)


def _is_among(where: Circumstances, found: list[str], mechanism: Mechanism) -> bool:
    length = mechanism.prefix_v4 if where.address.version == 4 else mechanism.prefix_v6
    return any(
        where.address in ipaddress.ip_network(f"{each}/{length}", strict=False) for each in found
    )
