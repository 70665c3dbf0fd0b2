"""Domains: made, read, changed, removed.

What changes a record does so by compare-and-swap: who lost a race gets 409, who named an ETag that
is not the present one (If-Match) 412.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from functions.admin import etags
from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.resources.dkim import DkimKeyShown, DnsRecord, keys_shown, records_shown
from functions.admin.route import PAGE, Call, Query, Route
from shared import open_work
from shared.address import normal_domain
from shared.config_mail import parse_own_route
from shared.config_network import mask
from shared.dkim_stored import Algorithm
from shared.domain_listing import domain_names
from shared.domains import READ, DkimKeys, Domain
from shared.errors import NotFound
from shared.http import Problem, Response, as_json
from shared.provision import (
    InUse,
    Taken,
    add_domain,
    change_domain,
    read_dkim,
    read_domain,
    remove_domain,
)

DELETED = ("API keys", "webhooks", "DKIM keys", "keys of tracked links", "the Domain's record")
KEPT = (
    "Templates and their versions",
    "suppressions",
    "tags",
    "Batches and their Outcomes",
    "events and received mail, until their retention ends",
    "a retention of its own, which goes on",
)
_MAX_LISTED = 200
_POOL = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")  # as in `send.pools`


class NewDomain(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A sender's identity, with one DKIM key for each algorithm."""

    name: str
    algorithms: Annotated[tuple[Algorithm, ...], Meta(min_length=1, max_length=2)] = ("rsa-sha256",)
    selector: str = "ekiden1"
    """Of the first key; the second one's ends in `-2`."""
    return_path_host: str = ""
    """Where bounces come back to; empty: `send.return_path_host`, or the Domain itself."""


class DomainChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is left out stays as it is. Tracking and retention have paths of their own."""

    routes: dict[str, str] | UnsetType = UNSET
    """Recipient domain, `*.` and a parent domain, or `*` → route. All of them, with passwords."""
    pools: list[str] | UnsetType = UNSET
    receives: list[str] | UnsetType = UNSET
    """Addresses that port 25 takes mail for, or `@example.com` for all of a domain."""
    return_path_host: str | UnsetType = UNSET


class DomainShown(msgspec.Struct, frozen=True, kw_only=True):
    """A Domain, without what is secret."""

    name: str
    created_at: float
    return_path_host: str
    routes: dict[str, str]
    """Passwords are masked."""
    pools: list[str]
    receives: list[str]
    dkim: list[DkimKeyShown]
    records: list[DnsRecord]
    """To publish in DNS."""


class DomainListed(msgspec.Struct, frozen=True):
    name: str
    created_at: float
    is_damaged: bool = False
    """Its record cannot be read: no mail of it goes until somebody puts it right."""


class DomainPage(msgspec.Struct, frozen=True):
    """Domains by name."""

    domains: list[DomainListed]
    next: str = ""
    """Empty: there is no more."""


class DomainRemoved(msgspec.Struct, frozen=True):
    """What is gone, and what is still there: a Domain of this name added again finds it."""

    deleted: tuple[str, ...]
    kept: tuple[str, ...]


class Domains:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store

    async def add(self, call: Call) -> Response:
        wish: NewDomain = call.body
        if len(set(wish.algorithms)) < len(wish.algorithms):
            raise Problem(422, "invalid_request", "algorithms: one key for each")
        host = _host(wish.return_path_host or self._parts.config.send.return_path_host)
        now = self._parts.clock()
        try:
            record, dkim = await add_domain(
                self._store, wish.name, list(wish.algorithms), now, wish.selector, host
            )
        except Taken as error:
            raise Problem(409, "exists", str(error)) from error
        return as_json(201, _shown(record, dkim), location=f"/v1/domains/{record.name}")

    async def list(self, call: Call) -> Response:
        limit = call.number("limit", 100, _MAX_LISTED)
        names = await domain_names(self._store, call.request.parameter("after"), limit)
        read = [self._parts.directory.domain(name) for name in names]
        found = await asyncio.gather(*read, return_exceptions=True)
        domains = [
            _listed(name, each)
            for name, each in zip(names, found, strict=True)
            if not isinstance(each, NotFound)
        ]
        return as_json(200, DomainPage(domains, names[-1] if len(names) == limit else ""))

    async def get(self, call: Call) -> Response:
        record, etag = await read_domain(self._store, call.domain)
        dkim, _ = await read_dkim(self._store, call.domain)
        return as_json(200, _shown(record, dkim), etag=etags.shown(etag))

    async def change(self, call: Call) -> Response:
        changes = _checked(call.body)
        _, etag = await read_domain(self._store, call.domain)
        wanted = etags.wanted(call.request, etag)
        await change_domain(self._store, call.domain, wanted, **changes)
        return await self.get(call)

    async def remove(self, call: Call) -> Response:
        force = call.request.parameter("force", "false")
        if force not in ("true", "false"):
            raise Problem(422, "invalid_parameter", f"force: {force!r} is neither true nor false")
        try:
            await remove_domain(self._store, call.domain, force=force == "true")
        except (InUse, open_work.TooMuchOpen) as error:
            detail = f"{error}; wait, or say ?force=true: then that work goes to failed/"
            raise Problem(409, "open_work", detail) from error
        return as_json(200, DomainRemoved(DELETED, KEPT))


def _shown(record: Domain, dkim: DkimKeys) -> DomainShown:
    return DomainShown(
        name=record.name,
        created_at=record.created_at,
        return_path_host=record.return_path_host or record.name,
        routes={pattern: mask(route) for pattern, route in record.routes.items()},
        pools=record.pools,
        receives=record.receives,
        dkim=keys_shown(record.name, dkim),
        records=records_shown(record, dkim),
    )


def _listed(name: str, found: Domain | BaseException) -> DomainListed:
    if isinstance(found, msgspec.MsgspecError):
        return DomainListed(name, 0, is_damaged=True)
    if isinstance(found, BaseException):
        raise found
    return DomainListed(found.name, found.created_at)


def _checked(change: DomainChange) -> dict[str, Any]:
    """The fields of the record that change. Raises `Problem`."""
    checks: dict[str, Callable[[Any], Any]] = {
        "routes": _routes,
        "pools": _pools,
        "receives": _receives,
        "return_path_host": _host,
    }
    given = {name: getattr(change, name) for name in checks}
    return {name: checks[name](value) for name, value in given.items() if value is not UNSET}


def _routes(routes: dict[str, str]) -> dict[str, str]:
    for pattern, route in routes.items():
        if ":***@" in route:
            detail = f"routes: the password for {pattern!r} is masked: write all routes whole"
            raise Problem(422, "refused", detail)
    try:
        return dict(parse_own_route(f"{pattern}={route}") for pattern, route in routes.items())
    except ValueError as error:
        raise Problem(422, "refused", f"routes: {error}") from error


def _pools(pools: list[str]) -> list[str]:
    for name in pools:
        if not _POOL.fullmatch(name):
            raise Problem(422, "refused", f"pools: {name[:100]!r} is no name in send.pools")
    return list(dict.fromkeys(pools))


def _receives(addresses: list[str]) -> list[str]:
    lower = [each.lower() for each in addresses]
    for each in lower:
        local, at, host = each.rpartition("@")
        if not at or "@" in local or normal_domain(host) is None:
            detail = f"receives: {each[:100]!r}: write ann@example.com, or @example.com"
            raise Problem(422, "refused", detail)
    return list(dict.fromkeys(lower))


def _host(text: str) -> str:
    host = normal_domain(text) if text else ""
    if host is None:
        raise Problem(422, "refused", f"return_path_host: {text[:100]!r} is no host name")
    return host


def routes(parts: Parts) -> list[Route]:
    own = Domains(parts)
    path, one = "/v1/domains", "/v1/domains/{domain}"
    force = Query("force", "`true`: also while work is open.")
    return [
        Route("POST", path, OPERATOR, own.add, "Add a Domain", DomainShown, 201, NewDomain),
        Route("GET", path, OPERATOR, own.list, "List Domains", DomainPage, query=PAGE),
        Route("GET", one, READ, own.get, "See a Domain", DomainShown),
        Route(
            "PATCH", one, OPERATOR, own.change, "Change a Domain", DomainShown, body=DomainChange
        ),
        Route(
            "DELETE",
            one,
            OPERATOR,
            own.remove,
            "Remove a Domain",
            DomainRemoved,
            query=(force,),
        ),
    ]
