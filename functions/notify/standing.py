"""How a Webhook stands, in its record: failing since when, paused, or switched off by itself.

Written when that changes, not with each call. Whoever loses a race has nothing to add: another
call has just said the same, or a person has changed it.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from shared import keys
from shared.domains import Directory
from shared.errors import LostRace, NotFound
from shared.stage import Clock
from shared.store.base import Store
from shared.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Standing:
    """Reads and changes Webhooks."""

    store: Store
    directory: Directory
    clock: Clock
    pause_after_s: float

    async def load(self, domain: str, webhook_id: str) -> Webhook | None:
        """As it was a few seconds ago at most; None if there is none."""
        key = keys.webhook(domain, webhook_id)

        async def read() -> Webhook:
            return msgspec.json.decode((await self.store.get(key)).body, type=Webhook)

        try:
            return await self.directory.remember(key, read)
        except NotFound:
            return None

    async def took(self, domain: str, webhook: Webhook) -> None:
        if webhook.failing_since:
            await self._change(domain, webhook.id, failing_since=0.0)

    async def failed(self, domain: str, webhook: Webhook, why: str) -> None:
        """For the first time, or for too long."""
        now = self.clock()
        if not webhook.failing_since:
            await self._change(domain, webhook.id, failing_since=now)
        elif now - webhook.failing_since >= self.pause_after_s and not webhook.paused_at:
            since = datetime.fromtimestamp(webhook.failing_since, UTC)
            why = f"nothing was taken since {since:%Y-%m-%d %H:%M}Z; at last: {why}"
            await self._change(domain, webhook.id, paused_at=now, why=why)

    async def gone(self, domain: str, webhook: Webhook) -> None:
        await self._change(domain, webhook.id, active=False, why="it answered 410 Gone")

    async def _change(self, domain: str, webhook_id: str, **fields: Any) -> None:
        key = keys.webhook(domain, webhook_id)
        with suppress(LostRace, NotFound):
            found = await self.store.get(key)
            record = msgspec.json.decode(found.body, type=Webhook)
            changed = msgspec.structs.replace(record, **fields)
            if changed != record:
                await self.store.replace(key, msgspec.json.encode(changed), found.etag)
        self.directory.forget(key)
