"""Builds the image without a registry and without a daemon, and runs it as an orchestrator would.

The base is a Debian of our own (debootstrap), the packages are brought along. Needs root.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from manifests import ROOT

from benchmarks.loopback import wait_until_listens

TOOLS = ("buildah", "podman", "runc", "debootstrap")
DEBIAN = {(3, 11): "bookworm", (3, 13): "trixie"}
"""The release that has our Python: the packages are fetched for it."""
REQUIREMENTS = ("requirements.txt", "build-requirements.txt")
BUILD_WITHIN_S = 900
IMAGE, BASE = "localhost/ekiden-under-test", "localhost/ekiden-base"
HARDENED = (
    *("--read-only", "--tmpfs=/tmp", "--user=1000:1000", "--cap-drop=ALL", "--network=host"),
    *("--security-opt=no-new-privileges", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1000:1000"),
)


class ImageUnavailable(Exception):
    """The image cannot be built here; the message says why."""


@dataclass(frozen=True)
class Image:
    """A built image and the storage that holds it."""

    storage: tuple[str, ...]

    def run(self, *command: str) -> str:
        """What a shell command prints inside."""
        podman = self._podman("run", "--rm", *HARDENED, "--entrypoint=sh", IMAGE, "-c")
        return _run([*podman, *command], timeout_s=60)

    @property
    def size_bytes(self) -> int:
        """With its base."""
        inspect = ("image", "inspect", "--format={{.Size}}", IMAGE)
        return int(_run(self._podman(*inspect), timeout_s=60))

    @contextmanager
    def started(self, port: int, **variables: str) -> Iterator[None]:
        """A container of it; it is ready when `port` listens."""
        name = f"ekiden-under-test-{port}"
        given = [f"--env={key}={value}" for key, value in variables.items()]
        run = ("run", "--detach", f"--name={name}", *HARDENED, *given, IMAGE)
        _run(self._podman(*run), timeout_s=60)
        try:
            wait_until_listens(port)
            yield
        finally:
            _run(self._podman("rm", "--force", "--time=20", name), timeout_s=60)

    def _podman(self, *words: str) -> list[str]:
        return ["podman", *self.storage, "--runtime=runc", *words]


@contextmanager
def built_image() -> Iterator[Image]:
    """Raises `ImageUnavailable`."""
    _look_around()
    place = Path(mkdtemp(prefix="ekiden-image-"))
    try:
        yield _build(place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _look_around() -> None:
    if not os.environ.get("EKIDEN_TEST_IMAGE"):
        raise ImageUnavailable("EKIDEN_TEST_IMAGE is not set: building it takes minutes")
    if os.geteuid() != 0:
        raise ImageUnavailable("building the image's base needs root")
    for tool in TOOLS:
        if not shutil.which(tool):
            raise ImageUnavailable(f"{tool} is not installed")
    if sys.version_info[:2] not in DEBIAN:
        raise ImageUnavailable("no release of Debian has this Python")


def _build(place: Path) -> Image:
    storage = (
        *("--storage-driver=vfs", f"--root={place / 'storage'}", f"--runroot={place / 'run'}"),
    )
    buildah = ["buildah", *storage]
    _make_base(place, buildah)
    wheels = _fetch_packages(place)
    image = ROOT / "infra" / "image"
    options = [f"--build-arg=BASE={BASE}", "--build-arg=PIP_NO_INDEX=1", "--pull-never"]
    options += ["--build-arg=PIP_FIND_LINKS=/wheels", f"--volume={wheels}:/wheels:ro"]
    options += [f"--ignorefile={image / 'Containerfile.dockerignore'}", f"--tag={IMAGE}"]
    build = [*buildah, "bud", "--isolation=chroot", *options]
    _run([*build, f"--file={image / 'Containerfile'}", str(ROOT)], BUILD_WITHIN_S)
    return Image(storage)


def _make_base(place: Path, buildah: Sequence[str]) -> None:
    tree = place / "base"
    include = "--include=python3,python3-venv,ca-certificates"
    release = DEBIAN[sys.version_info[:2]]
    try:
        _run(["debootstrap", "--variant=minbase", include, release, str(tree)], BUILD_WITHIN_S)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ImageUnavailable(f"debootstrap: {error}") from error
    container = _run([*buildah, "from", "scratch"], 60).strip()
    _run([*buildah, "add", "--quiet", container, str(tree), "/"], BUILD_WITHIN_S)
    _run([*buildah, "commit", "--quiet", "--rm", container, BASE], BUILD_WITHIN_S)
    shutil.rmtree(tree)


def _fetch_packages(place: Path) -> Path:
    image, wheels = ROOT / "infra" / "image", place / "wheels"
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes", "--no-deps"]
    files = [f"--requirement={image / name}" for name in REQUIREMENTS]
    _run([*pip, "--no-build-isolation", f"--dest={wheels}", *files], BUILD_WITHIN_S)
    return wheels


def _run(command: Sequence[str], timeout_s: float) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        print(done.stdout[-2000:], done.stderr[-4000:])
        done.check_returncode()
    return done.stdout
