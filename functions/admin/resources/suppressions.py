"""Suppressions: the addresses that a Domain must not write to, and why."""

import io

import msgspec

from functions.admin.parts import Parts
from functions.admin.route import PAGE, Call, Query, Route
from shared import keys
from shared.address import normal
from shared.domains import ADMIN, READ
from shared.http import Problem, Response, as_json
from shared.suppressions import REASONS, Suppression, Suppressions, digest, editing
from shared.suppressions.entry import digest_of, is_digest

MOST_EXPORTED = 100_000
"""Lines of one answer, some 10 MB; a Link header (RFC 8288) leads to the next ones."""


class SuppressedAddress(msgspec.Struct, frozen=True, kw_only=True):
    """An address that the Domain must not write to."""

    email: str
    """Empty where the person's data was deleted: then the digest alone is kept."""
    digest: str
    reason: str
    """`hard_bounce`, `complaint`, `unsubscribed` or `manual`."""
    at: float
    delivery: str
    """The Delivery that gave cause, or empty."""


class SuppressionPage(msgspec.Struct, frozen=True):
    """Suppressed addresses in the order of their digests."""

    suppressions: list[SuppressedAddress]
    next: str = ""
    """Give it as `after`; empty: there is no more. A page may be short and have a next one."""


class LineFault(msgspec.Struct, frozen=True):
    """A line that could not be read."""

    line: int
    why: str


class ImportResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the lines of a CSV file."""

    added: int
    known: int
    """Suppressed already, or twice in the file: the first reason stays."""
    invalid: int
    errors: list[LineFault]
    """The first 1,000 of the invalid ones."""


class Resource:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._suppressions = Suppressions(parts.store, parts.directory)

    async def list(self, call: Call) -> Response:
        from shared.suppressions import listing

        reason = call.request.parameter("reason")
        if reason not in ("", *REASONS):
            detail = f"reason: {reason!r}; there are {', '.join(REASONS)}"
            raise Problem(422, "invalid_parameter", detail)
        limit = call.number("limit", 100, 1000)
        domain = await self._domain(call)
        page, more = await listing.page(self._parts.store, domain, _after(call), limit, reason)
        return as_json(200, SuppressionPage([_shown(each) for each in page], more))

    async def get(self, call: Call) -> Response:
        address = _address(call)
        found = await editing.find(self._parts.store, await self._domain(call), digest(address))
        if found is None:
            raise Problem(404, "not_found", f"{address} is not suppressed")
        return as_json(200, _shown(found))

    async def put(self, call: Call) -> Response:
        address = _address(call)
        store, domain = self._parts.store, await self._domain(call)
        found = await editing.find(store, domain, digest(address))
        if found is not None:
            return as_json(200, _shown(found))
        entry = Suppression(email=address, reason="manual", at=self._parts.clock())
        await editing.add(store, domain, entry)
        return as_json(201, _shown(entry))

    async def delete(self, call: Call) -> Response:
        address = _address(call)
        store, domain = self._parts.store, await self._domain(call)
        if not await editing.remove(store, domain, digest(address)):
            raise Problem(404, "not_found", f"{address} is not suppressed")
        return Response(204)

    async def import_(self, call: Call) -> Response:
        from shared.suppressions.csv_lines import read
        from shared.suppressions.importing import import_rows

        domain, now = await self._domain(call), self._parts.clock()
        self._parts.directory.forget(keys.suppressions(domain))  # the counts shall be right
        known = await self._suppressions.of(domain)
        rows = read(io.BytesIO(call.request.body), now)
        done = await import_rows(self._parts.store, domain, rows, known, now)
        errors = [LineFault(row.line, row.why) for row in done.errors]
        result = ImportResult(
            added=done.added, known=done.known, invalid=done.invalid, errors=errors
        )
        return as_json(200, result)

    async def export(self, call: Call) -> Response:
        from shared.suppressions import csv_lines, listing

        domain, after = await self._domain(call), _after(call)
        limit = call.number("limit", MOST_EXPORTED, MOST_EXPORTED)
        body = bytearray(csv_lines.head())
        headers = {"content-type": "text/csv; charset=utf-8"}
        number = 0
        async for entry in listing.everything(self._parts.store, domain, after):
            if number == limit:
                more = f"{call.request.path}?after={after}&limit={limit}"
                headers["link"] = f'<{more}>; rel="next"'
                break
            body += csv_lines.line(entry)
            after, number = digest_of(entry), number + 1
        return Response(200, bytes(body), headers)

    async def _domain(self, call: Call) -> str:
        """Raises `NotFound`: a list for nobody helps nobody."""
        return (await self._parts.directory.domain(call.domain)).name


def _address(call: Call) -> str:
    address = normal(call.parameters["address"])
    if address is None:
        detail = f"{call.parameters['address'][:100]!r} is no mail address"
        raise Problem(422, "invalid_parameter", detail)
    return address


def _after(call: Call) -> str:
    after = call.request.parameter("after")
    if after and not is_digest(after):
        raise Problem(422, "invalid_parameter", f"after: {after[:100]!r} is no digest")
    return after


def _shown(entry: Suppression) -> SuppressedAddress:
    return SuppressedAddress(
        email=entry.email,
        digest=digest_of(entry),
        reason=entry.reason,
        at=entry.at,
        delivery=entry.delivery,
    )


def routes(parts: Parts) -> list[Route]:
    own = Resource(parts)
    every = "/v1/domains/{domain}/suppressions"
    one = f"{every}/{{address}}"
    filters = (Query("reason", f"Only with this: {', '.join(REASONS)}."),)
    cut = (PAGE[0], Query("limit", f"Lines; {MOST_EXPORTED} at most, and unless told.", "integer"))
    into = "Suppress all addresses of a CSV body: email,reason,at (8 MiB; more: the CLI)"
    out = "Write them as CSV (a Link header leads to the rest)"
    page = SuppressionPage
    return [
        Route(
            "GET", every, READ, own.list, "List who is suppressed", page, query=(*filters, *PAGE)
        ),
        # Before {address}: neither word is one.
        Route("POST", f"{every}/import", ADMIN, own.import_, into, ImportResult),
        Route("GET", f"{every}/export", READ, own.export, out, query=cut),
        Route("GET", one, READ, own.get, "See why an address is suppressed", SuppressedAddress),
        Route("PUT", one, ADMIN, own.put, "Suppress an address", SuppressedAddress, 201),
        Route("DELETE", one, ADMIN, own.delete, "Write to an address again", status=204),
    ]
