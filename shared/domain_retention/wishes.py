"""What Domains wish, in the bucket: `control/retention/wishes/<domain>.json`.

Apart from the Domain's record, which has its secrets: who forgets for it need not read those. It
stays when the Domain is removed, and so what the Domain has left goes when it was to go.
"""

import logging

import msgspec

from shared import keys
from shared.address import normal_domain
from shared.domain_retention import wanted
from shared.errors import NotFound
from shared.store.base import Store

log = logging.getLogger("ekiden.retention")


class Wish(msgspec.Struct, omit_defaults=True):
    """Kind → days; what is left out is kept as the installation keeps it."""

    days: dict[str, int] = {}


async def load(store: Store, domain: str) -> tuple[dict[str, int], str]:
    """(what of its wish is in force, the ETag to change it by or "")"""
    key = keys.retention_wish(domain)
    try:
        found = await store.get(key)
    except NotFound:
        return {}, ""
    try:
        days = msgspec.json.decode(found.body, type=Wish).days
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.error("%s cannot be read: all is kept: %s", key, error)
        return {}, found.etag
    in_force = wanted.in_force(days)
    if in_force != days:
        log.error("%s: nobody can keep things so: %s", key, days)
    return in_force, found.etag


async def keep(store: Store, domain: str, days: dict[str, int], etag: str) -> None:
    """From the next night on. `etag`: of the wish before, "" if there was none.

    Raises `Malformed`; `LostRace` if somebody else was quicker.
    """
    key, body = keys.retention_wish(domain), msgspec.json.encode(Wish(wanted.checked(days)))
    await (store.replace(key, body, etag) if etag else store.create(key, body))


async def domains(store: Store, after: str, limit: int) -> tuple[list[str], str]:
    """(those that may have a wish, where to go on or "")"""
    prefix = keys.retention_wishes()
    page = [each.key for each in await store.list_page(prefix, after, limit)]
    names = [keys.parse_retention_wish(key) for key in page]
    # A name becomes part of a key.
    return [each for each in names if normal_domain(each) == each], (
        page[-1] if len(page) == limit else ""
    )
