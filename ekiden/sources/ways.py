"""The two ways to a stage: it runs in this process, or it is a function with a URL."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from ekiden.relay import Relay
from ekiden.sources.answer import DONE, Answer, Verdict, of_reply
from ekiden.sources.delivery import Way
from ekiden.sources.posting import NoReply, Poster
from shared.stage import Wake

STOPPED = Answer(Verdict.AGAIN, after_s=0.0, why="this process stops")
"""Another one may take it at once."""


def ways(relay: Relay | None, targets: Mapping[str, str], poster: Poster) -> dict[str, Way]:
    """Stage → how it is reached. What runs here is not told by its URL."""
    found = {stage: _by_post(url, poster) for stage, url in targets.items()}
    if relay:
        found |= dict.fromkeys(relay.stages, _here(relay))
    return found


def _here(relay: Relay) -> Way:
    async def way(wake: Wake) -> Answer:
        """The relay tries again by itself; what it gives up is under `failed/`."""
        return DONE if await relay.finished(wake) else STOPPED

    return way


def _by_post(url: str, poster: Poster) -> Way:
    async def way(wake: Wake) -> Answer:
        try:
            reply = await poster.post(url, msgspec.json.encode({"key": wake.key}))
        except NoReply as error:
            return Answer(Verdict.AGAIN, why=str(error))
        return of_reply(reply.status, reply.retry_after, datetime.now(UTC))

    return way
