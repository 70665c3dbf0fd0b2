"""submit, put together from the configuration."""

import time
from random import Random

from functions.submit import inbox
from functions.submit.request import Limits
from functions.submit.routes import SubmitFace, Waker
from functions.submit.submit import Submit
from shared.config import Config
from shared.stage import Clock, Stage
from shared.store.base import Store
from shared.watch import Watch


def submit(config: Config, store: Store, clock: Clock = time.time) -> Submit:
    limits = Limits(
        max_recipients=config.submit.max_recipients,
        max_message_bytes=config.submit.max_message,
        max_attachments=config.submit.max_attachments,
        max_schedule_ahead_s=config.submit.max_schedule_ahead,
        max_fields=config.submit.max_fields,
    )
    # Ids have to be unlike each other, not secret: asking the system each time would cost more.
    chance = Random()
    return Submit(
        store,
        clock,
        lambda: chance.randbytes(10),
        limits,
        config.submit.idempotency_ttl,
        config.track.public_url,
    )


def face(config: Config, core: Submit, watch: Watch, waker: Waker) -> SubmitFace:
    return SubmitFace(core, watch, waker, config.http.max_body, config.submit.public_url)


def stage(core: Submit) -> Stage:
    return inbox.stage(core)
