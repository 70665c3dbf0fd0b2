"""On uvloop, as in production: many mails, a dead destination, a clean end."""

import asyncio

import uvloop
from mail_hosts import Host, open_scheduler, send, some

from ekiden.sink import Sink
from functions.send.smtp.target import Destination, Target, Tls


def test_mails_reach_their_destinations_and_dead_ones_are_told() -> None:
    async def story() -> None:
        sink = Sink()
        port = await sink.start()
        there = Destination.of_hosts([Target("sink.test", port, "127.0.0.1", tls=Tls.NEVER)])
        dead = Destination.of_hosts([Target("dead.test", 1, "127.0.0.1")])
        async with open_scheduler() as scheduler:
            bags = [send(scheduler, there, some(200)) for _ in range(3)]
            *good, bad = await asyncio.gather(*bags, send(scheduler, dead, some(30)))
        await sink.close()
        assert [each.kinds for each in good] == [["accepted"] * 200] * 3
        assert bad.kinds == ["temporary"] * 30
        assert sink.accepted == 600

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


def test_a_server_that_drops_every_connection_is_given_up() -> None:
    async def story() -> None:
        async def drop(session: object, line: str) -> str | None:
            return "" if line.startswith("MAIL") else None

        async with Host(drop) as host, open_scheduler() as scheduler:
            ledger = await send(scheduler, host.destination(), some(1))
            assert ledger.kinds == ["temporary"]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())
