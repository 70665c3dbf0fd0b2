"""track, put together from the configuration."""

import time
from collections.abc import Callable

from functions.track.face import TrackFace
from functions.track.recorder import Recorder
from shared.config import Config
from shared.domains import Directory
from shared.notifying import Announcer
from shared.stage import Clock, Wake
from shared.store.base import Store


def face(
    config: Config,
    store: Store,
    wake: Callable[[Wake], None] = lambda _: None,
    clock: Clock = time.time,
) -> TrackFace:
    """`wake` hears of calls to Webhooks, where `notify` runs in this process."""
    announcer = Announcer(store, Directory(store, clock))
    recorder = Recorder(store, clock, config.track.group, announcer, wake)
    ours = config.track
    return TrackFace(store, clock, recorder, ours.forwarded_hops, ours.public_url)
