"""MinIO's `listen_bucket_notification`: the server tells of new objects on an open connection.

It repeats nothing and replays nothing: what happened while nobody listened is found by a listing
when the connection stands, and what a stage answers with `again` by the next listing or sweep.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from ekiden.sources.intake import Intake, SourceAway
from ekiden.sources.listing import ListingSource
from shared.errors import Misconfigured
from shared.events.notification import CREATIONS

if TYPE_CHECKING:
    from minio import Minio
    from urllib3 import PoolManager

EVENTS = tuple(f"s3:{creation}" for creation in sorted(CREATIONS))
CONNECT_S = 5.0
SILENCE_S = 60.0
"""MinIO sends a blank twice a second: who says nothing for so long is gone."""


class Listened(msgspec.Struct, frozen=True):
    """Which bucket, where, as whom."""

    endpoint: str
    bucket: str
    prefix: str
    region: str = "us-east-1"
    access_key_id: str = ""
    secret_access_key: str = ""


def listened(store_url: str) -> Listened:
    """What `store.url` says. Raises `Misconfigured`."""
    parts = urlsplit(store_url)
    options = dict(parse_qsl(parts.query.replace("+", "%2B")))
    if parts.scheme != "s3" or "endpoint" not in options:
        raise Misconfigured(
            "sources.minio: only a MinIO server can be listened to; store.url has to be "
            "s3://BUCKET?endpoint=…, or switch it off"
        )
    prefix = unquote(parts.path.strip("/"))
    return Listened(bucket=parts.netloc, prefix=prefix and f"{prefix}/", **options)


class MinioSource:
    """Feeds what happens in one bucket."""

    def __init__(self, intake: Intake, place: Listened, listing: ListingSource) -> None:
        self._intake = intake
        self._place = place
        self._listing = listing

    async def feed(self) -> None:
        """Listen for as long as the connection stands. Raises `SourceAway`."""
        loop = asyncio.get_running_loop()
        ear = _Ear(self._place, loop)
        ear.start()
        catching_up: asyncio.Task[None] | None = None
        try:
            while (news := await ear.news.get()) is not None:
                if news == b"":
                    self._intake.up()
                    catching_up = asyncio.create_task(self._listing.once())
                    catching_up.add_done_callback(ear.end_if_failed)
                    continue
                await self._intake.places.take()
                self._intake.start(self._intake.take(news))
                ear.heard.release()
            if catching_up and catching_up.done():
                await catching_up
            raise SourceAway(f"listening to {self._place.endpoint}: {ear.reason}")
        finally:
            ear.stop()
            if catching_up:
                catching_up.cancel()

    async def close(self) -> None:
        """The connection is let go of by `feed`."""


class _Ear:
    """A thread that listens. It hears no more than is asked for: then the server has to wait."""

    def __init__(self, place: Listened, loop: asyncio.AbstractEventLoop) -> None:
        self._place = place
        self._loop = loop
        self._stopped = False
        self.news: asyncio.Queue[bytes | None] = asyncio.Queue()
        """b"" when the connection stands, then events, None at the end."""
        self.heard = threading.Semaphore(1)
        self.reason = "the connection ended"

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="ekiden minio").start()

    def stop(self) -> None:
        self._stopped = True
        self.heard.release()

    def end_if_failed(self, catching_up: "asyncio.Task[None]") -> None:
        """What was missed would stay missed: connect and list once more."""
        if not catching_up.cancelled() and catching_up.exception():
            self.news.put_nowait(None)

    def _run(self) -> None:
        try:
            self._listen()
        except Exception as error:  # noqa: BLE001 - all that can end it is told of below
            self.reason = str(error) or type(error).__name__
        self._tell(None)

    def _listen(self) -> None:
        client = _client(self._place, lambda: self._tell(b""))
        with client.listen_bucket_notification(
            self._place.bucket, self._place.prefix, events=EVENTS
        ) as events:
            for event in events:
                self.heard.acquire()
                if self._stopped:
                    return
                self._tell(msgspec.json.encode(event))

    def _tell(self, news: bytes | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self.news.put_nowait, news)
        except RuntimeError:  # the loop is closed: nobody listens to us any more
            self._stopped = True


def _client(place: Listened, connected: Callable[[], None]) -> "Minio":
    from minio import Minio
    from minio.credentials.providers import EnvAWSProvider, StaticProvider

    parts = urlsplit(place.endpoint)
    provider = StaticProvider(place.access_key_id, place.secret_access_key)
    return Minio(
        parts.netloc,
        credentials=provider if place.access_key_id else EnvAWSProvider(),
        secure=parts.scheme == "https",
        region=place.region,
        http_client=_connecting_once(connected),
    )


def _connecting_once(connected: Callable[[], None]) -> "PoolManager":
    """The SDK connects again by itself, and says nothing: what was missed would stay missed."""
    from urllib3 import PoolManager, Timeout
    from urllib3.exceptions import ProtocolError

    class Once(PoolManager):
        used = False

        def urlopen(self, method: str, url: str, *args: Any, **more: Any) -> Any:
            if self.used:
                raise ProtocolError("the connection ended")
            self.used = True
            response = super().urlopen(method, url, *args, **more)
            if response.status == 200:
                connected()
            return response

    return Once(timeout=Timeout(connect=CONNECT_S, read=SILENCE_S), retries=False)
