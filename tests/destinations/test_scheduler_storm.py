"""Many Bags, many destinations, servers that do anything: every mail is heard of exactly once."""

import asyncio
import os
from random import Random
from secrets import randbits

import pytest
from mail_hosts import (
    SHARED,
    Forward,
    Host,
    Ledger,
    Session,
    open_scheduler,
    play,
    same,
    some,
    turns,
    verb,
)

from functions.send.destinations.limits import Limits
from functions.send.destinations.scheduler import Scheduler
from functions.send.smtp.target import Destination, Target

HOSTS, BAGS = 6, 25
ANSWERS = ("", "421 4.7.0 bye", "450 4.2.1 later", "550 5.1.1 no", "452 4.5.3 too many", "what?")


def seeded() -> Random:
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    return Random(seed)


def moody(chance: Random) -> Host:
    """It answers as usual most of the time; and one of them hardly ever."""
    mood = chance.choice((0.0, 0.01, 0.05, 0.5))

    async def say(session: Session, line: str) -> str | None:
        if verb(line) != "QUIT" and chance.random() < mood:
            return chance.choice(ANSWERS)
        return None

    return Host(say)


async def drive(clock: Forward, calls: "asyncio.Future[list[object]]") -> list[object]:
    while not calls.done():
        clock.skip(0.5)
        await turns(10)
    return calls.result()


async def storm(clock: Forward, chance: Random, hosts: list[Host], scheduler: Scheduler) -> None:
    places = [host.destination(f"mx{n}.storm{n % 3}.test") for n, host in enumerate(hosts)]
    places.append(Destination.of_hosts([Target("closed.test", 1, "127.0.0.1")]))
    ledgers, calls, wanted = [], [], []
    for _ in range(BAGS):
        mails = some(chance.randrange(40)) + same(chance.randrange(20), first=40)
        ledger = Ledger()
        ledgers.append(ledger)
        wanted.append([each.n for each in mails])
        made = scheduler.deliver(chance.choice(places), mails, SHARED, ledger.consignment())
        calls.append(asyncio.ensure_future(made))
        await turns(chance.randrange(10))
    await drive(clock, asyncio.gather(*calls))
    assert [each.numbers for each in ledgers] == wanted
    assert all(state.in_flight == state.waiting == 0 for state in scheduler.states())


@pytest.mark.parametrize("round_", range(4))
def test_every_mail_is_told_or_held_exactly_once(round_: int) -> None:
    chance = seeded()

    async def story(clock: Forward) -> None:
        limits = Limits(connections=chance.choice((1, 3, 20)), messages=chance.choice((1, 7, 100)))
        own = {f"storm{n}.test": {"connections": 2} for n in range(2)}
        settings = {"max_jobs": chance.choice((1, 4, 50))}
        hosts = [moody(chance) for _ in range(HOSTS)]
        async with open_scheduler(limits, own, settings=settings) as scheduler:
            for host in hosts:
                await host.__aenter__()
            try:
                await storm(clock, chance, hosts, scheduler)
            finally:
                await scheduler.close()
                for host in hosts:
                    await host.__aexit__()
        assert not scheduler._leaving
        assert all(site.open == 0 for site in scheduler._sites.values())

    play(story)


@pytest.mark.parametrize("round_", range(3))
def test_a_stop_and_cancels_in_the_middle_tell_nobody_twice(round_: int) -> None:
    chance = seeded()

    async def story(clock: Forward) -> None:
        hosts = [moody(chance) for _ in range(3)]
        async with open_scheduler(Limits(connections=3)) as scheduler:
            for host in hosts:
                await host.__aenter__()
            ledgers, calls = [], []
            for n in range(BAGS):
                ledger, place = Ledger(), hosts[n % 3].destination(f"mx{n % 3}.test")
                ledgers.append(ledger)
                made = scheduler.deliver(place, some(30), SHARED, ledger.consignment())
                calls.append(asyncio.ensure_future(made))
                await turns(chance.randrange(10))
                if chance.random() < 0.3:
                    chance.choice(calls).cancel()
            scheduler.stop()
            await turns(chance.randrange(50))
            await scheduler.close()
            await drive(clock, asyncio.gather(*calls, return_exceptions=True))
            for host in hosts:
                await host.__aexit__()
        for ledger in ledgers:
            assert len(ledger.numbers) == len(set(ledger.numbers))
        assert all(site.open == 0 for site in scheduler._sites.values())

    play(story)
