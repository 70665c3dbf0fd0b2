"""Who may open a connection, and how much may be in memory: in turn, and never lost."""

import asyncio
from contextlib import AsyncExitStack
from random import Random
from secrets import randbits

import pytest
from mail_hosts import Forward, play, turns, until

from functions.send.destinations.jobs import PATIENCE_S, Jobs
from shared.room import Room


class Inside:
    """Who has come into a context, and a way to let each out."""

    def __init__(self) -> None:
        self.names: list[object] = []
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._doors: dict[object, asyncio.Event] = {}

    def enter(self, name: object, context: object) -> None:
        self._doors[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._stay(name, context))

    async def _stay(self, name: object, context: object) -> None:
        async with context:  # type: ignore[attr-defined]
            self.names.append(name)
            try:
                await self._doors[name].wait()
            finally:
                self.names.remove(name)

    async def leave(self, *names: object) -> None:
        for name in names:
            self._doors[name].set()
            await self._tasks[name]
        await turns(5)

    async def cancel(self, name: object) -> None:
        self._tasks[name].cancel()
        await asyncio.gather(self._tasks[name], return_exceptions=True)
        await turns(5)


# Permits.


def test_no_more_come_in_than_there_are_permits_and_in_their_order() -> None:
    async def story(clock: Forward) -> None:
        jobs, inside = Jobs(2), Inside()
        for n in range(5):
            inside.enter(n, jobs.permit(slow=False))
        await turns(5)
        assert inside.names == [0, 1]
        await inside.leave(1)
        assert inside.names == [0, 2]
        await inside.leave(0, 2)
        assert inside.names == [3, 4]
        await inside.leave(3, 4)

    play(story)


def test_a_slow_one_steps_aside_and_as_many_quick_ones_as_before_come_in() -> None:
    async def story(clock: Forward) -> None:
        jobs, inside = Jobs(2), Inside()
        permits = [jobs.permit(slow=False) for _ in range(6)]
        for n, permit in enumerate(permits):
            inside.enter(n, permit)
        await turns(5)
        assert inside.names == [0, 1]
        clock.skip(PATIENCE_S + 0.1)
        await until(lambda: inside.names == [0, 1, 2, 3])
        assert [permit.is_slow for permit in permits[:4]] == [True, True, False, False]
        await turns()
        await inside.leave(*range(6))
        assert (jobs.quick._inside, jobs.slow._inside) == (0, 0)

    play(story)


def test_a_slow_one_stays_where_it_is_while_there_is_no_place_aside() -> None:
    async def story(clock: Forward) -> None:
        jobs, inside = Jobs(1), Inside()
        first, second = jobs.permit(slow=True), jobs.permit(slow=False)
        inside.enter("slow", first)
        inside.enter("late", second)
        await turns(5)
        clock.skip(PATIENCE_S + 0.1)
        await until(lambda: second.was_slow)
        inside.enter("quick", jobs.permit(slow=False))
        await turns()
        assert inside.names == ["slow", "late"]
        await inside.leave("slow")
        assert inside.names == ["late", "quick"]
        assert second.is_slow
        await inside.leave("late", "quick")
        assert (jobs.quick._inside, jobs.slow._inside) == (0, 0)

    play(story)


def test_one_that_ends_while_it_waits_to_step_aside_leaves_nothing_behind() -> None:
    async def story(clock: Forward) -> None:
        jobs, inside = Jobs(1), Inside()
        inside.enter("slow", jobs.permit(slow=True))
        inside.enter("late", jobs.permit(slow=False))
        await turns(5)
        clock.skip(PATIENCE_S + 0.1)
        await turns()
        await inside.leave("late")
        await inside.leave("slow")
        assert (jobs.quick._inside, jobs.slow._inside) == (0, 0)

    play(story)


def test_who_makes_progress_stays_quick() -> None:
    async def story(clock: Forward) -> None:
        permit = Jobs(1).permit(slow=False)
        async with permit:
            for _ in range(10):
                clock.skip(PATIENCE_S / 2)
                permit.progress()
                await turns()
            assert not permit.was_slow
            clock.skip(PATIENCE_S * 2)
            await turns()
            assert permit.was_slow

    play(story)


def test_one_that_was_slow_once_and_is_quick_now_says_so() -> None:
    async def story(clock: Forward) -> None:
        permit = Jobs(1).permit(slow=True)
        async with permit:
            await turns()
        assert not permit.was_slow

    play(story)


