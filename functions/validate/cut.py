"""How a Batch is cut into Bags, and which Recipients are refused on the way. Pure.

Recipients of one domain travel together, because `send` shares connections by destination. The
order depends on the Batch alone, so a Delivery's id is the same in every run.
"""

from array import array
from collections.abc import Container, Iterator, Mapping, Sequence

import msgspec
from msgspec import Raw

from shared.address import domain_of, normal, normal_domain
from shared.address_set import AddressSet
from shared.suppressions import is_suppressed
from shared.tracking import Tracking, TrackingWish, restricted

_NO_FIELDS = Raw(b"{}")


class _Row(msgspec.Struct, frozen=True):
    """A Recipient whose fields nobody has to look into here."""

    email: str
    fields: Raw = _NO_FIELDS
    tracking: TrackingWish | None = None


class BagRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """A `shared.model.Row` whose fields are still encoded."""

    n: int
    email: str
    fields: Raw = _NO_FIELDS
    rejected: str = ""
    tracking: Tracking | None = None


class CutBag(msgspec.Struct, frozen=True, kw_only=True):
    """A `shared.model.Bag`, ready to be written."""

    batch: str
    bag: int
    domain: str
    rows: list[BagRow]


_ROW = msgspec.json.Decoder(_Row)


class Cut:
    """A Batch's Recipients, grouped by domain and cut into Bags of `bag_size`."""

    def __init__(
        self, recipients: Sequence[Raw], bag_size: int, tracking: Tracking | None = None
    ) -> None:
        """`tracking` is what counts for the whole Batch; None: nothing is watched."""
        self._tracking = tracking
        self._recipients = recipients
        self._bag_size = bag_size
        groups: dict[str, array[int]] = {}  # arrays: 100,000 numbers as objects take 4 MB
        for place, raw in enumerate(recipients):
            domain = domain_of(_ROW.decode(raw).email).lower()
            if not domain.isascii():
                domain = normal_domain(domain) or domain  # one group for both its spellings
            groups.setdefault(domain, array("L")).append(place)
        self.domains = sorted(groups)
        self._order = array("L")
        for domain in self.domains:
            self._order += groups[domain]

    def bags(
        self, batch: str, domain: str, suppressed: Container[str], unreachable: Mapping[str, str]
    ) -> Iterator[CutBag]:
        """The Bags, one at a time. `unreachable` gives the reason for domains without mail."""
        seen = AddressSet()  # of the domain at hand: twins stand in the same group
        current = ""
        for bag, start in enumerate(range(0, len(self._order), self._bag_size)):
            rows: list[BagRow] = []
            for n, place in enumerate(self._order[start : start + self._bag_size]):
                row = _ROW.decode(self._recipients[place])
                address = normal(row.email)
                if address and domain_of(address) != current:
                    current = domain_of(address)
                    seen.clear()
                reason = _refusal(address, suppressed, unreachable, seen)
                wish = self._tracking and row.tracking
                own = restricted(self._tracking, wish) if self._tracking and wish else None
                rows.append(BagRow(n, address or row.email, row.fields, reason, own))
            yield CutBag(batch=batch, bag=bag, domain=domain, rows=rows)


def _refusal(
    address: str | None,
    suppressed: Container[str],
    unreachable: Mapping[str, str],
    seen: AddressSet,
) -> str:
    """Why a Recipient is refused, or an empty text.

    submit has looked at most of this already. But an operator may put a Batch here by hand, and an
    address may have been suppressed since.
    """
    if address is None:
        return "invalid_email"
    if address in seen:
        return "duplicate"
    seen.add(address)
    if is_suppressed(address, suppressed):
        return "suppressed"
    return unreachable.get(domain_of(address), "")
