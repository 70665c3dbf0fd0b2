"""Everything that is on record about one address of a Domain."""

from base64 import b64encode
from collections.abc import Callable

import msgspec

from shared import keys
from shared.errors import NotFound
from shared.one_address import walking
from shared.one_address.rewriting import (
    Fields,
    lines_about,
    rejections_about,
    rows_about,
)
from shared.one_address.walking import Search
from shared.suppressions import Suppression, editing


class BatchAbout(msgspec.Struct, frozen=True, kw_only=True):
    """A Batch that the address was a Recipient of."""

    batch: str
    accepted_at: float
    sender: str
    subject: str
    recipients: list[Fields]
    """Its rows, where they are kept: address and fields."""
    rejected: list[Fields]
    outcomes: list[Fields]
    open: list[str]
    """Work objects that are still on their way and name the address."""


class ReceivedMail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that came from the address, or was for it."""

    key: str
    mail_base64: str


class AddressExport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is on record about one address of a Domain."""

    address: str
    domain: str
    suppression: Suppression | None
    batches: list[BatchAbout]
    events: list[Fields]
    received: list[ReceivedMail]
    uploads: list[str]
    """Keys of what an app has uploaded, and is no Batch yet, or failed to become one."""
    looked_at: int
    """Objects."""


async def export(search: Search, told: Callable[[int], None] = lambda _: None) -> AddressExport:
    """Raises `TooMuch`, `Temporary`. `told` hears how many objects were looked at."""
    found: list[BatchAbout] = []
    deliveries: set[str] = set()
    async for batch in walking.batches(search):
        told(search.looked_at)
        about = await _about(search, batch)
        if about:
            found.append(about)
            deliveries |= {str(each["delivery"]) for each in about.outcomes}
    happened: list[Fields] = []
    async for _, body in walking.events(search):
        happened += lines_about(body.body, search.person, deliveries)
        told(search.looked_at)
    mails = [
        ReceivedMail(key=key, mail_base64=b64encode(body).decode())
        async for key, body in walking.received(search)
    ]
    return AddressExport(
        address=search.person.address,
        domain=search.domain,
        suppression=await editing.find(search.store, search.domain, search.person.digest),
        batches=found,
        events=happened,
        received=mails,
        uploads=await walking.uploads(search),
        looked_at=search.looked_at,
    )


async def _about(search: Search, batch: walking.BatchOfDomain) -> BatchAbout | None:
    content, person = batch.content, search.person
    rows = rows_about(content, person) or await _kept_rows(search, batch)
    outcomes: list[Fields] = []
    for key in batch.outcomes:
        if part := await search.get(key):
            outcomes += lines_about(part.body, person)
    rejected = rejections_about(content, person)
    still_open = await walking.still_open(search, batch)
    if not (rows or outcomes or rejected or still_open):
        return None
    return BatchAbout(
        batch=batch.name,
        accepted_at=content.get("accepted_at", 0.0),
        sender=content.get("sender", {}).get("email", ""),
        subject=content.get("subject", ""),
        recipients=rows,
        rejected=rejected,
        outcomes=outcomes,
        open=still_open,
    )


async def _kept_rows(search: Search, batch: walking.BatchOfDomain) -> list[Fields]:
    """Of a Batch whose Recipients do not fit into its content, if they are kept."""
    if "recipients" in batch.content:
        return []
    key = keys.archived(keys.submitted(batch.name))
    try:
        body = (await search.store.get(key)).body
    except NotFound:
        return []
    search.count()
    return rows_about(walking.decoded(body, key), search.person)
