"""Mails of many Bags for one destination share its connections; nobody keeps others waiting."""

import asyncio

from mail_hosts import (
    Forward,
    Host,
    Ledger,
    Session,
    behind,
    open_scheduler,
    play,
    same,
    send,
    silent_port,
    some,
    turns,
    until,
    verb,
)

from functions.send.destinations.limits import Limits
from functions.send.smtp.target import Destination, Source, Target, Tls


def test_bags_share_the_connections_and_the_limit() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler(Limits(connections=3)) as scheduler:
            bags = [send(scheduler, host.destination(), some(50)) for _ in range(4)]
            ledgers = await asyncio.gather(*bags)
            assert [each.kinds for each in ledgers] == [["accepted"] * 50] * 4
            assert (host.most_open, len(host.received)) == (3, 200)

    play(story)


def test_a_long_queue_gets_more_connections_up_to_the_limit() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler(Limits(connections=8)) as scheduler:
            await send(scheduler, host.destination(), some(600))
            assert host.most_open == 8

    play(story)


def test_a_short_queue_takes_one_connection_and_leaves_it_for_the_next() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(5))
            await send(scheduler, host.destination(), some(5))
            assert (len(host.received), len(host.sessions)) == (10, 1)

    play(story)


def test_one_connection_finds_out_whether_a_destination_answers() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        async with Host(behind(gate, "CONNECT")) as host, open_scheduler() as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(100)))
            await until(lambda: host.sessions)
            await turns()
            assert len(host.sessions) == 1
            gate.set()
            await bag
            assert len(host.sessions) >= 5

    play(story)


def test_a_connection_carries_no_more_mails_than_allowed() -> None:
    async def story(clock: Forward) -> None:
        limits = Limits(connections=1, messages=4)
        async with Host() as host, open_scheduler(limits) as scheduler:
            await send(scheduler, host.destination(), some(10))
            assert [each.mails for each in host.sessions] == [4, 4, 2]
            assert [each.lines[-1] for each in host.sessions[:2]] == ["QUIT", "QUIT"]

    play(story)


def test_a_connection_that_died_while_idle_costs_no_verdict() -> None:
    async def story(clock: Forward) -> None:
        async with open_scheduler() as scheduler:
            async with Host() as host:
                await send(scheduler, host.destination(), some(1))
            again = Host()
            again.port = host.port
            async with again:
                ledger = await send(scheduler, host.destination(), some(1))
                assert (ledger.kinds, again.received) == (["accepted"], ["r0@sink.test"])

    play(story)


def test_a_connection_that_nobody_needs_any_more_is_ended_with_quit() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(1))
            clock.skip(31)
            await until(lambda: host.heard("QUIT"))
            await until(lambda: not host.open)

    play(story)


def test_dead_destinations_delay_no_other() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, silent_port() as port, open_scheduler() as scheduler:
            silent = Destination.of_hosts([Target("silent.test", port, "127.0.0.1")])
            closed = Destination.of_hosts([Target("closed.test", 1, "127.0.0.1")])
            deaf = asyncio.create_task(send(scheduler, silent, some(100)))
            dead = await send(scheduler, closed, some(100))
            alive = await send(scheduler, host.destination(), some(100))
            assert (dead.kinds, alive.kinds) == (["temporary"] * 100, ["accepted"] * 100)
            assert not deaf.done()
            clock.skip(301)  # as long as a greeting may take
            ledger = await deaf
            assert ledger.numbers == list(range(100))
            assert "temporary" in ledger.kinds

    play(story)


def test_a_tarpit_delays_no_other() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        pit = Host(behind(gate, "CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"))
        async with pit, Host() as host, open_scheduler() as scheduler:
            slow = asyncio.create_task(send(scheduler, pit.destination("pit.test"), some(3)))
            await until(lambda: pit.sessions)
            await send(scheduler, host.destination(), some(100))
            assert not slow.done()
            gate.set()
            assert (await slow).kinds == ["accepted"] * 3

    play(story)


