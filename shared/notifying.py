"""What Webhooks have to hear: written down by who recorded it, told by `notify`.

    notifying/<domain>/<webhook>/<name>.<turn>.json

One object for each Webhook and each object that says what happened: it names that object, not its
lines. So a Webhook that is slow or dead holds up no other one, and a Domain without a Webhook
costs no request: its record, which every stage has in memory, says so.
"""

from collections.abc import Collection, Mapping

import msgspec

from shared import keys
from shared.domains import Directory
from shared.errors import Malformed, NotFound
from shared.stage import Wake, wake, write_once
from shared.store.base import Store
from shared.together import together

TEST = "test"
"""The source of a call that only tries whether it arrives."""
STORED_WITHIN_S = 100.0
"""What was announced before it is stored is there by then, or its process has died. Less than the
sweep's patience: a call that it wakes again and again would become failed work."""


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A work object of `notify`."""

    domain: str
    webhook: str
    source: str
    """The key of an events or received object; the prefix of the outcomes of one attempt."""
    at: float
    """When it was written down, seconds since 1970."""
    attempt: int = 0
    """How often it was tried in vain."""
    holds: int = 0
    """How often it was put back untried, because the Webhook was down or busy."""
    taken: list[str] = []
    """Message ids that need not be told again."""
    only: list[str] = []
    """Message ids to be told, of a replay; empty: all."""


_CALL = msgspec.json.Decoder(Call)


def decode(body: bytes) -> Call:
    """Raises `Malformed`."""
    try:
        return _CALL.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"no call that can be read: {error}") from error


class Announcer:
    """For stages: writes down what the Webhooks of a Domain have to hear."""

    def __init__(self, store: Store, directory: Directory) -> None:
        self._store = store
        self._directory = directory

    async def listening(self, domain: str) -> Mapping[str, Collection[str]]:
        """Webhook → what it wants to hear. Nothing for a Domain that is gone."""
        try:
            return (await self._directory.domain(domain)).webhooks
        except NotFound:
            return {}

    async def announce(
        self,
        domain: str,
        source: str,
        happened: Collection[str],
        at: float,
        listening: Mapping[str, Collection[str]] | None = None,
    ) -> list[Wake]:
        """Have all Webhooks told that want to hear any of this. Returns what `notify` may take up.

        To be called when `source` is stored, before the work that led to it is deleted; where there
        is no such work, before it is stored. Whoever does it again writes the same.
        `listening` spares asking for the Domain.
        """
        if listening is None:
            listening = await self.listening(domain)
        wanted = [
            name for name, events in listening.items() if not set(happened).isdisjoint(events)
        ]
        calls = (Call(domain=domain, webhook=name, source=source, at=at) for name in sorted(wanted))
        return await together(put(self._store, call) for call in calls) if wanted else []


async def put(store: Store, call: Call, mark: str = "") -> Wake:
    """Put a call in front of `notify`. `mark` tells a replay from the first time."""
    name = keys.notifying_name(call.source) + mark
    key = keys.notifying(call.domain, call.webhook, name, 0)
    body = msgspec.json.encode(call)
    await write_once(store, key, body)
    return wake(key, body)
