"""One address's data: everything that is on record about it, and how it goes away (P13)."""

from typing import TYPE_CHECKING

from functions.admin.parts import Parts
from functions.admin.route import Call, Route
from shared.domains import ADMIN
from shared.errors import Malformed
from shared.http import Problem, Response, as_json
from shared.one_address.deleting import AddressDeletion
from shared.one_address.exporting import AddressExport

if TYPE_CHECKING:
    from shared.one_address.walking import Search

MOST_OBJECTS = 20_000
"""That one call may look at; there is no index by address. The command has no limit."""


class Addresses:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def export(self, call: Call) -> Response:
        from shared.one_address.exporting import export
        from shared.one_address.walking import TooMuch

        try:
            return as_json(200, await export(await self._search(call)))
        except TooMuch as error:
            raise Problem(422, "too_much_to_search", str(error)) from error

    async def delete(self, call: Call) -> Response:
        from shared.one_address.deleting import delete
        from shared.one_address.walking import TooMuch

        try:
            return as_json(200, await delete(await self._search(call)))
        except TooMuch as error:
            raise Problem(422, "too_much_to_search", str(error)) from error

    async def _search(self, call: Call) -> "Search":
        from shared.one_address.person import Person
        from shared.one_address.walking import Search

        try:
            person = Person(call.parameters["address"])
        except Malformed as error:
            raise Problem(422, "invalid_parameter", str(error)) from error
        domain = (await self._parts.directory.domain(call.domain)).name
        return Search(self._parts.store, domain, person, MOST_OBJECTS)


def routes(parts: Parts) -> list[Route]:
    own = Addresses(parts)
    one = "/v1/domains/{domain}/addresses/{address}"
    shown, gone = "Export all data of one address", "Delete the data of one address"
    return [
        Route("GET", one, ADMIN, own.export, shown, AddressExport),
        Route("DELETE", one, ADMIN, own.delete, gone, AddressDeletion),
    ]
