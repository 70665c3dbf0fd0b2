"""Two `ekiden serve` share one real bucket. One is killed with signal 9, the other finishes."""

import time
from collections import Counter
from collections.abc import Callable
from random import Random

import msgspec
from processes import (
    DOMAIN,
    Serve,
    outcomes,
    prefixes,
    provision,
    read,
    seeded_random,
    slow_sink,
)
from seaweed import Seaweed

from shared import keys
from shared.errors import NotFound
from shared.outcome import FINAL
from shared.store.base import Store, list_all

RECIPIENTS = 1500
KILL_AT = 700
IN_FLIGHT = 6 * 3 * 10 + 2 * 2
"""Of the one that is killed: two Bags with a connection, and perhaps four that were just finished;
of each three parts of ten Outcomes, behind a slow store; two mails on each connection."""
BOTH_WITHIN_S = 30
CLEAN_WITHIN_S = 30
LEFT = {"archive", "batches", "control", "domains", "probe", "stats"}
"""The folders of a bucket where nothing is on its way."""


def batch(rng: Random) -> dict[str, object]:
    """Its mails are so unlike each other that a Bag of them counts as large."""
    rows = [
        {"email": f"r{n}@d{n % 7}.example", "fields": {"noise": rng.randbytes(2000).hex()}}
        for n in range(RECIPIENTS)
    ]
    content = {"subject": "Noise", "text": "{{ noise }}"}
    return {"sender": {"email": f"news@{DOMAIN}"}, "recipients": rows, **content}


async def senders(store: Store) -> set[int]:
    """The pids of the processes that hold a lease on a Bag."""
    pids: set[int] = set()
    async for entry in list_all(store, keys.LEASES):
        try:
            lease = msgspec.json.decode((await store.get(entry.key)).body)
        except NotFound:
            continue
        pids.add(int(lease["owner"].split(":")[1]))
    return pids


async def until_two_send(store: Store) -> set[int]:
    seen: set[int] = set()
    deadline = time.monotonic() + BOTH_WITHIN_S
    while len(seen) < 2 and time.monotonic() < deadline:
        seen |= await senders(store)
    return seen


async def what_is_left(store: Store) -> set[str]:
    """The folders when no work is left, or when that takes too long."""
    deadline = time.monotonic() + CLEAN_WITHIN_S
    left = await prefixes(store)
    while not left <= LEFT and time.monotonic() < deadline:
        left = await prefixes(store)
    return left


def test_one_of_two_is_killed_and_the_other_finishes(
    seaweed: Seaweed, serve: Callable[..., Serve]
) -> None:
    url = seaweed.url("two-serves")
    with slow_sink(pause_s=0.003) as sink:
        api_key = provision(url)
        given = {
            "store_url": url,
            "send_route": f"smtp://127.0.0.1:{sink.port}",
            "send_lease_duration": "2s",
            "send_max_connections_per_destination": "2",
            "send_flush_outcomes": "10",
            "validate_bag_size": "40",
            "dispatch_workers": "1",
            "sweep_interval": "500ms",
            "sweep_forgotten_after": "1s",
        }
        first, second = serve(api_key, **given), serve(api_key, **given)
        assert first.ready()
        assert second.ready()
        submitted = first.client.submit(batch(seeded_random()))["batch"]
        assert read(url, until_two_send) == {first.pid, second.pid}, "both take part"
        sink.on_rcpt = lambda number: first.kill() if number == KILL_AT else None
        assert second.client.batch(submitted, wait_s=50)[0]["done"]
        assert not first.alive
        # It died between the last Outcome of a Bag and the Bag's end: the sweep gives it a new one.
        assert read(url, what_is_left) <= LEFT
        assert second.stop() == 0

        final = Counter(line.delivery for line in read(url, outcomes) if line.outcome in FINAL)
        assert len(final) == RECIPIENTS
        assert set(final.values()) == {1}
        received = sink.received()
        assert len(received) == RECIPIENTS
        assert {len(messages) for messages in received.values()} == {1}, "to the byte"
        repeats = sink.sink.accepted - RECIPIENTS
        print(f"one was killed at {KILL_AT} mails; {repeats} were repeated")
        assert repeats <= IN_FLIGHT
        assert read(url, prefixes) <= LEFT
