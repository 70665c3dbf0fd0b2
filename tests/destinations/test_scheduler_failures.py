"""Destinations that fail: who hears of it, what is tried again, and when."""

import asyncio
import socket
from contextlib import closing

import pytest
from mail_hosts import (
    OPTIONS,
    Forward,
    Host,
    Ledger,
    Session,
    behind,
    forward,
    open_scheduler,
    play,
    says,
    send,
    some,
    turns,
    until,
    verb,
)

from functions.send.destinations.limits import Limits
from functions.send.smtp.connecting import connect
from functions.send.smtp.connection import Connection
from functions.send.smtp.options import Options
from functions.send.smtp.target import Destination, Source, Target, Tls
from shared.dns import DnsUnavailable


def closed_port() -> int:
    """A port on which nobody listens."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def closed() -> Destination:
    return Destination.of_hosts([Target("closed.test", closed_port(), "127.0.0.1")])


def test_every_mail_hears_once_that_no_server_is_up() -> None:
    async def story(clock: Forward) -> None:
        async with open_scheduler() as scheduler:
            ledger = await send(scheduler, closed(), some(30))
            assert [n for n, _ in ledger.told] == list(range(30))
            verdicts = {(each.kind, each.stage, each.code) for _, each in ledger.told}
            assert verdicts == {("temporary", "connect", None)}

    play(story)


def test_what_comes_while_a_destination_is_suspended_is_held_and_not_tried() -> None:
    async def story(clock: Forward) -> None:
        async with Host(says(CONNECT="421 closed")) as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(3))
            later = await send(scheduler, host.destination(), some(3))
            assert (later.told, len(host.sessions)) == ([], 1)
            assert all(29 < delay_s <= 30 for _, delay_s, _ in later.held)
            assert "not tried" in later.held[0][2]
            assert "421 closed" in later.held[0][2]
            assert [each.state for each in scheduler.states()] == ["suspended"]

    play(story)


def test_one_connection_finds_out_whether_it_answers_again() -> None:
    async def story(clock: Forward) -> None:
        gate = asyncio.Event()
        async with Host(says(CONNECT="421 closed")) as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(3))
            clock.skip(31)
            host.say = behind(gate, "CONNECT")
            bag = asyncio.create_task(send(scheduler, host.destination(), some(100)))
            await until(lambda: len(host.sessions) == 2)
            await turns()
            assert len(host.sessions) == 2
            gate.set()
            assert (await bag).kinds == ["accepted"] * 100
            assert len(host.sessions) > 2

    play(story)


def test_the_suspension_doubles_up_to_ten_minutes_and_is_forgotten_in_the_end() -> None:
    async def story(clock: Forward) -> None:
        async with open_scheduler() as scheduler:
            there, pauses = closed(), []
            for _ in range(7):
                await send(scheduler, there, some(1))
                (_, delay_s, _), *_ = (await send(scheduler, there, some(1))).held
                pauses.append(round(delay_s))
                clock.skip(delay_s + 5)  # held mail comes back a little late
                await turns()
            assert pauses == [30, 60, 120, 240, 480, 600, 600]
            clock.skip(601)
            await until(lambda: not scheduler.states())
            assert not scheduler._sites

    play(story)


def test_a_success_ends_the_doubling() -> None:
    async def story(clock: Forward) -> None:
        async with Host(says(CONNECT="421 closed")) as host, open_scheduler() as scheduler:
            for _ in range(3):
                await send(scheduler, host.destination(), some(1))
                clock.skip(601)
            host.say = says()
            await send(scheduler, host.destination(), some(1))
            host.say = says(CONNECT="421 closed")
            clock.skip(31)  # the idle connection goes
            await until(lambda: not host.open)
            await send(scheduler, host.destination(), some(1))
            held = (await send(scheduler, host.destination(), some(1))).held
            assert held[0][1] <= 30

    play(story)


def test_a_server_that_will_never_talk_to_us_bounces_and_suspends_nothing() -> None:
    async def story(clock: Forward) -> None:
        async with Host(says(CONNECT="554 no")) as host, open_scheduler() as scheduler:
            ledger = await send(scheduler, host.destination(), some(3))
            again = await send(scheduler, host.destination(), some(1))
            assert ledger.kinds + again.kinds == ["permanent"] * 4

    play(story)


def test_421_after_some_mails_goes_on_over_a_new_connection() -> None:
    async def say(session: Session, line: str) -> str | None:
        return "421 enough" if verb(line) == "MAIL" and session.mails == 3 else None

    async def story(clock: Forward) -> None:
        async with Host(say) as host, open_scheduler(Limits(connections=2)) as scheduler:
            ledger = await send(scheduler, host.destination(), some(20))
            assert ledger.kinds == ["accepted"] * 20
            assert max(each.mails for each in host.sessions) == 3

    play(story)


def test_connections_that_bring_nothing_end_and_the_rest_hears_of_it_once() -> None:
    async def story(clock: Forward) -> None:
        async with Host(says(MAIL="")) as host, open_scheduler() as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(100)))
            ledger = await forward(clock, bag)
            assert ledger.numbers == list(range(100))
            assert set(ledger.kinds) == {"temporary"}
            assert len(host.sessions) <= 8, "it is not asked once for each mail"

    play(story)


def test_now_and_then_a_connection_that_brings_nothing_counts_for_nothing() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler(Limits(connections=1)) as scheduler:
            for _ in range(5):
                for host.say, kind in ((says(MAIL=""), "temporary"), (says(), "accepted")):
                    bag = asyncio.create_task(send(scheduler, host.destination(), some(1)))
                    assert (await forward(clock, bag)).kinds == [kind]

    play(story)


def test_a_connection_that_was_dropped_does_not_leave_the_queue_with_one_for_ever() -> None:
    async def story(clock: Forward) -> None:
        async with Host(says(MAIL="")) as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(1))
            clock.skip(3600)
            await turns()
            gate = asyncio.Event()
            host.say = behind(gate, "BODY")
            bag = asyncio.create_task(send(scheduler, host.destination(), some(300)))
            await until(lambda: host.open)
            gate.set()
            await forward(clock, bag)
            assert host.most_open > 1

    play(story)


def test_connections_that_are_refused_beside_others_are_not_asked_for_in_a_circle() -> None:
    gate = asyncio.Event()

    async def say(session: Session, line: str) -> str | None:
        if verb(line) == "CONNECT" and session.number > 0:
            return "421 one is enough"
        if verb(line) == "BODY":
            await gate.wait()
        return None

    async def story(clock: Forward) -> None:
        async with Host(say) as host, open_scheduler() as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(100)))
            await until(lambda: host.heard("DATA"))
            await turns(500)
            assert len(host.sessions) <= 5
            (state,) = scheduler.states()
            assert (state.state, state.why) == ("slowed", "421 one is enough")
            gate.set()
            host.say = says()
            ledger = await forward(clock, bag)
            assert ledger.numbers == list(range(100))

    play(story)


def test_the_next_preference_is_tried_when_a_server_is_down() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            down = Target("down.test", closed_port(), "127.0.0.1", 10)
            there = Destination.of_hosts([host.target(preference=20), down])
            assert (await send(scheduler, there, some(3))).kinds == ["accepted"] * 3

    play(story)


def test_an_address_that_was_dead_is_tried_last_for_a_while() -> None:
    tried: list[str] = []

    async def noting(target: Target, options: Options) -> Connection:
        tried.append(target.address)
        return await connect(target, options)

    async def resolve(host: str) -> list[str]:
        return ["127.0.0.9", "127.0.0.1"]

    async def story(clock: Forward) -> None:
        given = {"resolve": resolve, "connect": noting}
        async with Host() as host, open_scheduler(Limits(messages=1), **given) as scheduler:
            there = Destination.of_hosts([Target("mx.test", host.port, tls=Tls.NEVER)])
            await send(scheduler, there, some(1))
            await send(scheduler, there, some(1))
            assert tried == ["127.0.0.9", "127.0.0.1", "127.0.0.1"]
            clock.skip(61)
            await send(scheduler, there, some(1))
            assert tried[3:] == ["127.0.0.9", "127.0.0.1"]

    play(story)


def test_a_dead_address_is_still_tried_when_there_is_no_other() -> None:
    async def story(clock: Forward) -> None:
        async with open_scheduler() as scheduler:
            host = Host()
            there = Destination.of_hosts([Target("mx.test", closed_port(), "127.0.0.1")])
            host.port = there.hosts[0].port
            await send(scheduler, there, some(1))
            clock.skip(31)
            async with host:
                assert (await send(scheduler, there, some(1))).kinds == ["accepted"]

    play(story)


def test_no_more_than_six_addresses_are_tried() -> None:
    async def resolve(host: str) -> list[str]:
        return [f"127.0.0.{n}" for n in range(2, 12)]

    tried: list[str] = []

    async def noting(target: Target, options: Options) -> Connection:
        tried.append(target.address)
        return await connect(target, options)

    async def story(clock: Forward) -> None:
        async with open_scheduler(resolve=resolve, connect=noting) as scheduler:
            there = Destination.of_hosts([Target(f"mx{n}.test", 1) for n in range(3)])
            await send(scheduler, there, some(1))
            assert len(tried) == 6

    play(story)


def test_a_silent_name_server_of_the_second_host_delays_nothing() -> None:
    async def resolve(host: str) -> list[str]:
        if host == "second.test":
            await asyncio.Event().wait()
        return ["127.0.0.1"]

    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler(resolve=resolve) as scheduler:
            first = Target("first.test", host.port, preference=1, tls=Tls.NEVER)
            second = Target("second.test", host.port, preference=2, tls=Tls.NEVER)
            there = Destination.of_hosts([first, second])
            assert (await send(scheduler, there, some(1))).kinds == ["accepted"]

    play(story)


def test_a_host_without_a_known_address_is_a_temporary_failure() -> None:
    async def resolve(host: str) -> list[str]:
        raise DnsUnavailable("SERVFAIL")

    async def story(clock: Forward) -> None:
        async with open_scheduler(resolve=resolve) as scheduler:
            ledger = await send(scheduler, Destination.of_hosts([Target("mx.test")]), some(1))
            ((_, verdict),) = ledger.told
            assert (verdict.kind, verdict.stage, verdict.text) == (
                "temporary",
                "connect",
                "SERVFAIL",
            )

    play(story)


def test_a_host_that_an_operator_named_is_looked_up_as_the_system_does() -> None:
    async def resolve(host: str) -> list[str]:
        raise AssertionError(f"DNS was asked for {host}")

    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler(resolve=resolve) as scheduler:
            smarthost = Target("localhost", host.port, system_lookup=True, tls=Tls.NEVER)
            ledger = await send(scheduler, Destination.of_hosts([smarthost]), some(1))
            assert ledger.kinds == ["accepted"]

    play(story)


def test_an_ipv4_address_reaches_no_ipv6_server() -> None:
    async def resolve(host: str) -> list[str]:
        return ["::1"]

    async def story(clock: Forward) -> None:
        async with open_scheduler(resolve=resolve) as scheduler:
            target = Target("mx.test", 1, source=Source("127.0.0.2"))
            ledger = await send(scheduler, Destination.of_hosts([target]), some(1))
            assert [each.text for _, each in ledger.told] == ["no host has an address"]

    play(story)


def test_a_sending_address_that_is_not_ours_is_a_temporary_failure() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            there = host.destination(source=Source("192.0.2.1"))
            ledger = await send(scheduler, there, some(1))
            ((_, verdict),) = ledger.told
            assert verdict.kind == "temporary"
            assert "cannot send from 192.0.2.1" in verdict.text

    play(story)


def test_a_fault_of_our_own_while_connecting_ends_the_bag_and_no_circle_begins() -> None:
    asked: list[str] = []

    async def resolve(host: str) -> list[str]:
        asked.append(host)
        raise ZeroDivisionError

    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler(resolve=resolve) as scheduler:
            with pytest.raises(ZeroDivisionError):
                await send(scheduler, Destination.of_hosts([Target("mx.test")]), some(30))
            await turns()
            assert len(asked) == 1
            assert (await send(scheduler, host.destination(), some(1))).kinds == ["accepted"]

    play(story)


def test_a_mail_that_cannot_be_read_ends_its_bag_alone() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            there = host.destination()
            bad, ledger = some(3), Ledger()
            bad[0].message[:] = [7]  # there is no such shared stretch
            spoilt = asyncio.create_task(send(scheduler, there, bad, ledger))
            good = asyncio.create_task(send(scheduler, there, some(5, "good.test")))
            with pytest.raises(IndexError):
                await spoilt
            assert (await good).kinds == ["accepted"] * 5
            assert not ledger.told
            assert [each.in_flight for each in scheduler.states()] == [0]

    play(story)


def test_what_a_provider_said_that_slowed_it_down_is_shown_until_it_comes_back() -> None:
    async def say(session: Session, line: str) -> str | None:
        return "421 4.7.0 too many mails from you" if line.startswith("MAIL") else None

    async def story(clock: Forward) -> None:
        async with Host(say) as host, open_scheduler() as scheduler:
            await send(scheduler, host.destination(), some(1))
            for _ in range(5):  # longer than connections stay open, and looks at what is unused
                clock.skip(20)
                await turns()
            (state,) = scheduler.states()
            assert "too many mails from you" in state.why
            clock.skip(3600)
            await until(lambda: not scheduler.states())

    play(story)


def test_a_complaint_slows_the_provider_down_and_it_comes_back() -> None:
    async def say(session: Session, line: str) -> str | None:
        return "451 4.7.0 too many mails, slow down" if line.startswith("MAIL FROM:<b7@") else None

    async def story(clock: Forward) -> None:
        async with Host(say) as host, open_scheduler() as scheduler:
            bag = asyncio.create_task(send(scheduler, host.destination(), some(9)))
            await until(lambda: scheduler.states() and scheduler.states()[0].state == "slowed")
            (state,) = scheduler.states()
            assert (state.per_minute, state.most_connections) == (10, 3)
            ledger = await forward(clock, bag)
            assert sorted(ledger.kinds) == ["accepted"] * 8 + ["temporary"]
            clock.skip(3600)
            await until(lambda: not scheduler.states())
            assert not scheduler._sites, "nothing is remembered of it"

    play(story)


def test_what_we_refuse_ourselves_teaches_us_nothing_about_the_server() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler() as scheduler:
            unsendable = some(60, "bücher.test")  # SMTPUTF8 is not offered
            ledger = await send(scheduler, host.destination(), unsendable)
            assert {each.ours for _, each in ledger.told} == {True}
            assert scheduler.states()[0].most_connections == 5

    play(story)


def test_the_options_are_the_clients() -> None:
    async def story(clock: Forward) -> None:
        async with Host() as host, open_scheduler(options=OPTIONS) as scheduler:
            await send(scheduler, host.destination(), some(1))
            assert host.sessions[0].lines[1] == "EHLO client.test"

    play(story)
