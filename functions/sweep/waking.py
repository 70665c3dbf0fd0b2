"""Waking a stage that runs elsewhere.

By its URL, where one is known; else by a put of the same object, which makes the bucket tell of it
again. Both may come to nothing: the next sweep finds the work once more.
"""

import asyncio
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from shared import keys
from shared.errors import Changed, NotFound
from shared.stage import Wake
from shared.store.base import Store

TIMEOUT_S = 60.0
"""A Bag may take longer; the function goes on then, and has the lease."""

log = logging.getLogger("ekiden.sweep")


class Waking:
    """`targets`: stage → URL. `token` is what they want to see (`events.token`)."""

    def __init__(self, store: Store, targets: Mapping[str, str], token: str = "") -> None:
        self._store = store
        self._targets = targets
        self._token = token

    async def wake(self, event: Wake) -> None:
        """Raises `Temporary` when the store does not answer."""
        url = self._targets.get(keys.stage_of(event.key) or "")
        if url:
            await asyncio.to_thread(self._post, url, event.key)
        else:
            await self._put_again(event.key)

    async def _put_again(self, key: str) -> None:
        with suppress(NotFound, Changed):  # done, or put again by another sweep
            found = await self._store.get(key)
            await self._store.replace(key, found.body, found.etag)

    def _post(self, url: str, key: str) -> None:
        request = urllib.request.Request(
            url, msgspec.json.encode({"key": key}), {"content-type": "application/json"}
        )
        if self._token:
            request.add_header("authorization", f"Bearer {self._token}")
        try:
            urllib.request.urlopen(request, timeout=TIMEOUT_S).close()
        except (urllib.error.URLError, OSError) as error:
            log.warning("%s was not told of %s: %s", url, key, error)
