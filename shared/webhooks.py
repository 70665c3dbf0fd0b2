"""Webhooks: where a Domain wants to hear what happened, and what it wants to hear.

    domains/<domain>/webhooks/<id>.json   the Webhook
    domains/<domain>/domain.json          which there are, and what each wants to hear

The Domain's record decides which Webhooks there are: who writes down what happened has it in
memory, so that a Domain without a Webhook costs nothing.
"""

import secrets
from base64 import b64encode
from contextlib import suppress

import msgspec

from shared import keys
from shared.config import Config
from shared.domains import Domain
from shared.errors import Changed, Malformed, NotFound
from shared.http_url import parse as parse_url
from shared.networks import is_public, is_within, parse_networks
from shared.outcome import State
from shared.store.base import Store

RECEIVED = "received"
EVENTS = (
    *(str(state) for state in State if state is not State.QUEUED),
    *("opened", "clicked", "unsubscribed", "complained"),
    RECEIVED,
)
"""All that a Webhook may want to hear: Outcomes, what became known later, mail that arrived."""
MOST_OF_A_DOMAIN = 20
MOST_SECRETS = 4
"""That sign side by side."""
MOST_PER_POST = 500
SECRET_PREFIX = "whsec_"
_TRIES = 20
"""To change the Domain's record, which others change too."""


class Secret(msgspec.Struct, frozen=True, omit_defaults=True):
    """What signs."""

    value: str
    """`whsec_` and base 64, as Standard Webhooks writes it."""
    created_at: float
    until: float = 0.0
    """When it signs no longer, seconds since 1970; 0: it is the current one."""