def test_permits_survive_a_storm() -> None:
    seed = randbits(32)
    print(f"seed {seed}")

    async def story(clock: Forward) -> None:
        chance, jobs, most = Random(seed), Jobs(3), 0

        async def work() -> None:
            nonlocal most
            async with jobs.permit(slow=chance.random() < 0.3):
                most = max(most, jobs.quick._inside + jobs.slow._inside)
                for _ in range(chance.randrange(20)):
                    await asyncio.sleep(0)

        tasks = set()
        for _ in range(400):
            tasks.add(asyncio.create_task(work()))
            if chance.random() < 0.3:
                chance.choice(sorted(tasks, key=id)).cancel()
            if chance.random() < 0.2:
                clock.skip(PATIENCE_S / 2)
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (jobs.quick._inside, jobs.slow._inside) == (0, 0)
        assert most <= 6

    play(story)


# Room in memory.


def test_what_does_not_fit_waits_in_its_order() -> None:
    async def story(clock: Forward) -> None:
        room, inside = Room(100), Inside()
        for name, size_bytes in (("a", 60), ("b", 60), ("c", 10)):
            inside.enter(name, room.of(name, size_bytes))
        await turns(5)
        assert inside.names == ["a"], "c would fit, and is behind b"
        await inside.leave("a")
        assert inside.names == ["b", "c"]
        await inside.leave("b", "c")

    play(story)


def test_what_is_larger_than_all_comes_in_when_nobody_else_is() -> None:
    async def story(clock: Forward) -> None:
        room, inside = Room(100), Inside()
        inside.enter("small", room.of("small", 1))
        inside.enter("huge", room.of("huge", 1000))
        inside.enter("next", room.of("next", 1))
        await turns(5)
        assert inside.names == ["small"]
        await inside.leave("small")
        assert inside.names == ["huge"]
        await inside.leave("huge")
        assert inside.names == ["next"]
        await inside.leave("next")

    play(story)


@pytest.mark.parametrize("who", ["b", "c"])
def test_who_is_cancelled_while_waiting_holds_up_nobody(who: str) -> None:
    async def story(clock: Forward) -> None:
        room, inside = Room(100), Inside()
        for name, size_bytes in (("a", 60), ("b", 60), ("c", 10)):
            inside.enter(name, room.of(name, size_bytes))
        await turns(5)
        await inside.cancel(who)
        assert inside.names == (["a", "c"] if who == "b" else ["a"])
        await inside.leave("a")
        assert room._total_bytes == (10 if who == "b" else 60)

    play(story)


def test_who_is_cancelled_when_its_turn_has_just_come_gives_it_on() -> None:
    async def story(clock: Forward) -> None:
        room, inside = Room(100), Inside()
        for name in "abc":
            inside.enter(name, room.of(name, 100))
        await turns(5)
        inside._doors["a"].set()
        await until(lambda: not inside.names)
        inside._tasks["b"].cancel()
        await turns(5)
        assert inside.names == ["c"]
        await inside.leave("c")
        assert room._total_bytes == 0

    play(story)


def test_what_has_become_smaller_lets_others_in() -> None:
    async def story(clock: Forward) -> None:
        room, inside = Room(100), Inside()
        inside.enter("a", room.of("a", 90))
        inside.enter("b", room.of("b", 50))
        await turns(5)
        room.resize("a", 40)
        await turns(5)
        assert inside.names == ["a", "b"]
        room.resize("a", 400)  # it is in memory already
        inside.enter("c", room.of("c", 1))
        await turns(5)
        assert inside.names == ["a", "b"]
        await inside.leave("a")
        assert inside.names == ["b", "c"]
        await inside.leave("b", "c")
        room.resize("a", 1)  # it has ended
        assert room._total_bytes == 0

    play(story)


def test_the_same_work_may_be_there_twice_for_a_moment() -> None:
    async def story(clock: Forward) -> None:
        room = Room(100)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(room.of("twin", 30))
            async with room.of("twin", 30):
                room.resize("twin", 10)
            assert room._total_bytes == 0 or room._total_bytes <= 10
        assert (room._total_bytes, room._taken) == (0, {})

    play(story)


def test_room_survives_a_storm() -> None:
    seed = randbits(32)
    print(f"seed {seed}")

    async def story(clock: Forward) -> None:
        chance, room = Random(seed), Room(100)

        async def work(key: str, size_bytes: int) -> None:
            async with room.of(key, size_bytes):
                for _ in range(chance.randrange(5)):
                    await asyncio.sleep(0)
                    room.resize(key, chance.randrange(100))

        tasks = set()
        for _ in range(400):
            made = work(f"k{chance.randrange(20)}", chance.randrange(150))
            tasks.add(asyncio.create_task(made))
            if chance.random() < 0.3:
                chance.choice(sorted(tasks, key=id)).cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (room._total_bytes, room._taken, len(room._inside)) == (0, {}, 0)

    play(story)
