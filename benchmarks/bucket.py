"""A bucket on this machine: the S3 server that the tests have, in a temporary directory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.row import Unmeasured
from tests.seaweed import SeaweedUnavailable, running_seaweed


@contextmanager
def bucket() -> Iterator[str]:
    """The URL of a store in it. Raises `Unmeasured`."""
    with tempfile.TemporaryDirectory(prefix="ekiden-bucket-") as directory:
        try:
            with running_seaweed(Path(directory)) as server:
                yield server.url()
        except SeaweedUnavailable as reason:
            raise Unmeasured(f"SeaweedFS: {reason}") from reason
