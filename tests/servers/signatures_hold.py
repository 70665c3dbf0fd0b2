"""Whether the DKIM signature of a mail that arrived still holds."""

import dkim
import msgspec
from station import DOMAIN, Here

from shared import dkim_keys, keys
from shared.domains import DkimKeys


async def published(here: Here) -> dict[str, str]:
    """What DNS would say: the Domain's DKIM records."""
    body = (await here.store.get(keys.domain_dkim(DOMAIN))).body
    stored = msgspec.json.decode(body, type=DkimKeys).keys
    return dict(dkim_keys.dns_record(k.selector, DOMAIN, dkim_keys.load(k)) for k in stored)


def holds(message: bytes, records: dict[str, str]) -> bool:
    def dns(name: bytes, **_: object) -> bytes:
        return records[name.decode().rstrip(".")].encode()

    return bool(dkim.verify(message, dnsfunc=dns))
