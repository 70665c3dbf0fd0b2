"""From an event to its stage and back: each key once, so many at a time, all counted."""

import asyncio
import logging

import pytest
from feeding import AGAIN, DONE, KEY, NEVER, HandStage, run, soon

from ekiden.sources.answer import Answer, Verdict
from ekiden.sources.delivery import Delivery
from ekiden.sources.intake import Intake, Places, SourceAway, attended
from shared.events.scope import Scope
from shared.stage import Wake

OTHER = "dispatched/01hf7yat00zzzzzzzzzzzzzzzz/0000.000.jsonl"


def plain(*keys: str) -> bytes:
    return b"[%s]" % b",".join(b'{"key": "%s"}' % key.encode() for key in keys)


def test_a_key_that_is_under_way_is_not_handed_over_twice() -> None:
    async def story() -> None:
        stage = HandStage()
        first = asyncio.create_task(stage.delivery.deliver(Wake(KEY)))
        await stage.begun(KEY)
        second = asyncio.create_task(stage.delivery.deliver(Wake(KEY)))
        assert stage.delivery.is_under_way(KEY)
        stage.end(KEY, AGAIN)
        assert (await first, await second) == (AGAIN, AGAIN)
        assert stage.given == [KEY]
        third = asyncio.create_task(stage.delivery.deliver(Wake(KEY)))
        await stage.given_times(2)
        stage.end(KEY)
        assert await third == DONE

    run(story)


def test_who_gives_up_waiting_stops_nobody_else() -> None:
    async def story() -> None:
        stage = HandStage()
        first = asyncio.create_task(stage.delivery.deliver(Wake(KEY)))
        await stage.begun(KEY)
        second = asyncio.create_task(stage.delivery.deliver(Wake(KEY)))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        stage.end(KEY)
        assert await second == DONE

    run(story)


def test_a_stage_that_nobody_runs_is_acknowledged_counted_and_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        intake = Intake("test", Delivery({}), Scope(""), 1)
        for _ in range(3):
            assert (await intake.take(plain(KEY))).verdict is Verdict.DONE
        assert intake.counts["dropped_nobody"] == intake.counts["done"] == 3

    with caplog.at_level(logging.WARNING):
        run(story)
    (record,) = caplog.records
    assert "dispatch reach nobody" in record.getMessage()


def test_a_fault_of_ours_is_told_again() -> None:
    async def story() -> None:
        async def way(_: Wake) -> Answer:
            raise ZeroDivisionError

        answer = await Delivery({"dispatch": way}).deliver(Wake(KEY))
        assert answer.verdict is Verdict.AGAIN

    run(story)


def test_one_message_is_answered_as_the_worst_of_its_events() -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake()
        taking = asyncio.create_task(intake.take(plain(KEY, OTHER, "batches/b/content.json")))
        await stage.begun(KEY, OTHER)
        stage.end(KEY, NEVER)
        stage.end(OTHER, AGAIN)
        assert await taking == AGAIN
        assert intake.counts == {
            "received": 1,
            "again": 1,
            "dropped_other_stage": 1,
            "dropped_nobody": 0,
        }

    run(story)


def test_of_one_message_no_more_is_begun_than_its_stage_has_places() -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake(max_in_flight=3)
        many = [f"inbox/d/{number:05d}.json" for number in range(20_000)]
        taking = intake.track(intake.take(plain(*many, OTHER)))
        await stage.begun(*many[:3], OTHER)  # another stage has places of its own
        stage.end(many[0])
        await stage.given_times(5)
        assert sorted(stage.given) == sorted([*many[:4], OTHER])
        stage.end_all()
        assert await soon(taking) == DONE
        assert len(stage.given) == len(many) + 1

    run(story)


def test_two_messages_share_the_places_of_a_stage() -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake(max_in_flight=2)
        first = [f"inbox/d/{number}.json" for number in range(9)]
        taking = [intake.track(intake.take(plain(*first)))]
        await stage.begun(*first[:2])
        taking.append(intake.track(intake.take(plain("inbox/d/late.json"))))
        await asyncio.sleep(0)
        stage.end(first[0])
        stage.end(first[1])
        await stage.begun("inbox/d/late.json")  # it need not wait for all of the first
        assert len(stage.given) == 4
        stage.end_all()
        assert await soon(asyncio.gather(*taking)) == [DONE, DONE]

    run(story)


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"{", b"7", b"{}", b'[{"k": 1}]', b"[[[[[[[]]]]]]]"]
)
def test_what_is_no_event_can_never_be_done(body: bytes) -> None:
    async def story() -> None:
        intake = HandStage().intake()
        assert (await intake.take(body)).verdict is Verdict.NEVER
        assert intake.counts == {"received": 1, "never": 1, "dropped_no_event": 1}

    run(story)


def test_a_carried_body_is_not_believed_but_read_again() -> None:
    async def story() -> None:
        given: list[Wake] = []

        async def way(wake: Wake) -> Answer:
            given.append(wake)
            return DONE

        intake = Intake("test", Delivery({"dispatch": way}), Scope(""), 1)
        await intake.take(b'{"key": "%s", "body": "aGVsbG8="}' % KEY.encode())
        assert given == [Wake(KEY, None, 5)]

    run(story)


def test_places_are_waited_for_and_given_back() -> None:
    async def story() -> None:
        places = Places(3)
        assert await places.take(10) == 3
        waiting = asyncio.create_task(places.take(10))
        await asyncio.sleep(0)
        assert not waiting.done()
        places.give_back(2)
        assert await soon(waiting) == 2

    run(story)


def test_a_message_that_cannot_be_acknowledged_gives_its_place_back() -> None:
    async def story() -> None:
        intake = HandStage().intake(max_in_flight=1)
        for error in (SourceAway("gone"), ZeroDivisionError()):
            await soon(intake.places.take())
            intake.start(failing(error))
        await soon(intake.places.take())

    async def failing(error: Exception) -> None:
        raise error

    run(story)


def test_a_drain_waits_and_then_leaves_what_takes_longer() -> None:
    async def story() -> None:
        stage = HandStage()
        intake = stage.intake()
        await intake.places.take()
        taking = intake.track(intake.take(plain(KEY)))
        await stage.begun(KEY)
        draining = asyncio.create_task(intake.drain(30))
        stage.end(KEY)
        await soon(draining)
        assert taking.result() == DONE
        late = intake.track(intake.take(plain(OTHER)))
        await stage.begun(OTHER)
        await soon(intake.drain(0))
        assert late.cancelled()
        assert not intake.counts["again"], "who is not answered is not counted"
        await stage.delivery.stop()

    run(story)


def test_attending_goes_on_when_the_source_is_away() -> None:
    async def story() -> None:
        calls = 0
        enough = asyncio.Event()

        async def still_here() -> None:
            nonlocal calls
            calls += 1
            if calls == 3:
                enough.set()
            raise SourceAway("for a moment")

        async def work() -> str:
            await enough.wait()
            return "worked"

        assert await soon(attended(work(), 0.001, still_here)) == "worked"

    run(story)
