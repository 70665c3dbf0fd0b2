"""A hundred slow destinations among a thousand must not delay the other nine hundred."""

import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import far_side, inside, interface, pod
from benchmarks.loopback import free_port
from benchmarks.row import Announce, Row, Target, Unmeasured, interleave, notes

DESTINATIONS, SLOW, MAILS_EACH = 1_000, 100, 10
TIMEOUT_S = 120
WITH, WITHOUT = "with the slow ones", "without them"


def rows(announce: Announce) -> list[Row]:
    sides: dict[str, Callable[[int], float]] = {
        WITH: lambda n: seconds_to_the_quick(DESTINATIONS, SLOW),
        WITHOUT: lambda n: seconds_to_the_quick(DESTINATIONS, SLOW, leave_out_slow=True),
    }
    samples = interleave(sides, announce)
    slowed, alone = samples[WITH], samples[WITHOUT]
    return [
        Row(
            name="1,000 destinations, 100 of them answer after 10 s: until the other 900 are done",
            figure=slowed.median(float),
            unit="s",
            peer="the same 900 alone",
            peer_figure=alone.median(float),
            target=Target("≤", 1.2),
            note=notes(slowed, alone),
        )
    ]


def seconds_to_the_quick(destinations: int, slow: int, leave_out_slow: bool = False) -> float:
    """Seconds from the first question to the name server until the quick destinations have all
    their mails. A Bag holds 500 mails of neighbouring domains, as `validate` cuts it."""
    places = [n for n in range(destinations) if not (leave_out_slow and far_side.is_slow(n, slow))]
    recipients = [
        f"reader-{n}@{far_side.domain(place)}" for place in places for n in range(MAILS_EACH)
    ]
    awaited = (destinations - slow) * MAILS_EACH
    name_port, smtp_port = free_port(), free_port()
    with tempfile.TemporaryDirectory(prefix="ekiden-far-") as directory:
        store_url = interface.file_store(Path(directory))
        inside.fill(store_url, recipients)
        asking = interface.asking(name_port, smtp_port)
        # The slow ones would take minutes more: the pod is killed when the others are done.
        with (
            _far_side(name_port, smtp_port, slow, awaited) as far,
            pod.sender(store_url, interface.BY_MX, **asking),
        ):
            return _answer(far)


@contextmanager
def _far_side(*arguments: int) -> "Iterator[subprocess.Popen[str]]":
    command = [sys.executable, "-m", "benchmarks.far_side", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            if _line(process) != "ready":
                raise Unmeasured("the far side did not start")
            yield process
        finally:
            process.kill()


def _answer(far: "subprocess.Popen[str]") -> float:
    assert far.stdout is not None
    if not select.select([far.stdout], [], [], TIMEOUT_S)[0]:
        raise TimeoutError(f"the quick destinations were not done within {TIMEOUT_S} s")
    return float(_line(far))


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
