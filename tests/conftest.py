"""Fixtures for every folder of tests."""

from collections.abc import Generator, Iterator
from contextlib import ExitStack

import pytest
from seaweed import Seaweed, SeaweedUnavailable, running_seaweed


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """A real S3 server for the whole run; tests that need it are skipped where it cannot start."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_seaweed(tmp_path_factory.mktemp("seaweed")))
        except SeaweedUnavailable as reason:
            pytest.skip(f"no SeaweedFS: {reason}")
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What hostile tests print may be no text that a worker can tell the others of."""
    report = yield
    report.sections = [
        (name, said.encode(errors="backslashreplace").decode()) for name, said in report.sections
    ]
    return report
