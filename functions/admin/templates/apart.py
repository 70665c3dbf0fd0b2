"""`build` in a process of its own, where libraries take a stranger's page apart.

They are no Python: one that runs out of stack takes its process with it, and one may make gigabytes
of a page that looks small, because no other parser than their own can tell how deep it goes. So the
process has bounds, and when it ends before it has answered, that is a `Fault`.

    python -m functions.admin.templates.apart    a job on standard input, a result on its output
"""

import resource
import subprocess
import sys
import threading
from contextlib import suppress

import msgspec

from functions.admin.templates.build import Bounds, TemplateWish, build
from functions.admin.templates.fault import Fault
from shared.domains import Template
from shared.errors import Busy

MOST_S = 20
"""A large newsletter takes a tenth of a second."""
MOST_MEMORY_BYTES = 1024 * 1024 * 1024
MOST_AT_ONCE = 2
WAIT_S = 5.0
_SLOTS = threading.BoundedSemaphore(MOST_AT_ONCE)
_GAVE_UP = "no mail can be made from it: it is nested too deep, or grows too large"


class _Job(msgspec.Struct, frozen=True):
    template_id: str
    wish: TemplateWish
    bounds: Bounds


class _Result(msgspec.Struct, frozen=True):
    template: Template | None = None
    why: str = ""
    line: int = 0
    column: int = 0
    part: str = ""


def build_apart(template_id: str, wish: TemplateWish, bounds: Bounds) -> Template:
    """As `build`. Waits, so call it in a thread. Raises `Fault`, `Busy`."""
    if not (wish.mjml or wish.inline_css or wish.auto_text):
        return build(template_id, wish, bounds)
    if not _SLOTS.acquire(timeout=WAIT_S):
        raise Busy(f"{MOST_AT_ONCE} other Templates are being made")
    try:
        found = _answer(msgspec.json.encode(_Job(template_id, wish, bounds)))
    finally:
        _SLOTS.release()
    if found is None:
        raise Fault(_GAVE_UP, part="mjml" if wish.mjml else "html")
    if found.template is None:
        raise Fault(found.why, found.line, found.column, found.part)
    return found.template


def _answer(job: bytes) -> _Result | None:
    """None: the process has died, or took too long."""
    command = [sys.executable, "-m", "functions.admin.templates.apart"]
    try:
        done = subprocess.run(
            command,
            input=job,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=MOST_S,
            check=True,
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return msgspec.json.decode(done.stdout, type=_Result)


def _result(job: _Job) -> _Result:
    try:
        return _Result(build(job.template_id, job.wish, job.bounds))
    except Fault as fault:
        return _Result(None, fault.why, fault.line, fault.column, fault.part)


def main() -> None:
    for what, most in ((resource.RLIMIT_AS, MOST_MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # some systems know no such bound
            resource.setrlimit(what, (most, most))
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=_Job)
    sys.stdout.buffer.write(msgspec.json.encode(_result(job)))


if __name__ == "__main__":
    main()
