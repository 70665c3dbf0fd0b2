"""admin, put together from the configuration."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from functions.admin.audit import Audit
from functions.admin.face import AdminFace
from functions.admin.parts import Parts
from functions.admin.resources import routes
from shared.config import Config
from shared.domains import Directory
from shared.stage import Clock, Wake
from shared.store.base import Store

if TYPE_CHECKING:
    from functions.admin.dashboard.site import Site


def face(
    config: Config,
    store: Store,
    wake: Callable[[Wake], None] = lambda _: None,
    clock: Clock = time.time,
    queues: Callable[[], Sequence[object]] | None = None,
) -> AdminFace:
    """`wake` is told of work that was put back, where its stage runs in this process; `queues`
    says what its sender is doing."""
    directory = Directory(store, clock)
    parts = Parts(config, store, clock, directory, wake, queues)
    audit = Audit(store, clock, enabled=config.audit.enabled)

    def dashboard(face: AdminFace) -> "Site":
        from functions.admin.dashboard.site import Site  # an API call needs no templates

        return Site(parts, face, audit)

    return AdminFace(routes(parts), directory, audit, config.admin.tokens, dashboard)