def test_slow_servers_leave_the_permits_to_the_quick_ones() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        pit = Host(behind(gate, "EHLO"))
        async with pit, Host() as host, open_scheduler(settings={"max_jobs": 2}) as scheduler:
            pits = [pit.destination(f"pit{n}.example") for n in range(2)]
            slow = [asyncio.create_task(send(scheduler, each, some(1))) for each in pits]
            await until(lambda: pit.open == 2)
            quick = asyncio.create_task(send(scheduler, host.destination(), some(1)))
            await turns()
            assert not host.sessions, "all permits are taken"
            clock.skip(3.1)
            await quick
            assert pit.open == 2
            gate.set()
            await asyncio.gather(*slow)

    play(story)


def test_no_more_connections_are_open_than_there_are_permits_quick_and_slow() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        pit = Host(behind(gate, "EHLO"))
        async with pit, open_scheduler(settings={"max_jobs": 3}) as scheduler:
            pits = [pit.destination(f"pit{n}.example") for n in range(20)]
            bags = [asyncio.create_task(send(scheduler, each, some(1))) for each in pits]
            for _ in range(5):
                await turns()
                clock.skip(3.1)
            await turns()
            assert pit.open == 6
            gate.set()
            assert [each.kinds for each in await asyncio.gather(*bags)] == [["accepted"]] * 20
            assert pit.most_open <= 6 + 20, "idle ones come on top"

    play(story)


def test_a_slow_destination_that_is_quick_again_counts_as_quick() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        async with Host(behind(gate, "EHLO")) as host, open_scheduler() as scheduler:
            late = asyncio.create_task(send(scheduler, host.destination(), some(1)))
            await until(lambda: host.open)
            clock.skip(4)
            await turns()
            gate.set()
            await late
            (queue,) = scheduler._queues.values()
            await until(lambda: not queue.lanes)
            assert queue._slow
            await send(scheduler, host.destination(), some(1))
            await until(lambda: not queue.lanes)
            assert not queue._slow

    play(story)


def test_a_long_queue_lets_a_short_one_of_the_same_provider_go_between() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        own = {"provider.test": {"connections": 1}}
        async with Host(behind(gate, "CONNECT")) as host, open_scheduler(own=own) as scheduler:
            large, small = (host.destination(f"{name}.provider.test") for name in ("a", "b"))
            long = asyncio.create_task(send(scheduler, large, some(200, "large.test")))
            await until(lambda: host.sessions)
            short = asyncio.create_task(send(scheduler, small, some(1, "small.test")))
            gate.set()
            await asyncio.gather(long, short)
            assert host.received.index("r0@small.test") < 30
            assert scheduler._sites.keys() == {("provider.test", "")}

    play(story)


def test_a_long_queue_lets_a_short_one_go_between_when_permits_are_few() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        settings = {"max_jobs": 1}
        async with (
            Host(behind(gate, "CONNECT")) as host,
            open_scheduler(settings=settings) as scheduler,
        ):
            large, small = host.destination("a.example"), host.destination("b.example")
            long = asyncio.create_task(send(scheduler, large, some(200, "large.test")))
            await until(lambda: host.sessions)
            short = asyncio.create_task(send(scheduler, small, some(1, "small.test")))
            gate.set()
            await asyncio.gather(long, short)
            assert host.received.index("r0@small.test") < 30

    play(story)


def test_idle_connections_count_against_the_limit_of_their_provider() -> None:
    async def story(clock: Forward) -> None:
        own = {"provider.test": {"connections": 2}}
        async with Host() as host, open_scheduler(own=own) as scheduler:
            for n in range(8):
                await send(scheduler, host.destination(f"tenant{n}.provider.test"), some(1))
            await until(lambda: host.open <= 2)
            assert len(host.received) == 8

    play(story)


