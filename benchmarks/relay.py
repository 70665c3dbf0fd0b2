"""A Batch of 10,000 against what RSA allows, and against Postfix with one unsigned message."""

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from benchmarks import content
from benchmarks.batch import batch_run
from benchmarks.postfix import Postfix
from benchmarks.row import Announce, Row, Target, interleave, notes
from benchmarks.signatures import core_count, rate_of_all_cores
from benchmarks.sink import Sink

RECIPIENTS = 10_000


def rows(announce: Announce) -> list[Row]:
    with ExitStack() as stack:
        postfix = _postfix(stack)
        sides: dict[str, Callable[[int], float]] = {
            "ekiden": lambda n: batch_run(RECIPIENTS, n).rate,
            "rsa": lambda n: rate_of_all_cores(),
            "postfix": lambda n: postfix()[0].one_to_many(postfix()[1], RECIPIENTS),
        }
        samples = interleave(sides, announce)
    ours, rsa, peer = samples["ekiden"], samples["rsa"], samples["postfix"]
    return [
        Row(
            name="Batch of 10,000 Recipients, RSA-2048 signed, end to end, against RSA",
            figure=ours.median(float),
            unit="/s",
            peer=f"bare RSA-2048 signatures on {core_count()} cores",
            peer_figure=rsa.median(float),
            target=Target("≥", 0.5),
            note=notes(ours, rsa),
        ),
        Row(
            name="Batch of 10,000 Recipients, RSA-2048 signed, end to end, against Postfix",
            figure=ours.median(float),
            unit="/s",
            peer="Postfix, one unsigned message to as many recipients one by one",
            peer_figure=peer.median(float),
            target=Target("≥", 1),
            note=notes(ours, peer),
        ),
    ]


def _postfix(stack: ExitStack) -> Callable[[], tuple[Postfix, Path]]:
    """Starts Postfix at the first call, so that a machine without it has the other figures."""

    @cache
    def start() -> tuple[Postfix, Path]:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ekiden-mail-")))
        sink = stack.enter_context(Sink())
        return stack.enter_context(Postfix(sink)), content.write_mail(directory / "mail.eml")

    return start
