"""What cannot go soon does not wait in memory: rates, pauses, slow servers."""

import asyncio

from mail_hosts import (
    Forward,
    Host,
    Ledger,
    behind,
    open_scheduler,
    play,
    same,
    send,
    some,
    turns,
    until,
)

from functions.send.destinations.limits import Limits


def test_a_limit_per_minute_is_obeyed_and_holds_the_rest_back() -> None:
    async def story(clock: Forward) -> None:
        slow = Limits(per_minute=60)
        settings = {"hold_after_s": 10}
        async with Host() as host, open_scheduler(slow, settings=settings) as scheduler:
            ledger = Ledger()
            bag = asyncio.create_task(send(scheduler, host.destination(), some(30), ledger))
            await until(lambda: len(host.received) == 5)
            assert len(ledger.held) == 20, "what does not go within ten seconds"
            delays = [delay_s for _, delay_s, _ in ledger.held]
            assert delays == sorted(delays), "one after the other"
            assert 10 < delays[0] < 12
            assert 29 < delays[-1] < 31
            await turns(200)
            assert len(host.received) == 5, "five seconds' worth may go at once"
            seconds = 0
            while not bag.done():
                clock.skip(1)
                seconds += 1
                await turns(200)
                assert len(host.received) <= 6 + seconds
            assert seconds <= 8
            assert ledger.numbers == list(range(30))

    play(story)


def test_a_server_that_greets_late_still_finds_something_to_take() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger = asyncio.Event(), Ledger()
        async with Host(behind(gate, "CONNECT")) as host, open_scheduler() as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(20), ledger))
            await until(lambda: host.sessions)
            for _ in range(60):
                clock.skip(1)
                await turns(5)
            assert len(ledger.held) == 19, "they take no room from others"
            gate.set()
            await bag
            assert ledger.kinds == ["accepted"]

    play(story)


def test_who_waits_for_a_permit_is_not_taken_for_slow() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        settings = {"max_jobs": 1}
        async with (
            Host(behind(gate, "BODY")) as pit,
            Host() as host,
            open_scheduler(settings=settings) as scheduler,
        ):
            pits = [pit.destination(f"pit{n}.example") for n in range(2)]
            slow = [asyncio.create_task(send(scheduler, each, some(1))) for each in pits]
            await until(lambda: pit.open)
            quick = asyncio.create_task(send(scheduler, host.destination(), some(20)))
            for _ in range(30):
                clock.skip(1)
                await turns(10)
            assert not host.sessions
            gate.set()
            assert (await quick).kinds == ["accepted"] * 20
            await asyncio.gather(*slow)

    play(story)


def test_a_destination_that_stands_still_gets_its_mail_back_one_by_one() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger = asyncio.Event(), Ledger()
        settings = {"hold_after_s": 60}
        async with (
            Host(behind(gate, "BODY")) as host,
            open_scheduler(Limits(connections=1), settings=settings) as scheduler,
        ):
            bag = asyncio.create_task(send(scheduler, host.destination(), some(100), ledger))
            await until(lambda: host.heard("DATA"))
            for _ in range(17):
                clock.skip(1)
                await turns(5)
            assert len(ledger.held) in (97, 98)  # the next one may be announced already
            delays = [delay_s for _, delay_s, _ in ledger.held]
            assert delays[0] >= 60
            assert delays[-1] <= 3600 + 1e-6
            gate.set()
            await bag
            assert ledger.numbers == list(range(100))

    play(story)


def test_a_paused_domain_is_held_and_others_go() -> None:
    async def story(clock: Forward) -> None:
        paused = {"bad.test": "they asked for it"}
        async with (
            Host() as host,
            open_scheduler(paused=lambda name: paused.get(name, "")) as scheduler,
        ):
            mixed = some(2, "bad.test") + some(2, "good.test", 2) + same(2, "bad.test", 4)
            ledger = await send(scheduler, host.destination(), mixed + same(2, "good.test", 6))
            assert [n for n, _, _ in ledger.held] == [0, 1, 4, 5]
            assert {(delay_s, why) for _, delay_s, why in ledger.held} == {
                (300, "they asked for it")
            }
            assert not [each for each in host.received if "bad.test" in each]
            assert len(host.received) == 4

    play(story)


def test_a_paused_server_is_held_until_it_is_resumed() -> None:
    async def story(clock: Forward) -> None:
        paused = {"mx.provider.test": "too many complaints"}
        async with (
            Host() as host,
            open_scheduler(paused=lambda name: paused.get(name, "")) as scheduler,
        ):
            there = host.destination("MX.provider.test")
            ledger = await send(scheduler, there, some(3))
            assert (len(ledger.held), len(host.sessions)) == (3, 0)
            (state,) = scheduler.states()
            assert (state.state, state.why) == ("paused", "too many complaints")
            paused.clear()
            assert (await send(scheduler, there, some(3))).kinds == ["accepted"] * 3

    play(story)


def test_a_pause_reaches_what_waits_but_not_what_is_on_a_connection() -> None:
    async def story(clock: Forward) -> None:
        gate, ledger, paused = asyncio.Event(), Ledger(), dict[str, str]()
        async with (
            Host(behind(gate, "BODY")) as host,
            open_scheduler(
                Limits(connections=1), paused=lambda name: paused.get(name, "")
            ) as scheduler,
        ):
            bag = asyncio.create_task(send(scheduler, host.destination(), some(5), ledger))
            await until(lambda: host.heard("DATA"))
            paused["sink.test"] = "wait"
            clock.skip(1.1)
            await until(lambda: ledger.held)
            assert [n for n, _, _ in ledger.held][-3:] == [2, 3, 4]
            gate.set()
            await bag
            assert ledger.numbers == [0, 1, 2, 3, 4]
            assert set(ledger.kinds) == {"accepted"}

    play(story)


def test_queues_and_sites_are_forgotten_when_nobody_needs_them() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            for n in range(5):
                await send(scheduler, host.destination(f"mx{n}.example"), some(3))
            assert len(scheduler.states()) == 5
            clock.skip(31)
            await until(lambda: not scheduler.states())
            assert not scheduler._sites
            assert scheduler._ticking is None, "an idle sender does nothing"

    play(story)
