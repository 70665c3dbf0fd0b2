"""NATS JetStream: a durable pull consumer, to which MinIO or a script publishes events.

Acknowledged after the stage has answered; `in progress` while it works; what comes again, after a
pause (`nak`); what is no event never (`term`). The server keeps all of it over its own restart.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from ekiden.sources.answer import Verdict, pause_s
from ekiden.sources.intake import Intake, SourceAway, attended
from shared.config_network import mask

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.js import JetStreamContext

log = logging.getLogger("ekiden.sources")

CONNECT_S = 10.0
FETCH_S = 5.0
"""A server that was restarted has forgotten who waits: so much later it is asked again."""
MOST_MESSAGES = 100
ACK_WAIT_S = 60.0
"""Of a consumer that is made here: after a kill -9 the message comes again so much later."""


class Consumer(NamedTuple):
    """`nats://[USER:PASSWORD@]HOST[:PORT]/STREAM/CONSUMER`."""

    server: str
    stream: str
    name: str


def consumer_of(url: str) -> Consumer:
    parts = urlsplit(url)
    stream, _, name = parts.path.strip("/").partition("/")
    return Consumer(f"{parts.scheme}://{parts.netloc}", stream, name)


class NatsSource:
    """Feeds what one consumer is given."""

    def __init__(self, intake: Intake, consumer: Consumer, max_in_flight: int) -> None:
        self._intake = intake
        self._consumer = consumer
        self._max_in_flight = max_in_flight
        self._client: Client | None = None
        self._progress_every_s = ACK_WAIT_S / 3

    async def feed(self) -> None:
        """Fetch for ever; the client finds its server again by itself. Raises `SourceAway`."""
        import nats.errors

        try:
            subscription = await self._subscribe()
            while True:
                places = await self._intake.places.take(MOST_MESSAGES)
                messages: list[Msg] = []
                try:
                    messages = await self._fetch(subscription, places)
                finally:
                    self._intake.places.give_back(places - len(messages))
                for message in messages:
                    self._intake.start(self._handle(message))
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise SourceAway(
                f"NATS, {mask(self._consumer.server)}: {str(error) or 'silent'}"
            ) from error

    async def _subscribe(self) -> "JetStreamContext.PullSubscription":
        from nats.js.api import AckPolicy, ConsumerConfig

        await self.close()
        self._client = await asyncio.wait_for(self._connect(), CONNECT_S)
        stream = self._client.jetstream()
        wanted = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_ack_pending=max(self._max_in_flight, 1000),
        )
        subscription = await stream.pull_subscribe(
            "", self._consumer.name, self._consumer.stream, wanted
        )
        found = await subscription.consumer_info()
        self._progress_every_s = (found.config.ack_wait or ACK_WAIT_S) / 3
        self._intake.up()
        return subscription

    async def _connect(self) -> "Client":
        import nats

        async def complain(error: Exception) -> None:
            self._intake.down(str(error) or type(error).__name__)

        async def back() -> None:
            self._intake.up()

        return await nats.connect(
            self._consumer.server,
            name="ekiden",
            connect_timeout=5,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=complain,
            reconnected_cb=back,
        )

    async def _fetch(
        self, subscription: "JetStreamContext.PullSubscription", at_most: int
    ) -> "list[Msg]":
        import nats.errors

        try:
            return await subscription.fetch(at_most, FETCH_S)
        except nats.errors.TimeoutError:
            return []

    async def _handle(self, message: "Msg") -> None:
        import nats.errors

        try:
            answer = await attended(
                self._intake.take(message.data),
                self._progress_every_s,
                lambda: _in_progress(message),
            )
            if answer.verdict is Verdict.DONE:
                await message.ack()
            elif answer.verdict is Verdict.NEVER:
                await message.term()
            else:
                tries = message.metadata.num_delivered
                await message.nak(pause_s(tries) if answer.after_s is None else answer.after_s)
        except nats.errors.Error as error:
            raise SourceAway(str(error)) from error

    async def close(self) -> None:
        """Also sends what is still to be acknowledged."""
        import nats.errors

        client, self._client = self._client, None
        if client is None or client.is_closed:
            return
        try:
            if client.is_connected:
                await client.flush(timeout=2)
        except (nats.errors.Error, OSError) as error:
            log.warning("%s: acknowledgements may come again: %s", self._intake.name, error)
        await client.close()


async def _in_progress(message: "Msg") -> None:
    import nats.errors

    try:
        await message.in_progress()
    except nats.errors.Error as error:
        raise SourceAway(str(error)) from error
