"""The log of tries to tell a Webhook: one object a turn, one line a POST.

    calls/<domain>/<webhook>/<day>/<time>.<name>.jsonl

The bucket's lifecycle ends it (`shared/layout.py`). It is what a replay by time goes by.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import msgspec

from shared import keys
from shared.errors import NotFound
from shared.store.base import Store, list_all


class WebhookAttempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One POST, or why there was none."""

    id: str
    """The message's, as `webhook-id` has it."""
    at: float
    source: str
    attempt: int = 0
    event: str = ""
    """What was told, such as `bounced`; empty of several together."""
    delivery: str = ""
    events: int = 1
    """How many were in it."""
    status: int = 0
    """The answer's; 0: there was none."""
    error: str = ""
    duration_s: float = 0.0

    @property
    def taken(self) -> bool:
        return 200 <= self.status < 300


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(WebhookAttempt)


async def write(
    store: Store, domain: str, webhook: str, name: str, attempts: Sequence[WebhookAttempt]
) -> None:
    """One turn of one call. Done again after a crash, it is logged again: so it was."""
    at = max(each.at for each in attempts)
    key = keys.call_log(domain, webhook, at, name)
    await store.put(key, _ENCODER.encode_lines(attempts))


async def of_day(
    store: Store, domain: str, webhook: str, day: str, before: str = ""
) -> AsyncIterator[tuple[str, list[WebhookAttempt]]]:
    """(name of the log object, its lines) of one day, the latest first, from behind `before`.

    What cannot be read, or was deleted since it was listed, has no lines.
    """
    prefix = keys.calls_of_day(domain, webhook, day)
    found = sorted([entry.key async for entry in list_all(store, prefix)], reverse=True)
    for key in found:
        name = key.removeprefix(prefix)
        if not before or name < before:
            yield name, await _read(store, key)


async def _read(store: Store, key: str) -> list[WebhookAttempt]:
    with suppress(NotFound, msgspec.MsgspecError, UnicodeDecodeError):
        return _DECODER.decode_lines((await store.get(key)).body)
    return []
