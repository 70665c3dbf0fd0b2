"""The promise of delivery, over the stack: functions killed, events dropped, doubled and late."""

import random
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from chaos import chaos_before
from watched import batch_to, done, read

from ekiden import demo
from infra.stack.parts import FUNCTIONS, POD, Ports
from infra.stack.processes import Processes
from infra.stack.seaweed import SeaweedUnavailable
from infra.stack.stack import provision, running_stack

RECIPIENTS = 1000
PATIENCE_S = 240
KILL_EVERY_S = 0.7
MOST_KILLS = 30
OPTIONS = {
    "EKIDEN_VALIDATE_BAG_SIZE": "20",
    "EKIDEN_SEND_LEASE_DURATION": "5s",
    "EKIDEN_SWEEP_FORGOTTEN_AFTER": "3s",
    # Whoever is killed that often at work is not poisonous.
    "EKIDEN_SWEEP_MAX_REDRIVES": "100",
}


@contextmanager
def killing(processes: Processes, rng: random.Random) -> Iterator[list[str]]:
    """Somebody is killed every now and then; who so far."""
    killed: list[str] = []
    enough = threading.Event()

    def kill() -> None:
        while len(killed) < MOST_KILLS and not enough.wait(KILL_EVERY_S):
            victim = rng.choice((*FUNCTIONS, POD, "send", "send"))
            processes.kill(victim)
            killed.append(victim)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        enough.set()
        thread.join()


def test_nobody_is_forgotten_and_what_comes_twice_says_so(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    ports = Ports.free()
    with (
        demo.mail_server(None, keep=10 * RECIPIENTS) as (sink, smtp_port),
        chaos_before(ports.receiver_url, rng.randrange(1 << 32)) as chaos,
    ):
        options = OPTIONS | {"EKIDEN_SEND_ROUTE": f"smtp://127.0.0.1:{smtp_port}"}
        more = {"ports": ports, "webhook": chaos.url, "sweep_every_s": 1.0}
        try:
            with running_stack(tmp_path, options, **more) as stack:
                client = stack.client(provision(stack.store_url, demo.DOMAIN))
                batch = client.submit(batch_to(RECIPIENTS))["batch"]
                with killing(stack.processes, rng) as killed:
                    status = done(client, batch, PATIENCE_S)
                outcomes, folders = read(stack.store_url, batch)
        except SeaweedUnavailable as reason:
            pytest.skip(f"no SeaweedFS: {reason}")
    assert status["outcomes"] == {"delivered": RECIPIENTS}
    mails = defaultdict(list)
    for each in sink.received:
        mails[each.recipient].append(each.message)
    twice = {who: copies for who, copies in mails.items() if len(copies) > 1}
    print(
        f"{len(killed)} killed ({killed.count('send')} times send), {stack.processes.restarts} "
        f"started again; of {chaos.passed_on + chaos.dropped} events {chaos.dropped} dropped, "
        f"{chaos.doubled} doubled; {len(twice)} mails twice"
    )
    assert len(mails) == RECIPIENTS, "nobody is forgotten"
    assert all(len(set(copies)) == 1 for copies in twice.values()), "the same bytes"
    said = {each.recipient for each in outcomes if each.ambiguous}
    assert set(twice) <= said, "what was in flight may have come twice, and is marked"
    assert not folders & {"submitted", "validated", "failed"}
