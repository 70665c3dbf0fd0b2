"""`ekiden serve` is killed with signal 9, twenty times, while 2,000 Recipients pass.

Afterwards every Delivery has one final Outcome, the mail server has each mail, and what it got
more than once is the same to the byte and no more than what was in flight.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from processes import (
    DOMAIN,
    Ends,
    Serve,
    SlowSink,
    outcomes,
    prefixes,
    provision,
    read,
    seeded_random,
    slow_sink,
)

from ekiden.client import ApiUnreachable
from shared.outcome import FINAL, Outcome, latest

KILLS = 20
BATCHES = 4
RECIPIENTS = 500
"""Of each Batch."""
CONNECTIONS = 4
FLUSH_OUTCOMES = 10
SINK_PAUSE_S = 0.003
IN_FLIGHT = CONNECTIONS * (FLUSH_OUTCOMES + 2)
"""What a kill may repeat, on the average: of each Bag that has a connection the Outcomes that make
no part yet, and on each connection two mails on the way."""


def options(folder: Path, sink: SlowSink) -> dict[str, str]:
    return {
        "store_url": f"sqlite:///{folder}/ekiden.db",
        "send_route": f"smtp://127.0.0.1:{sink.port}",
        "send_lease_duration": "1s",
        "send_flush_interval": "500ms",
        "send_flush_outcomes": str(FLUSH_OUTCOMES),
        "send_max_connections_per_destination": str(CONNECTIONS),
        "send_retry_min": "2s",
        "send_retry_base": "1s",
        "validate_bag_size": "40",
        "sweep_interval": "1s",
        "sweep_forgotten_after": "1s",
    }


def refuse(recipient: str, seen_before: int) -> str | None:
    if recipient.startswith("gone"):
        return "550 5.1.1 no such user"
    if recipient.startswith("grey") and not seen_before:
        return "450 4.7.1 come back later"
    return None


def batch(number: int, rng: Random) -> dict[str, Any]:
    """Its mails are so unlike each other that a Bag of them counts as large."""
    kinds = dict.fromkeys(range(0, 100, 20), "grey") | {50: "gone", 99: "gone"}
    rows = [
        {
            "email": f"{kinds.get(n % 100, 'rider')}{n}-{number}@d{n % 7}.example",
            "fields": {"noise": rng.randbytes(1500).hex()},
        }
        for n in range(RECIPIENTS)
    ]
    return {
        "sender": {"email": f"news@{DOMAIN}"},
        "subject": "Noise",
        "text": "{{ noise }}",
        "recipients": rows,
    }


class Lives:
    """One process after the other, all over one file."""

    def __init__(self, sink: SlowSink, start: Callable[[], Serve], rng: Random) -> None:
        self.sink = sink
        self.start = start
        self.rng = rng
        self.submitted: list[str] = []
        self.renderers = Ends()

    def killed_on_the_clock(self) -> None:
        """While it starts, recovers, or does whatever it does by then."""
        alive = self.start()
        alive.ended_within(self.rng.uniform(0, 1.5))
        self.renderers.watch(alive.children())
        alive.kill()
        alive.bury()

    def killed_by_mail(self) -> None:
        """By the mail server, in the middle of a mail."""
        last = self.sink.rcpts + self.rng.randint(1, 120)
        alive = self.start()
        self.sink.on_rcpt = lambda number: alive.kill() if number >= last else None
        if alive.ready():
            self.renderers.watch(alive.children())
            self.submit_what_is_left(alive)
        if not alive.ended_within(10):
            alive.kill()  # all is done already, or waits for leases of the dead
        self.sink.on_rcpt = lambda number: None
        alive.bury()

    def submit_what_is_left(self, alive: Serve) -> None:
        """A call that the process did not survive is repeated in the next life."""
        for number in range(len(self.submitted), BATCHES):
            content = batch(number, Random(number))
            try:
                answer = alive.client.submit(content, idempotency_key=f"batch {number}")
            except ApiUnreachable:
                return
            assert answer["accepted"] == RECIPIENTS
            self.submitted.append(answer["batch"])

    def finish(self) -> None:
        alive = self.start()
        assert alive.ready()
        self.submit_what_is_left(alive)
        for each in self.submitted:
            status = alive.client.batch(each, wait_s=50)[0]
            assert status["done"], status
        assert alive.stop() == 0


def test_twenty_kills_lose_nothing_and_repeat_what_was_in_flight(
    tmp_path: Path, serve: Callable[..., Serve]
) -> None:
    rng = seeded_random()
    with slow_sink(SINK_PAUSE_S, refuse) as sink:
        given = options(tmp_path, sink)
        api_key = provision(given["store_url"])
        lives = Lives(sink, lambda: serve(api_key, **given), rng)
        kinds = [lives.killed_by_mail] * 15 + [lives.killed_on_the_clock] * 5
        rng.shuffle(kinds)
        for live in kinds[:KILLS]:
            live()
        lives.finish()
        assert lives.renderers.wait() == [], "renderers end with their parent"
        check_outcomes(read(given["store_url"], outcomes))
        assert read(given["store_url"], prefixes) <= {
            "archive",
            "batches",
            "control",
            "domains",
            "probe",
            "stats",
        }
        check_mails(sink)


def check_outcomes(lines: list[Outcome]) -> None:
    final = Counter(line.delivery for line in lines if line.outcome in FINAL)
    assert len(final) == BATCHES * RECIPIENTS
    assert set(final.values()) == {1}
    ends = Counter(line.outcome for line in latest(lines).values())
    assert ends == {"delivered": BATCHES * 490, "bounced": BATCHES * 10}


def check_mails(sink: SlowSink) -> None:
    received = sink.received()
    assert len(received) == BATCHES * 490, "each mail arrived"
    assert {len(messages) for messages in received.values()} == {1}, "repeats are the same"
    repeats = sum(messages.total() - 1 for messages in received.values())
    print(f"{KILLS} kills, {sink.sink.accepted} mails, {repeats} of them repeats")
    assert repeats <= KILLS * IN_FLIGHT
