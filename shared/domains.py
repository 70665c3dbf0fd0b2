"""Domains and their API keys: the records, and a directory that reads them with a short memory.

Records change rarely and every request needs them, so a process remembers them for
`REMEMBER_S`: a deactivated key stops working within that time.
"""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from shared import keys
from shared.address import normal_domain
from shared.dkim_stored import StoredKey
from shared.errors import NotFound
from shared.ids import digest
from shared.stage import Clock
from shared.store.base import Store
from shared.tracking import Tracking

REMEMBER_S = 10.0
SEND, READ, ADMIN = SCOPES = ("send", "read", "admin")
"""What an API key may be good for: submitting mail, reading, changing its own Domain."""
USUAL_SCOPES = (SEND, READ)
_API_KEY = re.compile(r"ek_([a-z0-9]{12})_([A-Za-z0-9_-]{43})_([a-z0-9.-]+)")

T = TypeVar("T")


class Domain(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`domains/<domain>/domain.json`: a sender's identity."""

    name: str
    created_at: float
    return_path_secret: str
    """Hex; keys the MAC in return paths."""
    return_path_host: str = ""
    """Where bounces come back to; empty: the Domain itself."""
    routes: dict[str, str] = {}
    """Recipient domain, `*.` and a parent domain, or `*` → route, as in `send.route`."""
    pools: list[str] = []
    """Pools of sending addresses that its Batches may name; the first is for those that do not."""
    tracking: Tracking = Tracking()
    """The ceiling: no Batch may ask for more."""
    tracking_host: str = ""
    """Where opens and clicks of its mails go, over https; empty: `track.public_url`."""
    receives: list[str] = []
    """Addresses that port 25 takes mail for, or `@example.com` for all of a domain."""
    webhooks: dict[str, list[str]] = {}
    """Webhook → what it wants to hear: who writes down what happened looks here first."""


class DkimKeys(msgspec.Struct, frozen=True):
    """`domains/<domain>/dkim.json`: apart from the record, because only `dispatch` may read it."""

    keys: list[StoredKey]
    """All whose public half may be published. An old one stays until its mail has arrived."""
    signing: list[str]
    """The selectors of those that sign now: one signature each."""

    def in_use(self) -> list[StoredKey]:
        return [key for key in self.keys if key.selector in self.signing]


class ApiKey(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`domains/<domain>/keys/<id>.json`. The key itself is shown once and never stored."""

    id: str
    hash: str
    """Hex SHA-256 of the secret part. 256 random bits need no slow hash."""
    created_at: float
    name: str = ""
    expires_at: float = 0.0
    """Seconds since 1970; 0: never."""
    active: bool = True
    scopes: tuple[str, ...] = USUAL_SCOPES


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom an API key speaks for, and what it is good for."""

    domain: str
    key_id: str
    scopes: frozenset[str]


TEMPLATE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""It is part of a key, and some stores refuse more than a name."""


class TemplateSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What its author wrote, and asked to have made of it."""

    html: str = ""
    text: str = ""
    mjml: str = ""
    """Instead of `html`: https://documentation.mjml.io."""
    inline_css: bool = False
    """The rules of `<style>` were written into the elements that they are about."""
    auto_text: bool = False
    """The text was made from the HTML."""


class Template(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`domains/<domain>/templates/<id>.json`: the texts that Batches take, ready made."""

    id: str
    subject: str = ""
    html: str = ""
    text: str = ""
    updated_at: float = 0.0
    updated_by: str = ""
    version: int = 1
    """Counts up with each change; what it was before is below `template_versions/`."""
    source: TemplateSource | None = None
    """None: html and text are as they were given."""
    deleted: bool = False
    """It stays as a mark, so that no number is used twice."""


def new_api_key(
    domain: str,
    name: str,
    now: float,
    expires_at: float = 0.0,
    scopes: Sequence[str] = USUAL_SCOPES,
) -> tuple[str, ApiKey]:
    """A fresh key, as the app gets it, and its record. The Domain is part of it, for `Bearer`."""
    key_id = secrets.token_hex(6)
    secret = secrets.token_urlsafe(32)
    record = ApiKey(
        id=key_id,
        hash=_hash(secret),
        created_at=now,
        name=name,
        expires_at=expires_at,
        scopes=tuple(scopes),
    )
    return f"ek_{key_id}_{secret}_{domain}", record


def _hash(secret: str) -> str:
    return digest("api key", secret).hex()


class Directory:
    """Looks Domains, API keys and Templates up."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: dict[str, tuple[float, object]] = {}

    async def domain(self, name: str) -> Domain:
        """Raises `NotFound`."""
        try:
            return await self._record(keys.domain_record(name), Domain)
        except NotFound as error:
            raise NotFound(f"no Domain is called {name!r}") from error

    async def domain_body(self, name: str) -> bytes:
        """The Domain's record as it is stored. Raises `NotFound`."""
        return await self._body(keys.domain_record(name))

    async def dkim_body(self, domain: str) -> bytes:
        """The Domain's DKIM keys as they are stored. Raises `NotFound`."""
        return await self._body(keys.domain_dkim(domain))

    async def tracking_body(self, domain: str) -> bytes:
        """The Domain's keys of tracked URLs as they are stored. Raises `NotFound`."""
        return await self._body(keys.domain_tracking(domain))

    async def template(self, domain: str, template_id: str) -> Template:
        """Raises `NotFound`. Never remembered: a Template counts from the moment it is put."""
        place = keys.template(domain, template_id)
        found = msgspec.json.decode((await self._store.get(place)).body, type=Template)
        if found.deleted:
            raise NotFound(place)
        return found

    async def authenticate(
        self, presented: str, domain: str | None, scope: str = SEND
    ) -> str | None:
        """The Domain that this API key speaks for, or None, also if it is not good for `scope`."""
        found = await self.identify(presented, domain)
        return found.domain if found and scope in found.scopes else None

    async def identify(self, presented: str, domain: str | None) -> Identity | None:
        """Whom this API key speaks for, or None. `domain` is the user name, if any."""
        match = _API_KEY.fullmatch(presented)
        if match is None or domain not in (None, match[3]) or normal_domain(match[3]) != match[3]:
            return None  # the name becomes part of a key in the store
        try:
            record = await self._record(keys.api_key(match[3], match[1]), ApiKey)
        except NotFound:
            return None
        expired = record.expires_at and record.expires_at <= self._clock()
        if not hmac.compare_digest(record.hash, _hash(match[2])) or not record.active or expired:
            return None
        return Identity(match[3], record.id, frozenset(record.scopes))

    async def _record(self, key: str, kind: type[T]) -> T:
        return msgspec.json.decode(await self._body(key), type=kind)

    async def _body(self, key: str) -> bytes:
        async def read() -> bytes:
            return (await self._store.get(key)).body

        return await self.remember(key, read)

    def forget(self, key: str) -> None:
        """Read it again the next time."""
        self._remembered.pop(key, None)

    async def remember(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` gave at most `REMEMBER_S` ago."""
        known = self._remembered.get(key)
        # A clock that was set back must not prolong it.
        if known and 0 < known[0] - self._clock() <= REMEMBER_S:
            return known[1]  # type: ignore[return-value]  # each key always holds one type
        value = await read()
        if len(self._remembered) > 10_000:
            self._remembered.clear()
        self._remembered[key] = (self._clock() + REMEMBER_S, value)
        return value
