"""Queues to destinations: how many connections, which hosts, what happens when none is there."""

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from contextlib import closing
from random import Random
from ssl import SSLContext

import pytest
from scripted_server import Dialog, ScriptedServer
from smtp_mail import LOOPS, Reports, run, some

from ekiden.sink import Sink
from functions.send.smtp.options import Options
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.pool import Limits, Pool
from functions.send.smtp.target import Destination, Target
from functions.send.smtp.verdict import Verdict
from shared.dns import DnsUnavailable

OPTIONS = Options("client.test")


def local(port: int, preference: int = 0) -> Target:
    return Target("localhost", port, "127.0.0.1", preference)


def closed_port() -> int:
    """A port on which nobody listens."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def new_pool(**limits: float) -> Pool:
    return Pool(OPTIONS, Random(0), limits=Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_queue_is_emptied_over_several_connections(loop: str) -> None:
    async def main() -> None:
        sink, reports, queue = Sink(), Reports(), deque(some(200))
        there = Destination("sink", (local(await sink.start()),))
        pool = new_pool(connections=4)
        await pool.deliver(there, queue, reports)
        await pool.close()
        await sink.close()
        assert reports.kinds == ["accepted"] * 200
        assert {each.recipient for each in sink.received} == {f"r{n}@mx.test" for n in range(200)}
        assert sink.connections == 4

    run(main(), loop)


def test_a_short_queue_takes_one_connection_and_leaves_it_for_the_next() -> None:
    async def main() -> None:
        sink, reports = Sink(), Reports()
        there = Destination("sink", (local(await sink.start()),))
        pool = new_pool()
        await pool.deliver(there, deque(some(5)), reports)
        await pool.deliver(there, deque(some(5)), reports)
        await pool.close()
        await sink.close()
        assert (sink.accepted, sink.connections) == (10, 1)

    run(main())


def test_callers_of_one_destination_share_its_connections() -> None:
    async def main() -> None:
        sink, reports = Sink(), Reports()
        there = Destination("sink", (local(await sink.start()),))
        pool = new_pool(connections=3)
        queues = [deque(some(100)) for _ in range(4)]
        await asyncio.gather(*(pool.deliver(there, queue, reports) for queue in queues))
        await pool.close()
        await sink.close()
        assert (sink.accepted, sink.connections) == (400, 3)

    run(main())


def test_a_connection_carries_no_more_messages_than_allowed() -> None:
    async def main() -> None:
        sink, reports = Sink(), Reports()
        there = Destination("sink", (local(await sink.start()),))
        pool = new_pool(connections=1, messages_per_connection=4)
        await pool.deliver(there, deque(some(10)), reports)
        await pool.close()
        await sink.close()
        assert (sink.accepted, sink.connections) == (10, 3)

    run(main())


def test_a_connection_that_died_while_idle_costs_no_verdict() -> None:
    async def main() -> None:
        sink, reports = Sink(), Reports()
        port = await sink.start()
        there, pool = Destination("sink", (local(port),)), new_pool()
        await pool.deliver(there, deque(some(1)), reports)
        await sink.close()
        again = Sink()
        await again.start(port=port)
        await pool.deliver(there, deque(some(1)), reports)
        await pool.close()
        await again.close()
        assert (reports.kinds, again.accepted) == (["accepted", "accepted"], 1)

    run(main())


def test_a_connection_nobody_needs_any_more_is_ended_with_quit(self_signed: SSLContext) -> None:
    async def main() -> None:
        script = [("S", "220 mx.test"), ("C", "EHLO client.test"), ("S", "250 mx.test")]
        script += [("C", "MAIL *"), ("S", "550 no"), ("C", "QUIT"), ("S", "221 bye")]
        server, reports = ScriptedServer(Dialog(connections=[script]), self_signed), Reports()
        there = Destination("it", (local(await server.start()),))
        await new_pool(idle_s=0).deliver(there, deque(some(1)), reports)
        await server.close()
        assert server.deviations == []

    run(main())


def test_refused_recipients_stop_no_other() -> None:
    def refuse(recipient: str, seen_before: int) -> str | None:
        return "550 5.1.1 no such user" if recipient.startswith("r1") else None

    async def main() -> None:
        sink, reports = Sink(refuse), Reports()
        there = Destination("sink", (local(await sink.start()),))
        pool = new_pool(connections=2)
        await pool.deliver(there, deque(some(20)), reports)
        await pool.close()
        await sink.close()
        assert sorted(reports.kinds) == ["accepted"] * 9 + ["permanent"] * 11
        assert (sink.accepted, sink.refused) == (9, 11)

    run(main())


def test_the_next_preference_is_tried_when_a_host_is_down() -> None:
    async def main() -> None:
        sink, reports = Sink(), Reports()
        hosts = (local(await sink.start(), 20), local(closed_port(), 10))
        pool = new_pool()
        await pool.deliver(Destination("two", hosts), deque(some(3)), reports)
        await pool.close()
        await sink.close()
        assert reports.kinds == ["accepted"] * 3

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
def test_every_message_hears_that_no_host_is_up(loop: str) -> None:
    async def main() -> None:
        reports, queue, port = Reports(), deque(some(30)), closed_port()
        await new_pool().deliver(Destination("down", (local(port),)), queue, reports)
        assert not queue
        assert reports.lines() == [f"r{n} temporary connect -" for n in range(30)]
        assert "refused" in reports.verdicts[0][1].text or "111" in reports.verdicts[0][1].text

    run(main(), loop)


def test_all_addresses_of_a_host_are_tried_in_their_order() -> None:
    async def resolve(host: str) -> list[str]:
        assert host == "mx.test"
        return ["127.0.0.2", "127.0.0.1"]

    async def main() -> None:
        sink, reports = Sink(), Reports()
        there = Destination("mx.test", (Target("mx.test", await sink.start()),))
        pool = Pool(OPTIONS, Random(0), resolve=resolve)
        await pool.deliver(there, deque(some(1)), reports)
        await pool.close()
        await sink.close()
        assert reports.kinds == ["accepted"]
        assert reports.verdicts[0][1].host == "mx.test"
        assert reports.verdicts[0][1].address.startswith("127.0.0.1:")

    run(main())


def test_a_host_without_a_known_address_is_a_temporary_failure() -> None:
    async def resolve(host: str) -> list[str]:
        raise DnsUnavailable("SERVFAIL")

    async def main() -> None:
        reports = Reports()
        pool = Pool(OPTIONS, Random(0), resolve=resolve)
        await pool.deliver(Destination("x", (Target("mx.test"),)), deque(some(1)), reports)
        assert reports.lines(with_text=True) == ['r0 temporary connect - "SERVFAIL"']

    run(main())


def test_a_host_that_an_operator_named_is_looked_up_as_the_system_does() -> None:
    async def resolve(host: str) -> list[str]:
        raise AssertionError(f"DNS was asked for {host}")

    async def main() -> None:
        sink, reports = Sink(), Reports()
        smarthost = Target("localhost", await sink.start(), system_lookup=True)
        pool = Pool(OPTIONS, Random(0), resolve=resolve)
        await pool.deliver(Destination("smarthost", (smarthost,)), deque(some(1)), reports)
        await pool.close()
        await sink.close()
        assert reports.kinds == ["accepted"]

    run(main())


def test_clearing_the_queue_stops_after_what_is_in_flight() -> None:
    async def main() -> None:
        sink, queue = Sink(), deque(some(500))
        there = Destination("sink", (local(await sink.start()),))
        pool = new_pool(connections=1)
        await pool.deliver(there, queue, lambda outgoing, verdicts: queue.clear())
        await pool.close()
        await sink.close()
        assert sink.accepted <= 2

    run(main())


def test_a_fault_in_the_report_comes_out_and_ends_the_call() -> None:
    def report(outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        sink = Sink()
        there = Destination("sink", (local(await sink.start()),))
        with pytest.raises(ZeroDivisionError):
            await new_pool(connections=3).deliver(there, deque(some(100)), report)
        await sink.close()

    run(main())


def test_cancelling_gives_back_what_was_not_sent() -> None:
    async def main() -> None:
        sink, reports, queue = Sink(), Reports(), deque(some(100))
        there = Destination("sink", (local(await sink.start()),))
        call: asyncio.Task[None]

        def report(outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
            reports(outgoing, verdicts)
            call.cancel()

        call = asyncio.create_task(new_pool(connections=1).deliver(there, queue, report))
        with pytest.raises(asyncio.CancelledError):
            await call
        await sink.close()
        assert len(reports.verdicts) + len(queue) == 100
        assert all(verdict.ambiguous for _, verdict in reports.verdicts[1:])

    run(main())
