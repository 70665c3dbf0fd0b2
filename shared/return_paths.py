"""Return paths that come back: which Delivery they are about, and whether we wrote them.

The MAC in them is the Domain's (`shared/ids.py: return_path`), and the Batch says whose it is.
"""

from collections import OrderedDict

from shared.batches import load_content
from shared.domains import Directory, Domain
from shared.errors import NotFound
from shared.ids import is_batch_id, is_signed, parse_return_path
from shared.store.base import Store

REMEMBERED = 10_000
"""Batches, each with its Domain: a hundred bytes. A large one may bounce by the thousand."""


class ReturnPaths:
    """Looks return paths up. One read for a Batch that is not known yet."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory
        self._domains: OrderedDict[str, str] = OrderedDict()

    async def verify(self, address: str) -> tuple[str, str] | None:
        """(Delivery, Domain) of an address that we wrote, in any case of letters, else None.

        Raises `Temporary` when the store does not say.
        """
        claimed = parse_return_path(address)
        if claimed is None:
            return None
        delivery, mac = claimed
        batch = delivery.partition(".")[0]
        if not is_batch_id(batch):
            return None
        try:
            name = await self._domain_of(batch)
            domain = await self._directory.domain(name)
        except NotFound:
            return None
        host = (domain.return_path_host or domain.name).lower()
        if address.rpartition("@")[2].lower() != host:
            return None
        return (delivery, name) if is_signed(delivery, mac, _secret(domain)) else None

    async def _domain_of(self, batch: str) -> str:
        name = self._domains.get(batch)
        if name is None:
            name = (await load_content(self._store, batch)).domain
            self._domains[batch] = name
            if len(self._domains) > REMEMBERED:
                self._domains.popitem(last=False)
        return name


def _secret(domain: Domain) -> bytes:
    return bytes.fromhex(domain.return_path_secret)
