"""One certificate authority for all tests of this folder."""

import pytest
from policy_host import Authority
from sts_scene import Scene


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def scene(authority: Authority) -> Scene:
    return Scene(authority)
