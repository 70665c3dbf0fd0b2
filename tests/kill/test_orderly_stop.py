"""SIGTERM in the middle of a Batch: what is in flight is finished, recorded, and never repeated."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from processes import DOMAIN, Serve, outcomes, prefixes, provision, read, slow_sink

BATCH = {
    "sender": {"email": f"news@{DOMAIN}"},
    "subject": "Hello",
    "text": "Hello {{ name }}",
    "recipients": [
        {"email": f"r{n}@d{n % 3}.example", "fields": {"name": str(n)}} for n in range(300)
    ],
}


def test_sigterm_lets_bags_finish_and_the_next_process_do_the_rest(
    tmp_path: Path, serve: Callable[..., Serve]
) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    with slow_sink(pause_s=0.003) as sink:
        api_key = provision(url)
        given = {
            "store_url": url,
            "send_route": f"smtp://127.0.0.1:{sink.port}",
            "send_max_connections_per_destination": "2",
            "validate_bag_size": "10",
        }
        half = threading.Event()
        sink.on_rcpt = lambda number: half.set() if number == 100 else None
        first = serve(api_key, **given)
        assert first.ready()
        batch = first.client.submit(BATCH)["batch"]
        assert half.wait(20)
        assert first.stop() == 0
        sent = sink.sink.accepted
        assert len(read(url, outcomes)) == sent, "everything is recorded"
        assert "leases" not in read(url, prefixes), "the next one need not wait"

        second = serve(api_key, **given)
        assert second.ready()
        assert second.client.batch(batch, wait_s=50)[0]["done"]
        assert second.stop() == 0
        assert Counter(line.outcome for line in read(url, outcomes)) == {"delivered": 300}
        assert sink.sink.accepted == 300, "nothing is sent twice"
        assert read(url, prefixes) <= {"archive", "batches", "control", "domains", "stats"}
