"""One address, in whatever spelling it occurs. Pure."""

import re
from functools import cached_property

import msgspec

from shared.address import identity, mailboxes_of, normal, normal_mailbox
from shared.errors import Malformed
from shared.suppressions.entry import digest, forgotten


class Person:
    """Whom a search is about."""

    def __init__(self, address: str) -> None:
        """Raises `Malformed`."""
        found = normal(address)
        if found is None:
            raise Malformed(f"{address[:100]!r} is no mail address")
        self.address = found
        self.digest = digest(found)
        self.replacement = forgotten(found)
        self._identity = identity(found)
        self._as_written = re.compile(
            "|".join(map(_pattern, dict.fromkeys((address, found, self._identity)))), re.IGNORECASE
        )

    def is_(self, address: str) -> bool:
        """Whether this is the person's address."""
        if identity(address) == self._identity:
            return True
        # Only a spelling in another alphabet is left, and few are.
        return not address.isascii() and identity(normal(address) or "") == self._identity

    def is_in(self, header: str) -> bool:
        """Whether it is one of the mailboxes of a header's value."""
        members = (normal_mailbox(each) for each in mailboxes_of(header))
        return any(member is not None and self.is_(member[1]) for member in members)

    def without(self, text: str) -> str:
        """The text with something else in the place of the address."""
        return self._as_written.sub(self.replacement.replace("\\", "\\\\"), text)

    def may_be_in(self, text: bytes) -> bool:
        """Whether a text, JSON in lower case, may be about the person: a quick look."""
        return any(form in text for form in self._forms)

    @cached_property
    def _forms(self) -> list[bytes]:
        local, _, domain = self._identity.rpartition("@")
        # Other spellings are rare: then whoever has the same provider is looked at.
        found = [f"{local}@{domain}", f'"@{domain}'] if local.isascii() else [f"@{domain}"]
        return [msgspec.json.encode(form)[1:-1] for form in found]


def _pattern(address: str) -> str:
    """The address in a text, as it is or with needless quotation marks."""
    local, _, domain = map(re.escape, address.rpartition("@"))
    return rf'(?<![\w.+-])(?:{local}|"{local}")@{domain}(?![\w-])'
