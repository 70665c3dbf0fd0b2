"""Making and changing Domains: what the CLI and the operator API do.

A Domain exists when its record does, so the record is written last.
"""

import secrets
from typing import Any

import msgspec

from shared import dkim_keys, keys
from shared.address import normal_domain
from shared.domains import TEMPLATE_ID, ApiKey, DkimKeys, Domain, Template, new_api_key
from shared.errors import AlreadyExists, Malformed, NotFound
from shared.store.base import Store


class Refused(Malformed):
    """What was asked for cannot be done; the message says why."""


async def add_domain(
    store: Store,
    name: str,
    algorithms: list[dkim_keys.Algorithm],
    now: float,
    selector: str = "ekiden1",
    return_path_host: str = "",
) -> tuple[Domain, DkimKeys]:
    """A new Domain with one DKIM key per algorithm. Raises `Refused`."""
    domain = normal_domain(name)
    if domain is None:
        raise Refused(f"{name!r} is no domain name")
    record = Domain(
        name=domain,
        created_at=now,
        return_path_secret=secrets.token_hex(32),
        return_path_host=return_path_host,
    )
    selectors = [
        selector if place == 0 else f"{selector}-{place + 1}" for place in range(len(algorithms))
    ]
    made = [
        dkim_keys.generate(algorithm, each, now)
        for algorithm, each in zip(algorithms, selectors, strict=True)
    ]
    dkim = DkimKeys(keys=made, signing=selectors)
    try:
        await _read_domain(store, domain)
    except NotFound:
        pass
    else:
        raise Refused(f"the Domain {domain} exists")
    await store.put(keys.domain_dkim(domain), msgspec.json.encode(dkim))
    try:
        # Died before: the keys are made again. Died after: the Domain is there.
        await store.create(keys.domain_record(domain), msgspec.json.encode(record))
    except AlreadyExists as error:
        raise Refused(f"the Domain {domain} exists") from error
    return record, dkim


async def add_dkim_key(
    store: Store, domain: str, algorithm: dkim_keys.Algorithm, selector: str, now: float
) -> DkimKeys:
    """One more key, which does not sign yet: its record has to be published first."""
    dkim, etag = await read_dkim(store, domain)
    if any(key.selector == selector for key in dkim.keys):
        raise Refused(f"{domain} has a key with the selector {selector!r}")
    made = dkim_keys.generate(algorithm, selector, now)
    changed = DkimKeys(keys=[*dkim.keys, made], signing=dkim.signing)
    await store.replace(keys.domain_dkim(domain), msgspec.json.encode(changed), etag)
    return changed


async def sign_with(store: Store, domain: str, selectors: list[str]) -> DkimKeys:
    """Sign with these keys from now on. The others stay, for mail that is under way."""
    dkim, etag = await read_dkim(store, domain)
    known = {key.selector for key in dkim.keys}
    if not selectors or not set(selectors) <= known:
        raise Refused(f"{domain} has the selectors {', '.join(sorted(known))}")
    changed = DkimKeys(keys=dkim.keys, signing=selectors)
    await store.replace(keys.domain_dkim(domain), msgspec.json.encode(changed), etag)
    return changed


async def read_dkim(store: Store, domain: str) -> tuple[DkimKeys, str]:
    """The keys of a Domain, and the ETag to change them by. Raises `Refused`."""
    try:
        found = await store.get(keys.domain_dkim(domain))
    except NotFound as error:
        raise Refused(f"no Domain is called {domain!r}") from error
    return msgspec.json.decode(found.body, type=DkimKeys), found.etag


async def add_api_key(
    store: Store, domain: str, label: str, now: float, expires_at: float = 0.0
) -> str:
    """A new API key, as the app needs it. Only its hash is kept. Raises `Refused`."""
    try:
        await _read_domain(store, domain)
    except NotFound as error:
        raise Refused(f"no Domain is called {domain!r}: ekiden domain add {domain}") from error
    shown, record = new_api_key(domain, label, now, expires_at)
    await store.create(keys.api_key(domain, record.id), msgspec.json.encode(record))
    return shown


async def deactivate_api_key(store: Store, domain: str, key_id: str) -> None:
    """Refuse this key from now on (processes remember keys for a few seconds)."""
    key = keys.api_key(domain, key_id)
    try:
        found = await store.get(key)
    except NotFound as error:
        raise Refused(f"{domain} has no API key {key_id!r}") from error
    record = msgspec.json.decode(found.body, type=ApiKey)
    off = msgspec.structs.replace(record, active=False)
    await store.replace(key, msgspec.json.encode(off), found.etag)


async def change_domain(store: Store, domain: str, **changes: Any) -> Domain:
    """Change fields of a Domain's record (`routes`, `pools`, `receives`). Raises `Refused`."""
    key = keys.domain_record(domain)
    try:
        found = await store.get(key)
    except NotFound as error:
        raise Refused(f"no Domain is called {domain!r}: ekiden domain add {domain}") from error
    record = msgspec.json.decode(found.body, type=Domain)
    changed = msgspec.structs.replace(record, **changes)
    await store.replace(key, msgspec.json.encode(changed), found.etag)
    return changed


async def put_template(store: Store, domain: str, template: Template) -> None:
    """Store a Template, whatever was there. Batches accepted before keep what they had."""
    if not TEMPLATE_ID.fullmatch(template.id):
        raise Refused(f"{template.id!r}: a Template's id has letters, digits, dots, - and _")
    await _read_domain(store, domain)
    key = keys.template(domain, template.id)
    await store.put(key, msgspec.json.encode(template))


async def _read_domain(store: Store, domain: str) -> Domain:
    body = (await store.get(keys.domain_record(domain))).body
    return msgspec.json.decode(body, type=Domain)


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
