"""Templates as they change: the present one, and what it was before.

    domains/<domain>/templates/<id>.json                     the present one, or that it is deleted
    domains/<domain>/template_versions/<id>/<number>.json    each earlier one, never changed

Each change first copies the present one to its number, then replaces it by compare-and-swap. Died
in between: the copy is there before its time, and the next change finds it as it has to be.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from shared import keys
from shared.domains import TEMPLATE_ID, Template
from shared.errors import Changed, Malformed, NotFound
from shared.stage import write_once
from shared.store.base import Store

MOST_VERSIONS = 999_999
"""Its number has six digits in its key."""
READ_AT_ONCE = 16


class Refused(Malformed):
    """The Template cannot be stored; the message says why."""


async def present(store: Store, domain: str, template_id: str) -> tuple[Template, str]:
    """The Template, and the ETag to change it by. Raises `NotFound`."""
    found = await _stored(store, domain, template_id)
    if found is None or found[0].deleted:
        raise NotFound(f"{domain} has no Template {template_id!r}")
    return found


async def put(
    store: Store, domain: str, template: Template, etag: str | None = None
) -> tuple[Template, str]:
    """Store this Template with the next number; return it, and its ETag.

    With `etag` only if that is the present one's ("" for: there is none). What says the same as
    the present one is no change. Raises `LostRace`, `Refused`.
    """
    if not TEMPLATE_ID.fullmatch(template.id):
        raise Refused(f"{template.id!r}: a Template's id has letters, digits, dots, - and _")
    place = keys.template(domain, template.id)
    found = await _stored(store, domain, template.id)
    if found is None:
        if etag:
            raise Changed(place)
        first = msgspec.structs.replace(template, version=1)
        return first, await store.create(place, msgspec.json.encode(first))
    now, etag_now = found
    if etag is not None and etag != ("" if now.deleted else etag_now):
        raise Changed(place)
    if _says(now) == _says(template):
        return now, etag_now
    return await _follow(store, domain, found, template)


async def remove(store: Store, domain: str, mark: Template, etag: str | None = None) -> None:
    """Batches cannot name it any more; its versions stay. `mark` has its id, who did it and when.

    Raises `NotFound`, `LostRace`.
    """
    found = await present(store, domain, mark.id)
    if etag not in (None, found[1]):
        raise Changed(keys.template(domain, mark.id))
    await _follow(store, domain, found, msgspec.structs.replace(mark, deleted=True))


async def _follow(
    store: Store, domain: str, before: tuple[Template, str], after: Template
) -> tuple[Template, str]:
    old, etag = before
    if old.version >= MOST_VERSIONS:
        raise Refused(f"{old.id} has had {MOST_VERSIONS} versions: take another id")
    if not old.deleted:
        kept = keys.template_version(domain, old.id, old.version)
        await write_once(store, kept, msgspec.json.encode(old))
    numbered = msgspec.structs.replace(after, version=old.version + 1)
    # Died before: nothing has changed but for the copy. Died after: it is done.
    body = msgspec.json.encode(numbered)
    return numbered, await store.replace(keys.template(domain, old.id), body, etag)


async def version(store: Store, domain: str, template_id: str, number: int) -> Template:
    """An earlier version, or the present one by its number. Raises `NotFound`."""
    found = await _stored(store, domain, template_id)
    if found and found[0].version == number and not found[0].deleted:
        return found[0]
    try:
        body = (await store.get(keys.template_version(domain, template_id, number))).body
    except NotFound as error:
        raise NotFound(f"the Template {template_id!r} has no version {number}") from error
    return msgspec.json.decode(body, type=Template)


async def versions(
    store: Store, domain: str, template_id: str, after: int, limit: int
) -> list[Template]:
    """At most `limit` versions behind number `after`, in order; the present one is the last."""
    found = await _stored(store, domain, template_id)
    if found is None:
        raise NotFound(f"{domain} has no Template {template_id!r}")
    start = keys.template_version(domain, template_id, after) if after else ""
    page = await store.list_page(keys.template_versions(domain, template_id), start, limit)
    numbers = [keys.parse_template_version(entry.key) for entry in page]
    # A copy that is there before its time is the present one.
    earlier = [number for number in numbers if number < found[0].version]
    places = [keys.template_version(domain, template_id, number) for number in earlier]
    shown = await _read(store, places)
    if len(shown) < limit and not found[0].deleted and found[0].version > after:
        shown.append(found[0])
    return shown


async def listed(
    store: Store, domain: str, after: str, limit: int
) -> tuple[list[Template], str | None]:
    """(Templates by id, the id to go on behind or None). Deleted ones are passed over."""
    start = keys.template(domain, after) if after else ""
    page = await store.list_page(keys.templates(domain), start, limit)
    there = [each for each in await _read(store, [entry.key for entry in page]) if not each.deleted]
    return there, keys.parse_template(page[-1].key) if len(page) == limit else None


async def _read(store: Store, places: Sequence[str]) -> list[Template]:
    """Those of them that are there."""
    found: list[Template] = []
    for start in range(0, len(places), READ_AT_ONCE):
        some = places[start : start + READ_AT_ONCE]
        answers = await asyncio.gather(*map(store.get, some), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, NotFound):
                continue
            if isinstance(answer, BaseException):
                raise answer
            found.append(msgspec.json.decode(answer.body, type=Template))
    return found


async def _stored(store: Store, domain: str, template_id: str) -> tuple[Template, str] | None:
    """Also one that is deleted."""
    try:
        found = await store.get(keys.template(domain, template_id))
    except NotFound:
        return None
    return msgspec.json.decode(found.body, type=Template), found.etag


def _says(template: Template) -> Template:
    return msgspec.structs.replace(template, version=0, updated_at=0.0, updated_by="")
