"""SQS: one source per queue, by long poll.

A message is deleted when all events in it are done, or when it can never be: what is no event at
all would only fill a dead-letter queue (its beginning is in the log, and the sweep finds whatever
it was about). What shall come again becomes visible again after a pause; so a queue's redrive
policy sees, and counts, only what came again.
"""

import asyncio
import logging
import re
import threading
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

from ekiden.sources.answer import Verdict, pause_s
from ekiden.sources.intake import Intake, SourceAway, attended
from ekiden.sources.threads import in_thread

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger("ekiden.sources")

T = TypeVar("T")
MOST_MESSAGES = 10
"""Of one poll; SQS gives no more."""
POLL_S = 20
"""The longest that SQS allows, and the cheapest."""
VISIBLE_AGAIN_S = 60
"""After a kill -9 another process gets the message so much later."""
EXTEND_EVERY_S = 20.0
CALLS_AT_ONCE = 8
"""Besides the poll: deletions and extensions, each in a thread."""
_REGION = re.compile(r"https://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com(?:\.cn)?/")


class SqsSource:
    """Feeds what one queue holds."""

    def __init__(self, intake: Intake, queue_url: str, endpoint: str = "") -> None:
        self._intake = intake
        self._queue_url = queue_url
        self._endpoint = endpoint
        self._client: SQSClient | None = None
        self._making = threading.Lock()
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._stopped = False

    async def feed(self) -> None:
        """Poll for ever. Raises `SourceAway`."""
        while True:
            places = await self._intake.places.take(MOST_MESSAGES)
            messages: list[MessageTypeDef] = []
            try:
                messages = await self._call(partial(self._receive, places))
            finally:
                self._intake.places.give_back(places - len(messages))
            self._intake.up()
            for message in messages:
                self._intake.start(self._handle(message))

    async def _handle(self, message: "MessageTypeDef") -> None:
        body, receipt = message["Body"], message["ReceiptHandle"]
        answer = await attended(
            self._intake.take(body.encode(errors="replace")),
            EXTEND_EVERY_S,
            lambda: self._hide(receipt, VISIBLE_AGAIN_S),
        )
        if answer.verdict is not Verdict.AGAIN:
            await self._delete(receipt)
            return
        tries = int(message.get("Attributes", {}).get("ApproximateReceiveCount", "1"))
        await self._hide(receipt, pause_s(tries) if answer.after_s is None else answer.after_s)

    async def close(self) -> None:
        """A poll that is under way goes on in its thread, and hands back what it still gets."""
        self._stopped = True

    # What SQS is told, each in a thread.

    def _receive(self, at_most: int) -> "list[MessageTypeDef]":
        client = self._made_client()
        answer = client.receive_message(
            QueueUrl=self._queue_url,
            MaxNumberOfMessages=at_most,
            WaitTimeSeconds=POLL_S,
            VisibilityTimeout=VISIBLE_AGAIN_S,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages = answer.get("Messages", [])
        if self._stopped:
            for message in messages:
                client.change_message_visibility(
                    QueueUrl=self._queue_url,
                    ReceiptHandle=message["ReceiptHandle"],
                    VisibilityTimeout=0,
                )
            return []
        return messages

    async def _delete(self, receipt: str) -> None:
        async with self._calls:
            await self._call(
                lambda: self._made_client().delete_message(
                    QueueUrl=self._queue_url, ReceiptHandle=receipt
                )
            )

    async def _hide(self, receipt: str, for_s: float) -> None:
        async with self._calls:
            await self._call(
                lambda: self._made_client().change_message_visibility(
                    QueueUrl=self._queue_url, ReceiptHandle=receipt, VisibilityTimeout=ceil(for_s)
                )
            )

    async def _call(self, call: Callable[[], T]) -> T:
        """The one place where botocore's errors become ours."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return await in_thread(call)
        except (BotoCoreError, ClientError, OSError) as error:
            raise SourceAway(f"SQS, {self._queue_url}: {error}") from error

    def _made_client(self) -> "SQSClient":
        """Loading boto3 and making a client takes half a second: at the first call, in its
        thread. A session of our own, because boto3's default one is not made for threads."""
        with self._making:
            if self._client is None:
                import boto3.session
                from botocore.config import Config

                settings: Any = Config(
                    connect_timeout=5,
                    read_timeout=POLL_S + 10,
                    max_pool_connections=CALLS_AT_ONCE + 2,
                    retries={"mode": "standard", "total_max_attempts": 3},
                )
                session = boto3.session.Session()
                self._client = session.client(
                    "sqs",
                    region_name=region_of(self._queue_url) or session.region_name or "us-east-1",
                    endpoint_url=self._endpoint or None,
                    config=settings,
                )
            return self._client


def region_of(queue_url: str) -> str:
    """The region that a queue's URL names, or ""."""
    match = _REGION.match(queue_url)
    return (match[1] or match[2] or "") if match else ""


def name_of(queue_url: str) -> str:
    """What a queue is called."""
    return queue_url.rstrip("/").rpartition("/")[2]
