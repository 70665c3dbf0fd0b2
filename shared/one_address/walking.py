"""The objects in question, one after the other.

What is on its way is not touched: it is still to be sent, and says who to. It is named, so that
whoever deletes knows to come again when it has arrived.
"""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec

from shared import keys
from shared.codec import unpack
from shared.errors import Malformed, NotFound
from shared.one_address.person import Person
from shared.stage import Failure
from shared.store.base import Object, Store, list_all

Fields = dict[str, Any]


class TooMuch(Malformed):
    """There is more to look at than was allowed."""


@dataclass
class Search:
    """Where to look for whom, and how much of it was looked at."""

    store: Store
    domain: str
    person: Person
    most_objects: int | None = None
    """None: all there are."""
    looked_at: int = 0

    def count(self, objects: int = 1) -> None:
        """Raises `TooMuch`."""
        self.looked_at += objects
        if self.most_objects is not None and self.looked_at > self.most_objects:
            raise TooMuch(
                f"more than {self.most_objects} objects would have to be looked at: use"
                f" `ekiden address export` or `ekiden address delete`, which have no limit"
            )

    async def get(self, key: str) -> Object | None:
        """None: it is gone."""
        with suppress(NotFound):
            return await self.store.get(key)
        return None


@dataclass
class BatchOfDomain:
    """One Batch, and its objects."""

    name: str
    content: Fields
    outcomes: list[str] = field(default_factory=list)
    """Keys, as they sort."""
    open: list[str] = field(default_factory=list)
    """Keys of its work objects, also of those that wait or have failed."""


async def measure(search: Search) -> None:
    """Count all objects, without reading any. Raises `TooMuch`."""
    prefixes = (*keys.WORK, keys.WAITING, keys.FAILED, keys.BATCHES)
    for prefix in (*prefixes, keys.events(search.domain), keys.received_by(search.domain)):
        async for _ in list_all(search.store, prefix):
            search.count()


async def batches(search: Search) -> AsyncIterator[BatchOfDomain]:
    """All Batches of the Domain, the oldest first; those without a content yet at the end."""
    work = await _open_work(search)
    name, listed = "", list[str]()
    async for entry in list_all(search.store, keys.BATCHES):
        search.count()
        batch = keys.parse_batch(entry.key)
        if batch != name:
            if found := await _batch(search, name, listed, work.pop(name, [])):
                yield found
            name, listed = batch, []
        listed.append(entry.key)
    if found := await _batch(search, name, listed, work.pop(name, [])):
        yield found
    for name, listed in sorted(work.items()):
        if found := await _batch(search, name, [keys.submitted(name)], listed):
            yield found


async def _batch(
    search: Search, name: str, listed: list[str], work: list[str]
) -> BatchOfDomain | None:
    """None: it is another Domain's, or has gone."""
    place = keys.content(name)
    if keys.submitted(name) in listed:
        place = keys.submitted(name)
    elif place not in listed:
        return None
    found = await search.get(place)
    if found is None:
        return None
    fields = decoded(found.body, place)
    content = fields.get("content", fields)
    if content.get("domain") != search.domain:
        return None
    outcomes = [key for key in listed if key.startswith(keys.outcomes(name))]
    return BatchOfDomain(name, content, sorted(outcomes), work)


async def _open_work(search: Search) -> dict[str, list[str]]:
    """Batch → its work objects. Listed before anything else: what arrives meanwhile is still
    found where it arrives."""
    work: dict[str, list[str]] = {}
    for prefix in (*keys.WORK, keys.WAITING, keys.FAILED):
        async for entry in list_all(search.store, prefix):
            search.count()
            if batch := keys.batch_of_open_work(entry.key):
                work.setdefault(batch, []).append(entry.key)
    return work


async def still_open(search: Search, batch: BatchOfDomain) -> list[str]:
    """The work objects of a Batch that seem to be about the person."""
    return await _about(search, batch.open)


async def uploads(search: Search) -> list[str]:
    """The same of what an app has put into the Domain's inbox, and is no Batch yet, or failed to
    become one."""
    inbox = keys.inbox_of(search.domain)
    found = [entry.key async for entry in list_all(search.store, inbox)]
    found += [entry.key async for entry in list_all(search.store, keys.failed_of("submit", inbox))]
    return await _about(search, found)


async def _about(search: Search, work: list[str]) -> list[str]:
    about: list[str] = []
    for key in work:
        search.count()
        found = await search.get(key)
        if found and search.person.may_be_in(_text(key, found.body).lower()):
            about.append(key)
    return about


def _text(key: str, body: bytes) -> bytes:
    if key.startswith(keys.FAILED):
        with suppress(msgspec.MsgspecError):
            body = msgspec.json.decode(body, type=Failure).body
    with suppress(Malformed):
        return bytes(unpack(body))
    return body


async def events(search: Search) -> AsyncIterator[tuple[str, Object]]:
    """(key, object) of all of the Domain's events."""
    async for entry in list_all(search.store, keys.events(search.domain)):
        search.count()
        if found := await search.get(entry.key):
            yield entry.key, found


async def received(search: Search) -> AsyncIterator[tuple[str, bytes]]:
    """(key, body) of the mail that the Domain has received from or to the person."""
    from shared import inbound

    async for entry in list_all(search.store, keys.received_by(search.domain)):
        search.count()
        found = await search.get(entry.key)
        if found is None:
            continue
        try:
            letter = inbound.decode(found.body)
        except Malformed:
            continue  # no mail: nobody put it there but by hand
        if _is_between(letter, search.person):
            yield entry.key, found.body


_HEADERS = ("from", "sender", "reply-to", "to", "cc")


def _is_between(letter: Any, person: Person) -> bool:
    from email.parser import BytesHeaderParser
    from email.policy import compat32

    if any(person.is_(each) for each in (letter.sender, *letter.recipients)):
        return True
    headers = BytesHeaderParser(policy=compat32).parsebytes(letter.message)
    values = [str(value) for name in _HEADERS for value in headers.get_all(name, [])]
    return any(person.is_in(" ".join(value.split())) for value in values)


def decoded(body: bytes, key: str) -> Fields:
    """Raises `Malformed`."""
    try:
        return msgspec.json.decode(unpack(body), type=Fields)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"{key} cannot be read: {error}") from error
