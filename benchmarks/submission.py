"""Submission: 20 clients hand mails over, each durable before its 250.

`smtp-source` speaks neither TLS nor AUTH, and the pod takes no mail without them; so both servers
get the same client of ours (`submitters.py`), over STARTTLS with the same certificate, and only
ours asks it to log in. Postfix also puts each mail on hold, so that it does nothing but accept;
nothing of ours sends either. Beside it stands what `smtp-source` itself gets in, in plain text.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

from benchmarks import inside, interface
from benchmarks.crowd import rate
from benchmarks.loopback import HOST, free_port, wait_until_listens
from benchmarks.pod import Pod
from benchmarks.postfix import Instance, program
from benchmarks.row import Announce, Row, Sample, Target, Unmeasured, interleave, notes
from benchmarks.submitters import BODY_BYTES, Load

MAILS, CLIENTS = 4_000, 20
TIMEOUT_S = 120
OURS, POSTFIX, PLAIN = "ekiden", "postfix", "smtp-source to postfix"


def rows(announce: Announce) -> list[Row]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ekiden-tls-")))
        certificate = directory / "certificate.pem"
        certificate.write_bytes(inside.certificate(HOST))
        pod = cache(lambda: stack.enter_context(submission(certificate)))
        postfix = cache(lambda: stack.enter_context(accepting_postfix(certificate)))
        sides: dict[str, Callable[[int], float]] = {
            OURS: lambda n: rate(pod(), TIMEOUT_S),
            POSTFIX: lambda n: rate(Load(postfix().port, MAILS, CLIENTS), TIMEOUT_S),
            PLAIN: lambda n: smtp_source_rate(postfix().port, MAILS),
        }
        samples = interleave(sides, announce)
    return [_row(samples[OURS], samples[POSTFIX], samples[PLAIN])]


def _row(ours: Sample[float], peer: Sample[float], plain: Sample[float]) -> Row:
    in_plain = plain.median(float)
    said = f"{in_plain:,.0f} /s by smtp-source in plain text" if in_plain else ""
    return Row(
        name="submission, 20 clients over TLS, durable before 250",
        figure=ours.median(float),
        unit="/s",
        peer="Postfix, the same clients, no login, accepting only",
        peer_figure=peer.median(float),
        target=Target("≥", 0.8),
        note="; ".join(filter(None, [said, notes(ours, peer, plain)])),
    )


@contextmanager
def submission(certificate: Path, mails: int = MAILS) -> Iterator[Load]:
    """A pod that only listens, and the load for it."""
    with tempfile.TemporaryDirectory(prefix="ekiden-submission-") as folder:
        side_port, port = free_port(), free_port()
        directory = Path(folder)
        environment = interface.submission_environment(directory, side_port, port, certificate)
        key = interface.provision(environment)
        with Pod(environment, side_port):
            wait_until_listens(port)
            yield Load(port, mails, CLIENTS, interface.USER, key)


@contextmanager
def accepting_postfix(certificate: Path) -> Iterator[Instance]:
    """It puts all mail on hold: that is, syncs it to its queue, and does no more."""
    postfix = Instance(
        relay_port=free_port(),
        smtpd_client_restrictions="check_client_access static:HOLD",
        smtpd_tls_security_level="may",
        smtpd_tls_chain_files=str(certificate),
    )
    try:
        postfix.start()
        yield postfix
    finally:
        postfix.remove()


def smtp_source_rate(port: int, mails: int) -> float:
    """Mails per second from its start to its end."""
    options = ["-d", "-s", str(CLIENTS), "-l", str(BODY_BYTES), "-m", str(mails)]
    addresses = ["-f", "news@example.org", "-t", "reader@example.net", "-M", "client.example.org"]
    command = [program("smtp-source"), *options, *addresses, f"{HOST}:{port}"]
    start = time.monotonic()
    if subprocess.run(command, timeout=TIMEOUT_S).returncode:
        raise Unmeasured("smtp-source failed")
    return mails / (time.monotonic() - start)
