"""The image's entrypoint, run in the repository as it is run in the image."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from free_ports import free_port
from manifests import FUNCTIONS, KNATIVE, ROOT

from benchmarks.loopback import wait_until_listens

ENTRYPOINT = ROOT / "infra" / "image" / "entrypoint.sh"
ENDED_BY_SIGTERM = -signal.SIGTERM


def _variables(**more: str) -> dict[str, str]:
    """What the image sets, with this Python instead of the image's."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "PYTHONPATH": str(ROOT), "EKIDEN_STORE_URL": "memory:", **more}


@contextmanager
def _started(port: int, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([ENTRYPOINT], cwd=ROOT, env=_variables(**variables))
    try:
        wait_until_listens(port)
        yield process
    finally:
        process.terminate()
        process.wait(20)


def _answer(port: int, path: str) -> int:
    with urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as answer:
        return int(answer.status)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_it_starts_the_function_that_is_named(name: str) -> None:
    port = free_port()
    with _started(port, FUNCTION_TARGET=name, PORT=str(port)) as process:
        assert [_answer(port, path) for path in ("/healthz", "/_/health", "/_/ready")] == [200] * 3
        process.terminate()
        assert process.wait(20) in (0, ENDED_BY_SIGTERM)


def test_it_starts_the_pod() -> None:
    side = free_port()
    variables = {
        "FUNCTION_TARGET": "pod",
        "EKIDEN_METRICS_PORT": str(side),
        "EKIDEN_SUBMISSION_PORT": str(free_port()),
        "EKIDEN_SUBMISSION_TLS_PORT": str(free_port()),
        "EKIDEN_INBOUND_PORT": str(free_port()),
    }
    with _started(side, **variables) as process:
        assert [_answer(side, path) for path in ("/healthz", "/readyz")] == [200] * 2
        process.terminate()
        assert process.wait(40) in (0, ENDED_BY_SIGTERM)


def test_secrets_that_come_as_files_become_variables(tmp_path: Path) -> None:
    (tmp_path / "ekiden-log-level").write_text("loud\n")
    (tmp_path / "other").write_text("not ours")
    done = _refused(FUNCTION_TARGET="pod", SECRETS_FOLDER=str(tmp_path))
    assert "log.level (EKIDEN_LOG_LEVEL)" in done
    assert "loud" in done


@pytest.mark.parametrize("target", ["nobody", "../shared", "submit/..", "sub mit", "*"])
def test_a_target_that_does_not_exist_is_refused(target: str) -> None:
    assert "there is no such function" in _refused(FUNCTION_TARGET=target)


def test_a_missing_target_is_refused() -> None:
    assert "name a function, or pod" in _refused()


def _refused(**variables: str) -> str:
    done = subprocess.run(
        [ENTRYPOINT],
        cwd=ROOT,
        env=_variables(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode != 0
    return done.stderr + done.stdout


def test_the_sweep_takes_what_its_timer_calls() -> None:
    """The command of the CronJob, with another address; a refusal would end it with an error."""
    file = KNATIVE / "components" / "sweep-timer" / "sweep-timer.yaml"
    job = next(yaml.safe_load_all(file.read_text()))["spec"]["jobTemplate"]
    (container,) = job["spec"]["template"]["spec"]["containers"]
    port = free_port()
    with _started(port, FUNCTION_TARGET="sweep", PORT=str(port), EKIDEN_EVENTS_TOKEN="secret"):
        (program,) = container["args"]
        here = program.replace("sweep.ekiden.svc.cluster.local", f"127.0.0.1:{port}")
        assert here != program
        subprocess.run([*container["command"], here], check=True, timeout=60, env=_variables())
