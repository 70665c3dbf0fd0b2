"""Making and changing Domains: what the CLI and the operator API do.

A Domain exists when its record does, so the record is written last, and deleted last.
"""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Any

import msgspec

from shared import dkim_keys, keys, open_work, template_versions
from shared.address import normal_domain
from shared.dkim_stored import Algorithm, StoredKey
from shared.domains import USUAL_SCOPES, ApiKey, DkimKeys, Domain, Template, new_api_key
from shared.errors import AlreadyExists, Changed, Malformed, NotFound
from shared.store.base import Store, list_all

_MAX_LABEL_CHARS = 63  # RFC 1035 §2.3.4


MOST_DKIM_KEYS = 20
"""Of a Domain; two sign, and a few are on their way in or out."""


class Refused(Malformed):
    """What was asked for cannot be done; the message says why."""


class Unknown(Refused, NotFound):
    """There is no such Domain, API key or DKIM key."""


class Taken(Refused):
    """There is one of that name."""


class InUse(Refused):
    """It is needed yet."""


async def add_domain(
    store: Store,
    name: str,
    algorithms: list[Algorithm],
    now: float,
    selector: str = "ekiden1",
    return_path_host: str = "",
) -> tuple[Domain, DkimKeys]:
    """A new Domain with one DKIM key per algorithm. Raises `Refused`, `Taken`."""
    domain = normal_domain(name)
    if domain is None:
        raise Refused(f"{name!r} is no domain name")
    if await _has_record(store, domain):
        raise Taken(f"the Domain {domain} exists")
    record = Domain(
        name=domain,
        created_at=now,
        return_path_secret=secrets.token_hex(32),
        return_path_host=return_path_host,
    )
    made = [
        await _generated(algorithm, f"{selector}-{place}" if place > 1 else selector, now)
        for place, algorithm in enumerate(algorithms, 1)
    ]
    dkim = await _first_dkim(store, domain, DkimKeys(made, [each.selector for each in made]))
    try:
        # Died before: the same call finds the keys, and goes on. Died after: the Domain is there.
        await store.create(keys.domain_record(domain), msgspec.json.encode(record))
    except AlreadyExists as error:
        raise Taken(f"the Domain {domain} exists") from error
    return record, dkim


async def _has_record(store: Store, domain: str) -> bool:
    try:
        await store.get(keys.domain_record(domain))
    except NotFound:
        return False
    return True


async def _generated(algorithm: Algorithm, selector: str, now: float) -> StoredKey:
    if max(map(len, selector.split("."))) > _MAX_LABEL_CHARS:
        raise Refused(f"the selector {selector!r} has a label over {_MAX_LABEL_CHARS} characters")
    # An RSA key takes up to a second, and others call meanwhile.
    return await asyncio.to_thread(dkim_keys.generate, algorithm, selector, now)


async def _first_dkim(store: Store, domain: str, made: DkimKeys) -> DkimKeys:
    """What is stored as the first keys of a Domain that has no record yet.

    A twin of this call, or one that died, may have stored its own: those are taken on, so that
    twins show the same records to publish.
    """
    place = keys.domain_dkim(domain)
    try:
        await store.create(place, msgspec.json.encode(made))
        return made
    except AlreadyExists:
        found, etag = await read_dkim(store, domain)
    if _alike(found) == _alike(made):
        return found
    await store.replace(place, msgspec.json.encode(made), etag)
    return made


def _alike(dkim: DkimKeys) -> list[tuple[str, str]]:
    return [(key.selector, key.algorithm) for key in dkim.keys]


async def remove_domain(store: Store, domain: str, *, force: bool = False) -> None:
    """Nobody can send as this Domain any more: its keys and webhooks are deleted, and at last
    its record.

    Templates, suppressions, tags, and all that was sent and received stay. Refused while work is
    open, unless it is forced: then that work goes to `failed/`. Died in between: the Domain is
    there, without some of its keys, and the same call goes on. Raises `Unknown`, `InUse`.
    """
    await read_domain(store, domain)
    if not force and (key := await open_work.find(store, domain)):
        raise InUse(f"{domain} has open work: {key}")
    await _delete_below(store, keys.api_keys(domain))
    await _delete_below(store, keys.webhooks(domain))
    await store.delete(keys.domain_dkim(domain), keys.domain_tracking(domain))
    await store.delete(keys.domain_record(domain))
    # One that was made meanwhile must not speak for a later Domain of this name.
    await _delete_below(store, keys.api_keys(domain))


async def _delete_below(store: Store, prefix: str) -> None:
    found = [entry.key async for entry in list_all(store, prefix)]
    for start in range(0, len(found), 1000):
        await store.delete(*found[start : start + 1000])


async def add_dkim_key(
    store: Store, domain: str, algorithm: Algorithm, selector: str, now: float
) -> DkimKeys:
    """One more key, which does not sign yet: its record has to be published first.

    Raises `Unknown`, `Taken`, `Changed`, `Refused` if there are very many, and `Malformed` for a
    selector that no DNS name has.
    """
    dkim, etag = await read_dkim(store, domain)
    if any(key.selector.lower() == selector.lower() for key in dkim.keys):
        raise Taken(f"{domain} has a key with the selector {selector!r}")
    if len(dkim.keys) >= MOST_DKIM_KEYS:
        raise Refused(
            f"{domain} has {MOST_DKIM_KEYS} keys: forget those that no mail needs any more"
        )
    made = await _generated(algorithm, selector, now)
    changed = DkimKeys(keys=[*dkim.keys, made], signing=dkim.signing)
    await store.replace(keys.domain_dkim(domain), msgspec.json.encode(changed), etag)
    return changed


