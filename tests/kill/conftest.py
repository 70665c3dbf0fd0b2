"""Whatever a test does: no process that it started outlives it."""

from collections.abc import Callable, Iterator

import pytest
from processes import Serve


@pytest.fixture
def serve() -> Iterator[Callable[..., Serve]]:
    """Starts an `ekiden serve`: `serve(api_key, **options)`."""
    started: list[Serve] = []

    def start(api_key: str, **options: str) -> Serve:
        started.append(Serve(api_key, **options))
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.bury()
