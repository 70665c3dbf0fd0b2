"""A process that renders Bags for `ekiden serve`: jobs on standard input, Bags on standard output.

Each message is its length in four bytes, then MessagePack. The first answer, without a job, says
that the process is ready. It ends when its input does, so that
nothing is left behind when its parent is killed.
"""

import gc
import os
import signal
import sys
from typing import BinaryIO

import msgspec

from functions.dispatch.job import Job, render


class Rendered(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a Job: the body, or what was wrong with it, for good."""

    body: bytes = b""
    error: str = ""
    message: str = ""


_JOB = msgspec.msgpack.Decoder(Job)


def frame(message: object) -> bytes:
    data = msgspec.msgpack.encode(message)
    return len(data).to_bytes(4) + data


def answer(data: bytes) -> Rendered:
    try:
        return Rendered(body=render(_JOB.decode(data)))
    except Exception as error:  # noqa: BLE001 - the caller decides what becomes of the Bag
        return Rendered(error=type(error).__name__, message=str(error))


def serve(jobs: BinaryIO, answers: BinaryIO) -> None:
    while len(size := jobs.read(4)) == 4:
        data = jobs.read(int.from_bytes(size))
        answers.write(frame(answer(data)))
        answers.flush()


def main() -> None:
    # Ctrl-C goes to the whole group: the parent decides when we have done our part.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not end up between two answers
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # a mail leaves no cycles behind
    answers.write(frame(Rendered()))
    answers.flush()
    try:
        serve(sys.stdin.buffer, answers)
    except BrokenPipeError:  # nobody is left who waits for the answer, or for its rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), answers.fileno())


if __name__ == "__main__":
    main()
