"""Fixtures: a server with MinIO's code, which knows notifications and no conditional puts."""

from collections.abc import Iterator

import pytest
from local_servers import running_gateway

from ekiden.bucket.notices import STAGES


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    targets = dict.fromkeys(STAGES, "http://127.0.0.1:9/")
    with running_gateway(tmp_path_factory.mktemp("gateway"), targets) as endpoint:
        yield endpoint
