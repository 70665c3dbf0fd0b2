"""The image itself: built, and started read-only without root for every target.

Opt in with EKIDEN_TEST_IMAGE=1: it takes minutes, and 2 GB below the temporary folder.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
from container_image import Image, ImageUnavailable, built_image
from free_ports import free_port
from manifests import FUNCTIONS

MEMORY = {"EKIDEN_STORE_URL": "memory:"}
MOST_OF_OURS_MB = 250
"""What the packages and the code may weigh, compiled: each node that runs one fetches them."""


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with ExitStack() as stack:
        try:
            built = stack.enter_context(built_image())
        except ImageUnavailable as reason:
            pytest.skip(str(reason))
        yield built


def _says(port: int, path: str) -> int:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return int(answer.status)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_answers_for_each_function(image: Image, name: str) -> None:
    port = free_port()
    with image.started(port, FUNCTION_TARGET=name, PORT=str(port), **MEMORY):
        assert [_says(port, path) for path in ("/healthz", "/_/health", "/_/ready")] == [200] * 3


def test_it_answers_for_the_pod(image: Image) -> None:
    side, submission, tls, inbound = (free_port() for _ in range(4))
    ports = {
        "EKIDEN_METRICS_PORT": str(side),
        "EKIDEN_SUBMISSION_PORT": str(submission),
        "EKIDEN_SUBMISSION_TLS_PORT": str(tls),
        "EKIDEN_INBOUND_PORT": str(inbound),
    }
    with image.started(side, FUNCTION_TARGET="pod", **ports, **MEMORY):
        assert [_says(side, path) for path in ("/healthz", "/readyz")] == [200] * 2


def test_it_runs_without_root_and_cannot_change_itself(image: Image) -> None:
    assert image.run("id -u").strip() == "1000"
    assert image.run("touch /app/x 2>/dev/null || echo no").strip() == "no"


def test_every_module_of_ours_is_compiled_and_never_compared(image: Image) -> None:
    """The flags of an unchecked hash-based file are 1 (PEP 552)."""
    program = """
import pathlib
compiled = list(pathlib.Path("/app").rglob("*.pyc"))
flags = {int.from_bytes(each.read_bytes()[4:8], "little") for each in compiled}
ours = [each for each in pathlib.Path("/app").rglob("*.py") if "lib" not in each.parts]
print(flags, all((each.parent / "__pycache__").exists() for each in ours), len(ours) > 100)
"""
    assert image.run(f"python3 -c '{program}'").strip() == "{1} True True"


def test_every_template_of_ours_is_compiled(image: Image) -> None:
    program = """
import pathlib
folder = pathlib.Path("/app/functions/admin/dashboard/html")
compiled = [each.read_bytes() for each in (folder / "__pycache__").glob("*.jinja")]
print(len(list(folder.glob("*.html"))) - len(compiled), all(compiled))
"""
    assert image.run(f"python3 -c '{program}'").strip() == "0 True"


def test_it_stays_small(image: Image) -> None:
    ours_mb = int(image.run("du -sm /app").split()[0])
    print(f"{image.size_bytes / 1e6:.0f} MB with its base, {ours_mb} MB of it /app")
    assert ours_mb < MOST_OF_OURS_MB


def test_all_that_is_loaded_when_it_is_needed_is_there(image: Image) -> None:
    """Sources, traces, Webhooks, Templates and listeners import their packages late: what is
    missing shows late."""
    late = ("sqs", "nats", "minio", "http", "posting", "listing")
    modules = [f"ekiden.sources.{name}" for name in late]
    modules += ["boto3", "nats", "minio", "shared.trace_export", "functions.bounce.smtp"]
    modules += ["standardwebhooks", "mjml", "css_inline", "inscriptis"]
    modules += [
        "functions.admin.dashboard.site",
        "shared.stats.compact",
        "shared.one_address.deleting",
    ]
    assert image.run(f"python3 -c 'import {', '.join(modules)}; print(1)'").strip() == "1"
