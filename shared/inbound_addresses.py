"""Which addresses port 25 takes mail for, and whose they are. Everything else is refused at RCPT.

| kind | address |
|---|---|
| `bounce` | a return path whose MAC is good |
| `feedback` | one of `inbound.feedback_addresses` |
| `postmaster`, `abuse` | of any host that we take mail for (RFC 5321 §4.5.1, RFC 2142 §4) |
| `routed` | what a Domain `receives` |
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from shared import keys
from shared.address import identity, normal_domain
from shared.domains import Directory, Domain
from shared.errors import NotFound
from shared.ids import parse_return_path
from shared.return_paths import ReturnPaths
from shared.store.base import Store

log = logging.getLogger("ekiden.inbound")

_PAGE = 1000
_ROLES = ("postmaster", "abuse")


@dataclass(frozen=True, slots=True)
class Addressee:
    """Whom a mail is for."""

    kind: str
    domain: str = ""
    """Empty for `feedback`: that belongs to all Domains."""
    delivery: str = ""
    """Of a `bounce`."""


@dataclass(slots=True)
class _Table:
    """Every Domain's addresses, by their identity."""

    postmaster: str = ""
    """Who gets mail to `postmaster` without a host: the oldest Domain."""
    hosts: dict[str, str] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)
    patterns: dict[str, str] = field(default_factory=dict)


class InboundAddresses:
    """Looks addresses up. Raises `Temporary` when the store does not say."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        return_paths: ReturnPaths,
        feedback_addresses: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._directory = directory
        self._return_paths = return_paths
        self._feedback = frozenset(map(_normal, feedback_addresses))
        self._records: dict[str, tuple[float, Domain]] = {}

    async def accepts(self, address: str) -> str | None:
        """The kind of this address, or None: refuse it."""
        found = await self.look_up(address)
        return found.kind if found else None

    def listening(self, domain: str) -> Mapping[str, Sequence[str]] | None:
        """The Webhooks of a Domain whose address was just looked up, and what they want to hear;
        None if nothing was read for that."""
        known = self._records.get(keys.domain_record(domain))
        return known[1].webhooks if known else None

    async def look_up(self, address: str) -> Addressee | None:
        """Whom mail to this address is for, or None."""
        wanted = _normal(address)
        if wanted in self._feedback:
            return Addressee("feedback")
        if parse_return_path(address) is not None:
            # A forged one is nobody's, even where a Domain takes all mail of the host.
            ours = await self._return_paths.verify(address)
            return Addressee("bounce", ours[1], ours[0]) if ours else None
        table = await self._directory.remember(keys.DOMAINS, self._table)
        return _find(table, wanted)

    async def _table(self) -> _Table:
        return _tabulate([await self._domain(*each) for each in await self._listed()])

    async def _listed(self) -> list[tuple[str, float]]:
        """(key, time of the put) of every Domain's record. A Domain's long lists are jumped over:
        all its keys stand together, the record among the first."""
        found: dict[str, float] = {}
        after = ""
        while True:
            page = await self._store.list_page(keys.DOMAINS, after, _PAGE)
            for entry in page:
                if entry.key == keys.domain_record(keys.parse_domain(entry.key)):
                    found[entry.key] = entry.modified
            if len(page) < _PAGE:
                return list(found.items())
            last = keys.parse_domain(page[-1].key)
            seen = keys.domain_record(last) in found
            after = f"{keys.DOMAINS}{last}/~" if seen else page[-1].key

    async def _domain(self, key: str, modified: float) -> Domain | None:
        """Read only if it has changed."""
        known = self._records.get(key)
        if known is None or known[0] != modified:
            try:
                body = (await self._store.get(key)).body
                known = self._records[key] = (modified, msgspec.json.decode(body, type=Domain))
            except NotFound:
                return None
            except msgspec.MsgspecError as error:
                log.error("%s cannot be read: its Domain gets no mail: %s", key, error)
                return None
        return known[1]


def _normal(address: str) -> str:
    """The same for all spellings of one address."""
    local, _, host = address.rpartition("@")
    return identity(f"{local}@{_host(host)}" if local or "@" in address else host)


def _host(host: str) -> str:
    return normal_domain(host) or host.lower()


def _tabulate(listed: list[Domain | None]) -> _Table:
    """The first entry stays: Domains' own names first, then what they claim, the oldest first."""
    table = _Table()
    domains = sorted(filter(None, listed), key=lambda each: (each.created_at, each.name))
    if domains:
        table.postmaster = domains[0].name
    for domain in domains:
        table.hosts[domain.name] = domain.name
    for domain in domains:
        if domain.return_path_host:
            table.hosts.setdefault(_host(domain.return_path_host), domain.name)
        for claim in map(_normal, domain.receives):
            local, _, host = claim.rpartition("@")
            table.hosts.setdefault(host, domain.name)
            (table.addresses if local else table.patterns).setdefault(claim, domain.name)
    return table


def _find(table: _Table, wanted: str) -> Addressee | None:
    if wanted == "postmaster" and table.postmaster:  # RFC 5321 §4.1.1.3: without a domain
        return Addressee("postmaster", table.postmaster)
    local, _, host = wanted.rpartition("@")
    if local in _ROLES and host in table.hosts:
        return Addressee(local, table.hosts[host])
    domain = table.addresses.get(wanted) or (local and table.patterns.get(f"@{host}"))
    return Addressee("routed", domain) if domain else None
