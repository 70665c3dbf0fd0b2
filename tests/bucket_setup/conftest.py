"""Fixtures: servers whose buckets are set up."""

from collections.abc import Iterator

import pytest
from local_servers import running_gateway, running_moto

from ekiden.bucket.notices import STAGES


@pytest.fixture(scope="module")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of S3 and SQS as AWS has them."""
    with running_moto(tmp_path_factory.mktemp("moto")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The endpoint of MinIO's notification code, with one target per stage and one more."""
    targets = dict.fromkeys([*STAGES, "theirs"], "http://127.0.0.1:9/")
    with running_gateway(tmp_path_factory.mktemp("gateway"), targets) as endpoint:
        yield endpoint