class Webhook(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`domains/<domain>/webhooks/<id>.json`."""

    id: str
    url: str
    events: tuple[str, ...] = EVENTS
    secrets: list[Secret]
    """The newest first."""
    created_at: float
    tag: str = ""
    """Only of Batches that carry it; empty: of all."""
    per_post: int = 1
    """1: one event is one POST, an object. More: up to so many as an array."""
    active: bool = True
    failing_since: float = 0.0
    """Nothing was taken since then, seconds since 1970; 0: all is well."""
    paused_at: float = 0.0
    """When it had failed for too long; what it had to hear is under `failed/notify/` since."""
    why: str = ""
    """Why it is paused, or not active."""

    def signing(self, now: float) -> list[str]:
        """The secrets that sign at this time, the newest first."""
        return [each.value for each in self.secrets if not each.until or each.until > now]


class Rules(msgspec.Struct, frozen=True):
    """What the configuration allows."""

    allow_insecure: bool = False
    allow_private: bool = False
    networks: tuple[str, ...] = ()
    """Private ones that may be called all the same."""
    rotation_overlap_s: float = 24 * 3600.0


class WebhookChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What to change of a Webhook; what is left out stays."""

    url: str | None = None
    events: list[str] | None = None
    tag: str | None = None
    per_post: int | None = None
    active: bool | None = None
    """true also ends a pause."""


def rules_of(config: Config) -> Rules:
    ours = config.webhooks
    return Rules(ours.allow_insecure, ours.allow_private, ours.networks, ours.rotation_overlap)


async def list_webhooks(store: Store, domain: str) -> list[Webhook]:
    """The oldest first. Raises `NotFound`."""
    record, _ = await _domain(store, domain)
    found = []
    for each in record.webhooks:
        with suppress(NotFound):  # removed just now
            found.append(await load(store, domain, each))
    return sorted(found, key=lambda each: (each.created_at, each.id))


async def load(store: Store, domain: str, webhook_id: str) -> Webhook:
    """Raises `NotFound`."""
    return (await _load(store, domain, webhook_id))[0]


async def add(
    store: Store, domain: str, change: WebhookChange, rules: Rules, now: float
) -> Webhook:
    """A new Webhook with its first secret. Raises `NotFound`, `Malformed`."""
    _check_room((await _domain(store, domain))[0])
    plain = Webhook(id=f"wh_{secrets.token_hex(6)}", url="", secrets=[_new(now)], created_at=now)
    made = changed(plain, change, rules)
    await store.create(keys.webhook(domain, made.id), msgspec.json.encode(made))
    # Died before: nobody knows of it. Died after: it hears.
    await _enter(store, domain, made.id, is_new=True)
    return made


async def change(
    store: Store, domain: str, webhook_id: str, wanted: WebhookChange, rules: Rules
) -> Webhook:
    """Raises `NotFound`, `Malformed`, `Changed`."""
    before, its_etag = await _load(store, domain, webhook_id)
    after = changed(before, wanted, rules)
    await store.replace(keys.webhook(domain, webhook_id), msgspec.json.encode(after), its_etag)
    # Died before: it hears what it heard until now, of what it wants now.
    await _enter(store, domain, webhook_id)
    return after


async def remove(store: Store, domain: str, webhook_id: str) -> None:
    """What it still had to hear is dropped. Raises `NotFound`."""
    record, etag = await _domain(store, domain)
    if webhook_id not in record.webhooks:
        raise NotFound(f"{domain} has no Webhook {webhook_id!r}")
    while webhook_id in record.webhooks:
        left = {name: events for name, events in record.webhooks.items() if name != webhook_id}
        await _try_to_change(store, record, left, etag)
        record, etag = await _domain(store, domain)
    # Died before: it is no Webhook any more, and its object lies about.
    await store.delete(keys.webhook(domain, webhook_id))


async def rotate(
    store: Store, domain: str, webhook_id: str, rules: Rules, now: float
) -> tuple[Webhook, str]:
    """A new secret, which is returned too. The old ones sign beside it for the overlap. Raises
    `NotFound`, `Changed`."""
    before, etag = await _load(store, domain, webhook_id)
    until = now + rules.rotation_overlap_s
    old = [
        each if each.until else msgspec.structs.replace(each, until=until)
        for each in before.secrets
        if not each.until or each.until > now
    ]
    made = _new(now)
    after = msgspec.structs.replace(before, secrets=[made, *old][:MOST_SECRETS])
    await store.replace(keys.webhook(domain, webhook_id), msgspec.json.encode(after), etag)
    return after, made.value


def changed(webhook: Webhook, wanted: WebhookChange, rules: Rules) -> Webhook:
    """The Webhook with these changes. Raises `Malformed`."""
    fields = {
        name: value
        for name in ("url", "tag", "per_post", "active")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.events is not None:
        fields["events"] = _checked_events(wanted.events)
    if wanted.active:
        fields |= {"paused_at": 0.0, "failing_since": 0.0, "why": ""}
    after = msgspec.structs.replace(webhook, **fields)
    check_url(after.url, rules)
    if not 1 <= after.per_post <= MOST_PER_POST:
        raise Malformed(f"per_post: {after.per_post} is no number from 1 to {MOST_PER_POST}")
    if len(after.tag) > 100:
        raise Malformed("tag: no tag is longer than 100 characters")
    return after


def check_url(text: str, rules: Rules) -> None:
    """Raises `Malformed`. What a name stands for is checked again whenever it is called."""
    url = parse_url(text)
    if not url.is_secure and not rules.allow_insecure:
        raise Malformed("url: it has to begin with https://, or all could read along")
    is_address = ":" in url.host or url.host.rpartition(".")[2].isdigit()
    if is_address and not may_call(url.host, rules):
        raise Malformed(f"url: {url.host} is inside a private network")


def may_call(address: str, rules: Rules) -> bool:
    return (
        rules.allow_private
        or is_public(address)
        or is_within(address, parse_networks(rules.networks))
    )


def _checked_events(events: list[str]) -> tuple[str, ...]:
    unknown = [each for each in events if each not in EVENTS]
    if unknown or not events:
        named = f"{unknown[0]!r} is none" if unknown else "there are none"
        raise Malformed(f"events: {named}; take any of {', '.join(EVENTS)}")
    return tuple(each for each in EVENTS if each in events)


def _new(now: float) -> Secret:
    return Secret(SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode(), now)


def _check_room(record: Domain) -> None:
    """Raises `Malformed`."""
    if len(record.webhooks) >= MOST_OF_A_DOMAIN:
        raise Malformed(f"{record.name} has {MOST_OF_A_DOMAIN} Webhooks, and no Domain has more")


async def _enter(store: Store, domain: str, webhook_id: str, *, is_new: bool = False) -> None:
    """Say in the Domain's record what the Webhook wants to hear, whoever else changes the record,
    or the Webhook, meanwhile. Raises `NotFound`, `Malformed`, `Changed`."""
    for _ in range(_TRIES):
        record, etag = await _domain(store, domain)
        # Read behind the record: when both agree, nobody has entered anything older since.
        webhook = await load(store, domain, webhook_id)
        wanted = list(webhook.events) if webhook.active else []
        entered = record.webhooks.get(webhook_id)
        if entered == wanted:
            return
        if entered is None and not is_new:
            raise NotFound(f"{domain} has no Webhook {webhook_id!r}")  # removed just now
        if entered is None:
            _check_room(record)
        await _try_to_change(store, record, record.webhooks | {webhook_id: wanted}, etag)
    raise Changed(f"{domain} changes all the time")


async def _try_to_change(
    store: Store, record: Domain, webhooks: dict[str, list[str]], etag: str
) -> None:
    """Unless somebody else was quicker."""
    body = msgspec.json.encode(msgspec.structs.replace(record, webhooks=webhooks))
    with suppress(Changed):
        await store.replace(keys.domain_record(record.name), body, etag)


async def _load(store: Store, domain: str, webhook_id: str) -> tuple[Webhook, str]:
    try:
        found = await store.get(keys.webhook(domain, webhook_id))
    except NotFound as error:
        raise NotFound(f"{domain} has no Webhook {webhook_id!r}") from error
    return msgspec.json.decode(found.body, type=Webhook), found.etag


async def _domain(store: Store, domain: str) -> tuple[Domain, str]:
    try:
        found = await store.get(keys.domain_record(domain))
    except NotFound as error:
        raise NotFound(f"no Domain is called {domain!r}") from error
    return msgspec.json.decode(found.body, type=Domain), found.etag