async def sign_with(store: Store, domain: str, selectors: list[str]) -> DkimKeys:
    """Sign with these keys from now on. The others stay, for mail that is under way."""
    dkim, etag = await read_dkim(store, domain)
    known = {key.selector for key in dkim.keys}
    if not selectors or not set(selectors) <= known:
        raise Refused(f"{domain} has the selectors {', '.join(sorted(known))}")
    changed = DkimKeys(keys=dkim.keys, signing=list(dict.fromkeys(selectors)))
    await store.replace(keys.domain_dkim(domain), msgspec.json.encode(changed), etag)
    return changed


async def remove_dkim_key(store: Store, domain: str, selector: str) -> DkimKeys:
    """Forget a key that signs no more. Its DNS record has to stay until its mail has arrived.

    Raises `Unknown`, `InUse`, `Changed`.
    """
    dkim, etag = await read_dkim(store, domain)
    if selector not in {key.selector for key in dkim.keys}:
        raise Unknown(f"{domain} has no key with the selector {selector!r}")
    if selector in dkim.signing:
        raise InUse(f"{selector} signs: let others sign first")
    kept = [key for key in dkim.keys if key.selector != selector]
    changed = DkimKeys(keys=kept, signing=dkim.signing)
    await store.replace(keys.domain_dkim(domain), msgspec.json.encode(changed), etag)
    return changed


async def read_dkim(store: Store, domain: str) -> tuple[DkimKeys, str]:
    """The keys of a Domain, and the ETag to change them by. Raises `Unknown`."""
    try:
        found = await store.get(keys.domain_dkim(domain))
    except NotFound as error:
        raise Unknown(f"no Domain is called {domain!r}") from error
    return msgspec.json.decode(found.body, type=DkimKeys), found.etag


async def add_api_key(
    store: Store,
    domain: str,
    label: str,
    now: float,
    expires_at: float = 0.0,
    scopes: Sequence[str] = USUAL_SCOPES,
) -> str:
    """A new API key, as the app needs it. Only its hash is kept. Raises `Unknown`."""
    shown, record = new_api_key(domain, label, now, expires_at, scopes)
    await keep_api_key(store, domain, record)
    return shown


async def keep_api_key(store: Store, domain: str, record: ApiKey) -> None:
    """From now on it speaks for the Domain. Raises `Unknown`."""
    await read_domain(store, domain)
    await store.create(keys.api_key(domain, record.id), msgspec.json.encode(record))


async def read_api_key(store: Store, domain: str, key_id: str) -> tuple[ApiKey, str]:
    """The record of an API key, and the ETag to change it by. Raises `Unknown`."""
    try:
        found = await store.get(keys.api_key(domain, key_id))
    except NotFound as error:
        raise Unknown(f"{domain} has no API key {key_id!r}") from error
    return msgspec.json.decode(found.body, type=ApiKey), found.etag


async def deactivate_api_key(store: Store, domain: str, key_id: str) -> None:
    """Refuse this key from now on (processes remember keys for a few seconds)."""
    record, etag = await read_api_key(store, domain, key_id)
    off = msgspec.structs.replace(record, active=False)
    await store.replace(keys.api_key(domain, key_id), msgspec.json.encode(off), etag)


async def change_domain(
    store: Store, domain: str, etag: str | None = None, **changes: Any
) -> Domain:
    """Change fields of a Domain's record, such as `routes`; with `etag` only if it still has that.

    Raises `Unknown`, `Changed`.
    """
    record, found = await read_domain(store, domain)
    if etag not in (None, found):
        raise Changed(keys.domain_record(domain))
    changed = msgspec.structs.replace(record, **changes)
    await store.replace(keys.domain_record(domain), msgspec.json.encode(changed), found)
    return changed


async def read_domain(store: Store, domain: str) -> tuple[Domain, str]:
    """A Domain's record, and the ETag to change it by. Raises `Unknown`."""
    try:
        found = await store.get(keys.domain_record(domain))
    except NotFound as error:
        raise Unknown(f"no Domain is called {domain!r}: ekiden domain add {domain}") from error
    return msgspec.json.decode(found.body, type=Domain), found.etag


async def put_template(
    store: Store, domain: str, template: Template, etag: str | None = None
) -> tuple[Template, str]:
    """Store a Template; what was there becomes an earlier version. Batches accepted before keep
    what they had. Raises `Unknown`, `Refused`, `LostRace` (`template_versions.put`)."""
    await read_domain(store, domain)
    return await template_versions.put(store, domain, template, etag)


def dns_records(domain: Domain, dkim: DkimKeys) -> list[tuple[str, str, str]]:
    """(type, name, value) of what to publish so that the mail is trusted and bounces come back."""
    host = domain.return_path_host or domain.name
    records = [
        ("TXT", *dkim_keys.dns_record(key.selector, domain.name, dkim_keys.load(key)))
        for key in dkim.keys
    ]
    records.append(("TXT", host, "v=spf1 a mx ~all"))
    records.append(("TXT", f"_dmarc.{domain.name}", "v=DMARC1; p=none; adkim=r; aspf=r"))
    if host != domain.name:
        records.append(("MX", host, "10 <the host that runs Ekiden>"))
    return records
