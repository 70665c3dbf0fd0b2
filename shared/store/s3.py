"""All objects in a bucket of an S3-compatible server: the store beyond one machine.

A create that the client repeats by itself, because the connection broke before the answer came,
may find its own object and report `AlreadyExists`. That is harmless: a stage writes the same bytes
to the same key whoever runs it, so that an object which is there is the object it wanted.

An ETag is often the MD5 of the body: it changes when the body does, not with every put.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.errors import NotFound
from shared.store.base import Entry, Object
from shared.store.s3_errors import UnreadableName, translated
from shared.store.s3_sieve import Sieve

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode
    from obstore.store import ClientConfig, RetryConfig, S3Config
    from obstore.store import S3Store as Bucket

CONNECT_TIMEOUT_S = 5
REQUEST_TIMEOUT_S = 30
"""A 20 MB body at 5 Mbit/s."""

MAX_RETRIES = 2
RETRY_WITHIN_S = 10
"""Short: whoever called is retried as a whole, by the platform or by the sweep."""


class S3Store:
    """A `Store` over one bucket, or what is below `prefix` in it, for any number of event loops.

    Without credentials here, `AWS_*` variables and the machine's role apply. The library is loaded
    and the client made at the first call: a client does not survive a fork (gunicorn's).
    """

    def __init__(
        self,
        bucket: str,
        *,
        endpoint: str | None = None,
        region: str = "us-east-1",
        access_key_id: str | None = None,
        secret_access_key: str | None = None,
        prefix: str | None = None,
    ) -> None:
        config: S3Config = {"bucket": bucket, "region": region, "conditional_put": "etag"}
        config["virtual_hosted_style_request"] = False
        if endpoint is not None:
            config["endpoint"] = endpoint
        if access_key_id is not None and secret_access_key is not None:
            config["access_key_id"] = access_key_id
            config["secret_access_key"] = secret_access_key
        self._config = config
        self._prefix = prefix
        self._client: Bucket | None = None
        self._sieve: Sieve | None = None

    @property
    def passed_over(self) -> frozenset[str]:
        """Some of the names that listings met, and that nothing here can read."""
        return frozenset(self._sieve.passed_over if self._sieve else ())

    async def get(self, key: str) -> Object:
        with translated(key, missing=NotFound):
            found = await self._bucket().get_async(key)
            body = (await found.bytes_async()).to_bytes()
        return Object(body, found.meta["e_tag"] or "", found.meta["last_modified"].timestamp())

    async def create(self, key: str, body: bytes) -> str:
        return await self._put(key, body, "create")

    async def replace(self, key: str, body: bytes, etag: str) -> str:
        return await self._put(key, body, {"e_tag": etag})

    async def put(self, key: str, body: bytes) -> str:
        return await self._put(key, body, "overwrite")

    async def delete(self, *keys: str) -> None:
        """One request per 1,000 keys, S3's limit."""
        if keys:
            with translated(keys[0]):
                await self._bucket().delete_async(list(keys))

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        """One request, which always reads 1,000 names: obstore does not pass `limit` on."""
        try:
            return await self._list(prefix, start_after, limit)
        except UnreadableName:
            if self._sieve is None:
                self._sieve = Sieve(self._config, self._prefix)
            return await self._sieve.page(prefix, start_after, limit)

    async def close(self) -> None:
        """Let go of the connections; the next call makes new ones."""
        self._client = None
        self._sieve = None

    async def _list(self, prefix: str, start_after: str, limit: int) -> list[Entry]:
        # obstore lists whole folders only: within one, start at the prefix, stop behind it.
        folder, _, name = prefix.rpartition("/")
        offset = max(start_after, prefix) if name else start_after
        found: list[Entry] = []
        with translated(prefix):
            pages = self._bucket().list(folder or None, offset=offset or None, chunk_size=limit)
            async for page in pages:
                found += _entries(page, prefix)
                # A page that lacks only the folder's own marker is no end: read on.
                if len(found) >= limit or (name and not page[-1]["path"].startswith(prefix)):
                    break
        return found[:limit]

    async def _put(self, key: str, body: bytes, mode: "PutMode") -> str:
        with translated(key):
            done = await self._bucket().put_async(key, body, mode=mode, use_multipart=False)
        return done["e_tag"] or ""

    def _bucket(self) -> "Bucket":
        if self._client is None:
            from obstore.store import S3Store as Bucket

            self._client = Bucket(
                prefix=self._prefix,
                config=self._config,
                client_options=_client_options(self._config.get("endpoint", "")),
                retry_config=_retry_config(),
            )
        return self._client


def _entries(page: "Sequence[ObjectMeta]", prefix: str) -> list[Entry]:
    return [
        Entry(item["path"], item["size"], item["last_modified"].timestamp())
        for item in page
        if item["path"].startswith(prefix)
    ]


def _client_options(endpoint: str) -> "ClientConfig":
    return {
        "allow_http": endpoint.startswith("http://"),
        "connect_timeout": timedelta(seconds=CONNECT_TIMEOUT_S),
        "timeout": timedelta(seconds=REQUEST_TIMEOUT_S),
    }


def _retry_config() -> "RetryConfig":
    return {
        "max_retries": MAX_RETRIES,
        "retry_timeout": timedelta(seconds=RETRY_WITHIN_S),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=1),
            "base": 2,
        },
    }
