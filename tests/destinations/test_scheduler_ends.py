"""Ends: a Bag that may not go on, a call that is cancelled, a ledger that fails, a process that
stops."""

import asyncio

import pytest
from mail_hosts import (
    Forward,
    Host,
    Ledger,
    behind,
    open_scheduler,
    play,
    says,
    send,
    silent_port,
    some,
    turns,
    until,
)

from functions.send.destinations.limits import Limits
from functions.send.destinations.scheduler import Scheduler
from functions.send.smtp.target import Destination, Target
from shared.model import Envelope

ONE = Limits(connections=1)


async def left_by(scheduler: Scheduler, host: Host) -> None:
    """Fail unless everything is closed."""
    await until(lambda: not host.open)
    assert not any(queue.lanes or len(queue._idle) for queue in scheduler._queues.values())
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
    assert not {name for name in names if "Queue" in name or "Connection" in name}


def test_a_bag_that_may_not_go_on_stops_after_what_is_in_flight() -> None:
    async def story(clock: Forward) -> None:
        ledger = Ledger()
        async with Host() as host, open_scheduler(ONE) as scheduler:

            def stop(envelope: Envelope) -> None:
                ledger.goes_on = False

            ledger.on_report = stop
            await send(scheduler, host.destination(), some(500), ledger)
            assert len(ledger.told) == len(host.received) <= 2
            assert not ledger.held

    play(story)


def test_a_bag_that_may_not_go_on_does_not_wait_for_a_slow_server_to_hear_of_it() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger = asyncio.Event(), Ledger()
        async with Host(behind(gate, "BODY")) as host, open_scheduler(ONE) as scheduler:
            first = asyncio.create_task(send(scheduler, host.destination(), some(1)))
            await until(lambda: host.heard("DATA"))
            second = asyncio.create_task(send(scheduler, host.destination(), some(9), ledger))
            await turns()
            ledger.goes_on = False
            clock.skip(1.1)
            await second
            assert ledger.numbers == []
            gate.set()
            await first

    play(story)


def test_a_fault_in_the_report_comes_out_and_the_rest_is_not_sent() -> None:
    async def story(clock: Forward) -> None:
        def fail(envelope: Envelope) -> None:
            raise ZeroDivisionError

        async with Host() as host, open_scheduler(ONE) as scheduler:
            with pytest.raises(ZeroDivisionError):
                await send(scheduler, host.destination(), some(500), Ledger(on_report=fail))
            assert len(host.received) <= 2
            assert (await send(scheduler, host.destination(), some(1))).kinds == ["accepted"]

    play(story)


def test_a_fault_in_holding_comes_out_and_stops_no_other() -> None:
    class Failing(Ledger):
        def hold(self, envelope: Envelope, delay_s: float, why: str) -> None:
            raise ZeroDivisionError

    async def story(clock: Forward) -> None:
        gate, paused, kept = asyncio.Event(), dict[str, str](), Ledger()
        async with (
            Host(behind(gate, "BODY")) as host,
            open_scheduler(ONE, paused=lambda name: paused.get(name, "")) as scheduler,
        ):
            first = asyncio.create_task(send(scheduler, host.destination(), some(1, "a.test")))
            await until(lambda: host.heard("DATA"))
            bags = [
                asyncio.create_task(send(scheduler, host.destination(), some(3), each))
                for each in (Failing(), kept)
            ]
            await turns()
            paused["sink.test"] = "wait"
            clock.skip(1.1)
            with pytest.raises(ZeroDivisionError):
                await bags[0]
            await bags[1]
            assert len(kept.held) == 3
            gate.set()
            await first

    play(story)


def test_cancelling_takes_back_what_waited_at_once() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger = asyncio.Event(), Ledger()
        async with Host(behind(gate, "BODY")) as host, open_scheduler(ONE) as scheduler:
            other = asyncio.create_task(send(scheduler, host.destination(), some(1)))
            await until(lambda: host.heard("DATA"))
            bag = asyncio.create_task(send(scheduler, host.destination(), some(50), ledger))
            await turns()
            begun = clock.time()
            bag.cancel()
            with pytest.raises(asyncio.CancelledError):
                await bag
            assert clock.time() - begun < 0.5
            assert scheduler.states()[0].waiting == 0
            gate.set()
            await other
            assert (ledger.numbers, host.received) == ([], ["r0@sink.test"])

    play(story)


