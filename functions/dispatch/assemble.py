"""dispatch, put together from the configuration."""

import time

from functions.dispatch import stage as dispatch
from functions.dispatch.job import Renderer
from shared.config import Config
from shared.domains import Directory
from shared.stage import Stage
from shared.store.base import Store
from shared.suppressions import Suppressions


def stage(
    config: Config,
    store: Store,
    renderer: Renderer | None = None,
    directory: Directory | None = None,
) -> Stage:
    if renderer is None:
        from functions.dispatch.job import render_here

        renderer = render_here
    directory = directory or Directory(store, time.time)
    return dispatch.stage(
        store,
        directory,
        Suppressions(store, directory),
        renderer,
        config.dispatch.template_max_steps,
        config.dispatch.template_max_output,
    )
