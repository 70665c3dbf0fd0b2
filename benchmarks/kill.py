"""`kill -9` in the middle of 20 Deliveries, again and again: what is lost, and what comes twice.

Ekiden's pod and Postfix go through the same lives. Some end by a clean stop instead, after which
nothing may come twice.
"""

import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import inside, interface, pod
from benchmarks.lives import CONNECTIONS, Plan, Tally, holding_sink, live
from benchmarks.loopback import HOST
from benchmarks.postfix import Instance, program
from benchmarks.row import LIMIT, Announce, Row, Sample, Target, interleave

MAILS, KILLS, STOPS = 5_000, 20, 3


def rows(announce: Announce) -> list[Row]:
    sides: dict[str, Callable[[int], Tally]] = {
        "ekiden": lambda n: ekiden(Plan.of(MAILS, KILLS, STOPS, seed=n)),
        "postfix": lambda n: postfix(Plan.of(MAILS, KILLS, STOPS, seed=n)),
    }
    ours, peer = interleave(sides, announce, rounds=1).values()
    test = f"kill -9 at {KILLS} random moments, {MAILS:,} Deliveries, {CONNECTIONS} in flight"
    return [
        Row(
            name=f"{test}: repeats per kill",
            figure=ours.median(lambda tally: tally.median),
            unit="mails",
            peer="Postfix",
            peer_figure=peer.median(lambda tally: tally.median),
            target=Target("≤", 1),
            note="; ".join(_said("ours", ours) + _said("Postfix", peer)),
        ),
        Row(
            name=f"{test}: lost, changed, repeated after a clean stop, or not marked as ambiguous",
            figure=ours.median(lambda tally: tally.wrong),
            unit="mails",
            peer=LIMIT,
            peer_figure=0,
            target=Target("≤", 0),
            note=ours.missing,
        ),
    ]


def _said(who: str, sample: "Sample[Tally]") -> list[str]:
    """The range, and what the median of both was made of."""
    if sample.missing:
        return [sample.missing]
    tally = sample.runs[0]
    kills, held = tally.after_kills, tally.held_at_kills
    said = f"{who}: {len(kills)} kills, at most {max(kills)}, {statistics.median(held):g} held"
    return [f"{said} by the sink at the kill"]


class EkidenLives:
    """`ekiden pod` over a file, which holds all mails in Bags."""

    def __init__(self, store_url: str, sink_port: int, mails: int) -> None:
        self._store_url = store_url
        self._route = interface.route_to(sink_port)
        self._pod: pod.Pod | None = None
        inside.fill(store_url, inside.addresses(mails))

    def start(self) -> None:
        self._pod = pod.sender(self._store_url, self._route, **interface.soon_taken_over())

    def kill(self) -> None:
        assert self._pod is not None
        self._pod.kill()

    def stop(self) -> None:
        assert self._pod is not None
        self._pod.stop()

    def is_done(self) -> bool:
        assert self._pod is not None
        return interface.is_idle(self._pod.side_port)


class PostfixLives:
    """Postfix with all mails in its queue."""

    def __init__(self, sink_port: int, mails: int) -> None:
        concurrency = str(CONNECTIONS)
        self._postfix = Instance(
            sink_port,
            smtpd_client_restrictions="check_client_access static:HOLD",
            initial_destination_concurrency=concurrency,
            default_destination_concurrency_limit=concurrency,
            minimal_backoff_time="1s",
            queue_run_delay="1s",
        )
        try:
            self._fill(mails)
        except BaseException:
            self._postfix.remove()
            raise

    def _fill(self, mails: int) -> None:
        """Hand them over while all mail is put on hold, and let it go while nothing runs."""
        self._postfix.start()
        options = ["-d", "-N", "-s", str(CONNECTIONS), "-l", str(inside.MAIL_BYTES)]
        addresses = ["-f", "news@example.org", "-t", "reader@one.example", "-M", "a.example.org"]
        where = f"{HOST}:{self._postfix.port}"
        command = [program("smtp-source"), *options, "-m", str(mails), *addresses, where]
        subprocess.run(command, check=True, timeout=120)
        self._postfix.stop()
        self._postfix.run("postsuper", "-H", "ALL")

    def start(self) -> None:
        self._postfix.start_again()

    def kill(self) -> None:
        self._postfix.kill()

    def stop(self) -> None:
        self._postfix.stop()

    def is_done(self) -> bool:
        return self._postfix.is_empty()

    def remove(self) -> None:
        self._postfix.remove()


def ekiden(plan: Plan, store_url: str = "") -> Tally:
    """Over SQLite, or another store."""
    with tempfile.TemporaryDirectory(prefix="ekiden-lives-") as directory:
        store_url = store_url or interface.file_store(Path(directory))
        with holding_sink() as (port, records):
            lives = EkidenLives(store_url, port, plan.mails)
            try:
                tally = live(lives, records, plan)
            finally:
                lives.kill()
        told = inside.told(store_url)
    tally.lost += sum(each.outcome != "delivered" for each in told.values())
    tally.lost += plan.mails - len(told)
    tally.unmarked = sum(not told[each].ambiguous for each in tally.repeated)
    return tally


def postfix(plan: Plan) -> Tally:
    """Raises `Unmeasured`."""
    with holding_sink() as (port, records):
        lives = PostfixLives(port, plan.mails)
        try:
            return live(lives, records, plan)
        finally:
            lives.remove()
