"""DKIM keys of a Domain: made, put to use, forgotten.

A rotation has an overlap: make a key, publish its record, let it sign, and forget the old one when
the mail that it signed has arrived (retries included).
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from functions.admin.parts import Parts
from functions.admin.route import Call, Route
from shared.dkim_keys import dns_record, load
from shared.dkim_stored import Algorithm
from shared.domains import ADMIN, READ, DkimKeys, Domain
from shared.http import Problem, Response, as_json
from shared.provision import (
    InUse,
    Taken,
    add_dkim_key,
    dns_records,
    read_dkim,
    remove_dkim_key,
    sign_with,
)


class NewDkimKey(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A key pair, which does not sign yet."""

    selector: str
    algorithm: Algorithm = "rsa-sha256"


class Signing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which keys sign from now on, one signature each."""

    selectors: Annotated[list[str], Meta(min_length=1, max_length=10)]


class DnsRecord(msgspec.Struct, frozen=True):
    """What to publish."""

    type: str
    name: str
    value: str


class DkimKeyShown(msgspec.Struct, frozen=True, kw_only=True):
    """The public half of a key."""

    selector: str
    algorithm: Algorithm
    created_at: float
    signing: bool
    record: DnsRecord


class DkimKeyList(msgspec.Struct, frozen=True):
    """All DKIM keys of a Domain."""

    keys: list[DkimKeyShown]


class Dkim:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store

    async def list(self, call: Call) -> Response:
        return _answer(200, call.domain, (await read_dkim(self._store, call.domain))[0])

    async def add(self, call: Call) -> Response:
        wish: NewDkimKey = call.body
        now = self._parts.clock()
        try:
            dkim = await add_dkim_key(self._store, call.domain, wish.algorithm, wish.selector, now)
        except Taken as error:
            raise Problem(409, "exists", str(error)) from error
        return as_json(201, keys_shown(call.domain, dkim)[-1])

    async def sign(self, call: Call) -> Response:
        return _answer(
            200, call.domain, await sign_with(self._store, call.domain, call.body.selectors)
        )

    async def remove(self, call: Call) -> Response:
        try:
            await remove_dkim_key(self._store, call.domain, call.parameters["selector"])
        except InUse as error:
            raise Problem(409, "selector_in_use", str(error)) from error
        return Response(204)


def keys_shown(domain: str, dkim: DkimKeys) -> list[DkimKeyShown]:
    return [
        DkimKeyShown(
            selector=key.selector,
            algorithm=key.algorithm,
            created_at=key.created,
            signing=key.selector in dkim.signing,
            record=DnsRecord("TXT", *dns_record(key.selector, domain, load(key))),
        )
        for key in dkim.keys
    ]


def records_shown(record: Domain, dkim: DkimKeys) -> list[DnsRecord]:
    return [DnsRecord(*each) for each in dns_records(record, dkim)]


def _answer(status: int, domain: str, dkim: DkimKeys) -> Response:
    return as_json(status, DkimKeyList(keys_shown(domain, dkim)))


def routes(parts: Parts) -> list[Route]:
    own = Dkim(parts)
    path = "/v1/domains/{domain}/dkim"
    return [
        Route("GET", path, READ, own.list, "List DKIM keys", DkimKeyList),
        Route("POST", path, ADMIN, own.add, "Make a DKIM key", DkimKeyShown, 201, NewDkimKey),
        Route(
            "PUT",
            f"{path}/signing",
            ADMIN,
            own.sign,
            "Say which DKIM keys sign",
            DkimKeyList,
            body=Signing,
        ),
        Route("DELETE", f"{path}/{{selector}}", ADMIN, own.remove, "Forget a DKIM key", status=204),
    ]
