"""Waking a stage that runs elsewhere.

By its URL, where one is known; else by a put of the same object, which makes the bucket tell of it
again. An upload is put under a key that keeps its age: else it would be another Batch. All of that
may come to nothing: the next sweep finds the work once more.
"""

import asyncio
import http.client
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from shared import keys
from shared.errors import Changed, NotFound, StoreRefused
from shared.stage import Wake, delete_as_read, write_once
from shared.store.base import Object, Store

TIMEOUT_S = 60.0
"""A Bag may take longer; the function goes on then, and has the lease."""
NOT_TRIED = frozenset({409, 429, 503})
"""Another has it; too much at once; the store is away: no try of this work."""

log = logging.getLogger("ekiden.sweep")


class Waking:
    """`targets`: stage → URL. `token` is what they want to see (`events.token`)."""

    def __init__(self, store: Store, targets: Mapping[str, str], token: str = "") -> None:
        self._store = store
        self._targets = targets
        self._token = token

    def is_answered(self, event: Wake) -> bool:
        """Whether its stage is told by its URL, and says what came of it."""
        return bool(self._targets.get(keys.stage_of(event.key) or ""))

    async def wake(self, event: Wake) -> bool:
        """Returns whether its stage has tried, as far as can be told. Raises `Temporary` when the
        store does not answer."""
        url = self._targets.get(keys.stage_of(event.key) or "")
        if url:
            return await asyncio.to_thread(self._post, url, event.key)
        await self._put_again(event.key)
        return True

    async def _put_again(self, key: str) -> None:
        try:
            with suppress(NotFound, Changed):  # done, or put again by another sweep
                found = await self._store.get(key)
                if keys.is_overwritable(key):
                    await self._put_back(key, found)
                else:
                    await self._store.replace(key, found.body, found.etag)
        except StoreRefused as error:
            log.error("%s cannot be put again: %s", key, error)

    async def _put_back(self, key: str, upload: Object) -> None:
        """Died between the two: both are there, and become the same Batch."""
        place = keys.put_back(key, int(upload.modified * 1000), upload.body)
        await write_once(self._store, place, upload.body)
        await delete_as_read(self._store, key, upload)

    def _post(self, url: str, key: str) -> bool:
        request = urllib.request.Request(
            url, msgspec.json.encode({"key": key}), {"content-type": "application/json"}
        )
        if self._token:
            request.add_header("authorization", f"Bearer {self._token}")
        try:
            urllib.request.urlopen(request, timeout=TIMEOUT_S).close()
        except urllib.error.HTTPError as error:
            log.warning("%s answered %d for %s", url, error.code, key)
            return error.code not in NOT_TRIED
        except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
            log.warning("%s was not told of %s: %s", url, key, error)
            # It took the work, and died of it: that is a try.
            return isinstance(error, http.client.RemoteDisconnected | ConnectionResetError)
        return True
