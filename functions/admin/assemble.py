"""admin, put together from the configuration."""

import time
from collections.abc import Callable

from functions.admin.audit import Audit
from functions.admin.face import AdminFace
from functions.admin.parts import Parts
from functions.admin.resources import routes
from shared.config import Config
from shared.domains import Directory
from shared.stage import Clock, Wake
from shared.store.base import Store


def face(
    config: Config,
    store: Store,
    wake: Callable[[Wake], None] = lambda _: None,
    clock: Clock = time.time,
) -> AdminFace:
    """`wake` is told of work that was put back, where its stage runs in this process."""
    directory = Directory(store, clock)
    parts = Parts(config, store, clock, directory, wake)
    audit = Audit(store, clock, enabled=config.audit.enabled)
    return AdminFace(routes(parts), directory, audit, config.admin.tokens)
