"""track, put together from the configuration."""

import time

from functions.track.face import TrackFace
from functions.track.recorder import Recorder
from shared.config import Config
from shared.stage import Clock
from shared.store.base import Store


def face(config: Config, store: Store, clock: Clock = time.time) -> TrackFace:
    recorder = Recorder(store, clock, config.track.group)
    return TrackFace(store, clock, recorder, config.track.forwarded_hops)