def test_another_demand_on_tls_is_another_connection() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(tls=Tls.NEVER), some(1))
            await send(scheduler, host.destination(tls=Tls.OPPORTUNISTIC), some(1))
            required = await send(scheduler, host.destination(tls=Tls.REQUIRED), some(1))
            assert len(host.sessions) == 3
            assert required.kinds == ["temporary"]
            assert len(scheduler._sites) == 1, "the limit is one"

    play(story)


def test_another_sending_address_is_another_connection() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            for address in ("127.0.0.2", "127.0.0.3", "127.0.0.2"):
                there = host.destination(source=Source(address, f"m{address[-1]}.test"))
                await send(scheduler, there, some(1))
            seen = [(each.peer, each.lines[1]) for each in host.sessions]
            assert seen == [("127.0.0.2", "EHLO m2.test"), ("127.0.0.3", "EHLO m3.test")]

    play(story)


def test_recipients_of_the_same_bytes_share_a_transaction() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            ledger = await send(scheduler, host.destination(), same(5) + some(2, first=5))
            assert [len(each) for each in host.transactions] == [5, 1, 1]
            assert ledger.numbers == list(range(7))
            many = await send(scheduler, host.destination(), same(250))
            assert sorted(map(len, host.transactions[3:])) == [50, 100, 100]
            assert many.kinds == ["accepted"] * 250

    play(story)


def test_two_domains_share_no_transaction() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), same(2, "a.test") + same(3, "b.test", 2))
            assert [len(each) for each in host.transactions] == [2, 3]

    play(story)


def test_those_that_were_one_too_many_go_at_once_in_another_transaction() -> None:
    async def say(session: Session, line: str) -> str | None:
        full = verb(line) == "RCPT" and len(session.recipients) == 2
        return "452 4.5.3 too many recipients" if full else None

    async def story(clock: Forward) -> None:
        async with Host(say) as host, open_scheduler() as scheduler:
            ledger = await send(scheduler, host.destination(), same(5))
            assert [len(each) for each in host.transactions] == [2, 2, 1]
            assert ledger.kinds == ["accepted"] * 5
            assert ledger.numbers == list(range(5))

    play(story)


def test_those_that_are_too_many_when_alone_are_told() -> None:
    async def say(session: Session, line: str) -> str | None:
        return "452 4.2.2 full" if verb(line) == "RCPT" and "r0@" not in line else None

    async def story(clock: Forward) -> None:
        async with Host(say) as host, open_scheduler() as scheduler:
            ledger = await send(scheduler, host.destination(), same(3))
            assert sorted(ledger.kinds) == ["accepted", "temporary", "temporary"]
            assert host.heard("MAIL") == 2

    play(story)


def test_refused_recipients_stop_no_other() -> None:
    async def say(session: Session, line: str) -> str | None:
        return "550 5.1.1 no" if line.startswith("RCPT TO:<r1") else None

    async def story(clock: Forward) -> None:
        async with Host(say) as host, open_scheduler() as scheduler:
            ledger = await send(scheduler, host.destination(), some(20))
            assert sorted(ledger.kinds) == ["accepted"] * 9 + ["permanent"] * 11

    play(story)


def test_nothing_to_send_is_done_at_once() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            assert (await send(scheduler, host.destination(), [])).numbers == []
            assert not host.sessions

    play(story)


def test_states_show_what_a_destination_is_doing() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        async with Host(behind(gate, "BODY")) as host, open_scheduler() as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(3), Ledger()))
            await until(lambda: host.heard("DATA"))
            clock.skip(5)
            (state,) = scheduler.states()
            assert (state.state, state.in_flight, state.waiting) == ("sending", 1, 2)
            assert (state.name, state.site) == (f"host.test:{host.port}", "host.test")
            assert state.oldest_s >= 5
            assert state.per_minute is None
            gate.set()
            await bag
            assert [each.state for each in scheduler.states()] == ["idle"]

    play(story)