def test_cancelling_gives_what_is_in_flight_a_moment() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger = asyncio.Event(), Ledger()
        async with Host(behind(gate, "BODY")) as host, open_scheduler(ONE) as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(50), ledger))
            await until(lambda: host.heard("DATA"))
            bag.cancel()
            await turns()
            assert not bag.done()
            gate.set()
            with pytest.raises(asyncio.CancelledError):
                await bag
            assert [n for n, _ in ledger.told] == [int(each[1]) for each in host.received]
            assert len(host.received) <= 2

    play(story)


def test_later_words_are_not_heard_and_what_was_on_a_connection_counts_as_unknown() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger = asyncio.Event(), Ledger()
        async with Host(behind(gate, "BODY")) as host, open_scheduler(ONE) as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(50), ledger))
            await until(lambda: host.heard("DATA"))
            bag.cancel()
            await turns()
            clock.skip(1.1)
            with pytest.raises(asyncio.CancelledError):
                await bag
            gate.set()
            await until(lambda: host.received)
            await until(lambda: not scheduler.states()[0].in_flight)
            assert {(each.kind, each.ambiguous) for _, each in ledger.told} == {("temporary", True)}
            assert (await send(scheduler, host.destination(), some(1))).kinds == ["accepted"]

    play(story)


def test_stopping_gives_back_what_waits_and_finishes_what_is_in_flight() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger, waiting = asyncio.Event(), Ledger(), Ledger()
        async with Host(behind(gate, "BODY")) as host, open_scheduler(ONE) as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(9), ledger))
            await until(lambda: host.heard("DATA"))
            idle = asyncio.create_task(send(scheduler, host.destination(), some(9), waiting))
            await turns()
            scheduler.stop()
            await idle
            assert not bag.done()
            gate.set()
            await bag
            assert len(ledger.told) == len(host.received) <= 2
            late = await send(scheduler, host.destination(), some(3))
            assert (waiting.numbers, late.numbers) == ([], [])

    play(story)


@pytest.mark.parametrize("stage", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_closing_in_the_middle_leaves_nothing_open(stage: str) -> None:
    async def story(clock: Forward) -> None:
        ledger = Ledger()
        async with Host(behind(asyncio.Event(), stage)) as host, open_scheduler() as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(30), ledger))
            await until(lambda: host.heard(stage if stage != "BODY" else "BODY"))
            await turns()
            await scheduler.close()
            await bag
            host.say = says()
            for session in host._tasks:
                session.cancel()
            await left_by(scheduler, host)
            assert all(verdict.ambiguous for _, verdict in ledger.told)
            assert len(ledger.told) <= 5

    play(story)


def test_closing_ends_what_still_tries_to_connect() -> None:
    async def story(clock: Forward) -> None:
        async with silent_port() as port, open_scheduler() as scheduler:
            there = Destination.of_hosts([Target("silent.test", port, "127.0.0.1")])
            bag = asyncio.create_task(send(scheduler, there, some(30)))
            await turns()
            await scheduler.close()
            assert (await bag).numbers == []

    play(story)


def test_closing_says_quit_on_idle_connections() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(100))
            await scheduler.close()
            assert [each.lines[-1] for each in host.sessions] == ["QUIT"] * len(host.sessions)
            await left_by(scheduler, host)

    play(story)


def test_closing_while_a_server_does_not_answer_quit_leaves_nothing_open() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        limits = Limits(connections=1, messages=1)
        async with Host(behind(gate, "QUIT")) as host, open_scheduler(limits) as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(2)))
            await until(lambda: host.heard("QUIT"))
            closing = asyncio.create_task(scheduler.close())
            await turns()
            clock.skip(6)
            await closing
            await bag
            gate.set()
            await left_by(scheduler, host)

    play(story)


def test_closing_twice_is_closing_once() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(1))
            await scheduler.close()
            await scheduler.close()

    play(story)
