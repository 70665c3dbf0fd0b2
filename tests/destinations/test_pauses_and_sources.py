"""What operators have paused, and which addresses of this machine mail leaves from."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest
from mail_hosts import SHARED, Forward, Host, Ledger, play, some

from functions.send import assemble
from functions.send.outbound import WARMING_UP, SmtpTransmitter
from functions.send.pauses import LOOK_S, Pauses
from functions.send.smtp.target import Source
from functions.send.sources import Sources
from shared import config, keys
from shared.dns import MxResolver
from shared.domains import Directory
from shared.errors import StoreUnavailable
from shared.model import BagHeader
from shared.pauses import pause, read, resume
from shared.stage import Clock
from shared.store.base import Store
from shared.store.memory import MemoryStore
from shared.store.wrap import Wrapper

NOON = 1_795_262_400.0
TODAY = date(2026, 11, 21)
HEADER = BagHeader(
    batch="01hf7yat00abcdefghjkmnpqrs",
    bag=0,
    attempt=0,
    domain="example.org",
    due_at=NOON,
    shared=SHARED,
)


# Pauses.


def test_a_pause_counts_for_a_name_and_everything_below() -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        await pause(store, "Google.com.", "too many complaints", NOON)
        await pause(store, "example.org", "", NOON)
        pauses = Pauses(store)
        await pauses.look()
        assert pauses.why("alt1.ASPMX.l.google.com") == "too many complaints"
        assert pauses.why("google.com") == "too many complaints"
        assert pauses.why("example.org") == "paused by an operator"
        assert pauses.why("notgoogle.com") == pauses.why("com") == pauses.why("") == ""

    play(story)


def test_a_resumed_destination_is_not_paused() -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        await pause(store, "a.test", "no", NOON)
        await resume(store, "A.test")
        await resume(store, "never.test")
        assert await read(store) == {}

    play(story)


def test_it_is_looked_up_once_in_a_while() -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        pauses = Pauses(store)
        await pauses.look_again()
        await pause(store, "a.test", "no", NOON)
        await pauses.look_again()
        assert pauses.why("a.test") == ""
        clock.skip(LOOK_S + 1)
        await pauses.look_again()
        assert pauses.why("a.test") == "no"

    play(story)


def test_who_comes_while_another_looks_waits_for_what_it_finds() -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        await pause(store, "a.test", "no", NOON)
        pauses = Pauses(Slow(store))
        first = asyncio.create_task(pauses.look_again())
        await asyncio.sleep(0)
        await pauses.look_again()
        assert pauses.why("a.test") == "no"
        await first

    play(story)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"reason": 3}', b"\xff\xfe"])
def test_a_pause_that_cannot_be_read_is_a_pause(body: bytes) -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        await store.put(keys.paused("a.test"), body)
        pauses = Pauses(store)
        await pauses.look()
        assert "cannot be read" in pauses.why("a.test")

    play(story)


def test_while_the_store_is_away_it_stays_as_it_was() -> None:
    class Away(Wrapper):
        async def _pass_on(self, op: str, key: str, call: Any) -> Any:
            if away:
                raise StoreUnavailable("gone")
            return await call()

    away = False

    async def story(clock: Forward) -> None:
        nonlocal away
        store = MemoryStore()
        await pause(store, "a.test", "no", NOON)
        pauses = Pauses(Away(store))
        await pauses.look()
        away = True
        await pauses.look()
        assert pauses.why("a.test") == "no"

    play(story)


# Sending addresses.


class Slow(Wrapper):
    """Gives way before each call, so that two processes come between each other."""

    async def _pass_on(self, op: str, key: str, call: Any) -> Any:
        await asyncio.sleep(0)
        return await call()


A, B, C = (Source(f"127.0.0.{n}") for n in (2, 3, 4))


def sources(
    store: Store, new: dict[str, date], now: float = NOON, **pools: list[Source]
) -> Sources:
    return Sources(pools or {"default": [A, B]}, new, store, lambda: now)


def test_without_a_pool_the_machine_chooses() -> None:
    async def story(clock: Forward) -> None:
        made = sources(MemoryStore(), {}, bulk=[A])
        assert await made.share("", "site", 7) == [(None, 7)]
        assert await made.share("bulk", "site", 7) == [(A, 7)]

    play(story)


def test_an_unknown_pool_is_the_default_one() -> None:
    async def story(clock: Forward) -> None:
        assert await sources(MemoryStore(), {}, default=[A]).share("x", "s", 1) == [(A, 1)]

    play(story)


def test_warm_addresses_take_turns() -> None:
    async def story(clock: Forward) -> None:
        made = sources(MemoryStore(), {})
        shares = [await made.share("", "site", 10) for _ in range(4)]
        assert shares == [[(A, 10)], [(B, 10)], [(A, 10)], [(B, 10)]]

    play(story)


def test_a_new_address_sends_what_its_day_allows_and_the_warm_one_the_rest() -> None:
    async def story(clock: Forward) -> None:
        made = sources(MemoryStore(), {A.address: TODAY})
        assert await made.share("", "site", 80) == [(A, 50), (B, 30)]
        assert await made.share("", "site", 80) == [(B, 80)]
        assert await made.share("", "another site", 20) == [(A, 20)]

    play(story)


def test_what_no_address_may_send_is_left_for_tomorrow() -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        new = {A.address: TODAY, B.address: TODAY}
        made = sources(store, new)
        assert await made.share("", "site", 120) == [(A, 50), (B, 50)]
        assert await made.share("", "site", 1) == []
        tomorrow = sources(store, new, NOON + made.seconds_to_tomorrow())
        assert await tomorrow.share("", "site", 150) == [(A, 100), (B, 50)]

    play(story)


def test_counts_outlive_the_process() -> None:
    async def story(clock: Forward) -> None:
        store, new = MemoryStore(), {A.address: TODAY}
        assert await sources(store, new, default=[A]).share("", "site", 40) == [(A, 40)]
        assert await sources(store, new, default=[A]).share("", "site", 40) == [(A, 10)]

    play(story)


def test_many_processes_share_the_allowance() -> None:
    async def story(clock: Forward) -> None:
        store, new = Slow(MemoryStore()), {A.address: TODAY}
        processes = [sources(store, new, default=[A]) for _ in range(8)]
        calls = [each.share("", "site", 9) for each in processes]
        shares = await asyncio.gather(*calls)
        assert sum(number for share in shares for _, number in share) == 50

    play(story)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"site": "many"}', b"\xff"])
def test_counts_that_cannot_be_read_hold_mail_back_and_fail_nothing(body: bytes) -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        await store.put(keys.warmup(A.address, NOON), body)
        made = sources(store, {A.address: TODAY})
        assert await made.share("", "site", 5) == [(B, 5)]

    play(story)


@asynccontextmanager
async def transmitter(host: Host, store: Store, **options: str) -> AsyncIterator[SmtpTransmitter]:
    given = {"send.route": f"smtp://127.0.0.1:{host.port}", "send.starttls": "off"}
    given |= {f"send.{name}": text for name, text in options.items()}
    given["send.hostname"] = "station.invalid"
    made = _assembled(config.load(environ={}, flags=given), store, lambda: NOON)
    try:
        yield made
    finally:
        await made.close()


def _assembled(settings: config.Config, store: Store, clock: Clock) -> SmtpTransmitter:
    """As `assemble.transmitter` does it, by a clock of our own."""
    resolver, pauses = MxResolver(), Pauses(store)
    return SmtpTransmitter(
        assemble._scheduler(settings, resolver, pauses),
        assemble._ways(settings, resolver, store, clock),
        assemble._sources(settings, store, clock),
        pauses,
        Directory(store, clock),
    )


class Book(Ledger):
    """A whole `Ledger` of `send`."""

    def refuse(self, envelope: Any, reason: str, text: str) -> None:
        raise AssertionError(reason)

    def report(self, envelope: Any, verdict: Any, queued_s: float = 0.0) -> None:
        super().report(envelope, verdict, queued_s)

    def may_go_on(self) -> bool:
        return True

    def is_behind(self) -> bool:
        return False


def test_the_server_sees_the_pools_address_and_the_rest_waits_for_tomorrow() -> None:
    async def story(clock: Forward) -> None:
        options = {
            "pools": "default=127.0.0.2/m2.example.com,default=127.0.0.3/m3.example.com",
            "warmup": "127.0.0.2=2026-11-21,127.0.0.3=2026-11-21",
        }
        async with Host() as host, transmitter(host, MemoryStore(), **options) as made:
            ledger = Book()
            await made.transmit(HEADER, some(120), ledger)
            assert {(each.peer, each.lines[1]) for each in host.sessions} == {
                ("127.0.0.2", "EHLO m2.example.com"),
                ("127.0.0.3", "EHLO m3.example.com"),
            }
            assert len(host.received) == 100
            assert {(delay_s, why) for _, delay_s, why in ledger.held} == {(43200, WARMING_UP)}
            assert ledger.numbers == list(range(120))

    play(story)


def test_a_pause_in_the_store_reaches_the_transmitter() -> None:
    async def story(clock: Forward) -> None:
        store = MemoryStore()
        await pause(store, "bad.test", "they asked for it", NOON)
        async with Host() as host, transmitter(host, store) as made:
            ledger = Book()
            await made.transmit(HEADER, some(2, "bad.test") + some(2, "good.test", 2), ledger)
            assert [n for n, _, _ in ledger.held] == [0, 1]
            await resume(store, "bad.test")
            await made.refresh()
            await made.transmit(HEADER, some(2, "bad.test", 4), ledger)
            assert len(host.received) == 4

    play(story)
