"""What is too old, and stays: it is on its way, goes on just now, or is not counted yet."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import pytest
from keeping import DAY_S, DOMAIN, NOW, OTHER, Keeping

from shared import feedback, keys
from shared.domain_retention import listings
from shared.domain_retention import own as own_batches
from shared.domain_retention.records import Record
from shared.feedback import Event
from shared.model import Content
from shared.outcome import State
from shared.store.wrap import Wrapper

T = TypeVar("T")

HOLDERS = {
    "submitted": lambda batch: keys.submitted(batch),
    "validated": lambda batch: keys.validated(batch, 0),
    "dispatched": lambda batch: keys.dispatched(batch, 0, 0),
    "leased": lambda batch: keys.lease(batch, 0, 0),
    "scheduled": lambda batch: keys.waiting(NOW + 60 * DAY_S, keys.validated(batch, 0)),
    "deferred": lambda batch: keys.waiting(NOW, keys.dispatched(batch, 0, 3)),
    "failed in validate": lambda batch: keys.failed("validate", keys.submitted(batch)),
    "failed in dispatch": lambda batch: keys.failed("dispatch", keys.validated(batch, 7)),
    "failed in send": lambda batch: keys.failed("send", keys.dispatched(batch, 0, 1)),
    "to be told": lambda batch: keys.notifying(DOMAIN, "w", f"{batch}.0000.000", 0),
    "told again": lambda batch: keys.notifying(DOMAIN, "w", f"{batch}.0000.000+1800000000000", 2),
    "told later": lambda batch: keys.waiting(
        NOW, keys.notifying(DOMAIN, "w", f"{batch}.0000.000", 2)
    ),
}


@pytest.fixture
def here() -> Keeping:
    here = Keeping()
    here.domain(batches=7)
    return here


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_batch_with_open_work_stays_until_it_is_done(here: Keeping, holder: str) -> None:
    batch, other = here.batch(20), here.batch(20)
    here.count()
    work = here.put(HOLDERS[holder](batch))
    before = {key: body for key, body in here.bodies("").items() if batch in key}
    for _ in range(3):
        here.forget()
        assert {key: body for key, body in here.bodies("").items() if batch in key} == before
        here.days_later(1)
    assert not here.has(other)
    here.do(here.store.delete(work))
    here.forget()
    assert not here.has(batch)


def test_a_webhook_that_failed_for_good_keeps_nothing(here: Keeping) -> None:
    batch = here.batch(20)
    call = keys.failed("notify", keys.notifying(DOMAIN, "w", f"{batch}.0000.000", 7))
    here.put(call)
    here.count()
    here.forget()
    assert not here.is_whole(batch)


def test_a_batch_that_was_sent_late_stays_while_reports_may_come(here: Keeping) -> None:
    """As after a replay."""
    batch = here.batch(20, state=State.DEFERRED)
    here.outcome(batch, State.DELIVERED, attempt=1)
    here.count()
    here.forget()
    assert here.is_whole(batch)
    here.days_later(5)
    here.forget()
    assert here.is_whole(batch)
    here.days_later(1.1)
    here.forget()
    assert not here.has(batch)


class PutBack(Wrapper):
    """A replay comes when the open work has just been listed: content is read from then on."""

    work = ""

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if op == "get" and key.startswith(keys.BATCHES) and self.work:
            work, self.work = self.work, ""
            await self.inner.put(work, b"x")
        return await call()


@pytest.mark.parametrize("holder", ["submitted", "validated", "dispatched"])
def test_a_batch_that_is_put_back_meanwhile_stays(here: Keeping, holder: str) -> None:
    batch = here.batch(20)
    here.count()
    replayed = PutBack(here.store)
    replayed.work = HOLDERS[holder](batch)
    here.forget(replayed)
    assert not replayed.work
    assert here.is_whole(batch)


def test_what_people_unsubscribe_by_stays_for_thirty_days(here: Keeping) -> None:
    hosted, other = here.batch(20), here.batch(20)
    content = msgspec.json.decode(here.body(keys.content(hosted)), type=Content)
    with here.at(NOW - 20 * DAY_S):
        changed = msgspec.structs.replace(content, hosted_unsubscribe=True)
        here.put(keys.content(hosted), msgspec.json.encode(changed))
    here.count()
    here.forget()
    assert (here.is_whole(hosted), here.has(other)) == (True, False)
    here.days_later(11)
    here.forget()
    assert not here.has(hosted)


def test_looking_at_what_is_kept_goes_on_where_a_turn_has_ended(
    here: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is kept in each of many quarters of an hour, and a turn may do little."""
    kept = [here.batch(40 - each / 10) for each in range(30)]
    works = [here.put(HOLDERS["failed in send"](batch)) for batch in kept]
    here.count()
    here.forget()
    here.days_later(1)
    here.do(here.store.delete(*works))
    monkeypatch.setattr(listings.Budget.__init__, "__defaults__", (20,))
    assert here.forget() > 3
    assert not any(map(here.has, kept))


def test_a_batch_that_nobody_has_counted_stays(here: Keeping) -> None:
    batch = here.batch(20)
    here.forget()
    assert here.is_whole(batch)
    here.count()
    here.days_later(1)
    here.forget()
    assert not here.has(batch)


def test_an_outcome_that_nobody_has_counted_keeps_its_batch(here: Keeping) -> None:
    batch = here.batch(20, state=State.DEFERRED)
    here.count()
    with here.at(NOW - 2 * DAY_S):
        here.outcome(batch, State.DELIVERED, attempt=1)
    here.forget()
    assert here.is_whole(batch)
    here.days_later(20)  # it is looked for less and less often
    here.count()
    here.forget()
    assert not here.has(batch)


def test_what_came_too_late_to_be_counted_goes(here: Keeping) -> None:
    """In front of `validate` more than thirty days after it was accepted."""
    here.batch(50)
    here.count()
    late, found_later = here.batch(45), here.batch(25)
    here.count()
    here.forget()
    assert (here.is_whole(late), here.is_whole(found_later)) == (False, True)


def test_a_batch_keeps_its_tags_until_its_events_are_counted(here: Keeping) -> None:
    opened, other = here.batch(20), here.batch(20)
    here.count()
    here.days_later(0.01)
    here.event(opened)
    here.forget()
    assert (here.is_whole(opened), here.is_whole(other)) == (True, False)
    here.days_later(1)
    here.count()
    counts = here.bodies(f"stats/{DOMAIN}/")
    assert b'"tag:spring":{"opened":1' in b"".join(counts.values())
    here.forget()
    assert not here.has(opened)
    assert here.bodies(f"stats/{DOMAIN}/") == counts


def test_where_too_many_events_are_not_counted_batches_wait_for_them(
    here: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shared.domain_retention import counted

    monkeypatch.setattr(counted, "MOST_UNCOUNTED", 3)
    batch = here.batch(20)
    here.count()
    here.days_later(0.01)
    for _ in range(4):
        here.event(batch)
    here.forget()
    assert here.is_whole(batch)
    here.days_later(1)
    here.count()
    here.forget()
    assert not here.is_whole(batch)


def test_events_stay_until_they_are_counted(here: Keeping) -> None:
    here.domain(events=1)
    batch = here.batch(20)
    here.count()
    with here.at(NOW - 10 * DAY_S):
        event = here.event(batch)
        report = here.report(batch)
    here.forget()
    assert {event, keys.archived(keys.inbound(report))} <= set(here.listed())
    here.days_later(25)  # the pass over what is thirty days old finds them
    here.count()
    here.forget()
    assert not {event, keys.archived(keys.inbound(report))} & set(here.listed())


def test_what_a_webhook_is_to_hear_of_stays(here: Keeping) -> None:
    here.domain(events=1, received=1)
    with here.at(NOW - 9 * DAY_S):
        batch = here.batch(1)
        event, mail = here.event(batch), here.received()
    here.count()
    day, name = keys.parse_event(event)
    for source, number in ((f"{day}.{name}", 0), (mail, 3)):
        here.put(keys.waiting(NOW, keys.notifying(DOMAIN, "w", source, number)))
    before = here.bodies("")
    here.forget()
    assert {event, keys.received(DOMAIN, mail)} <= before.keys() & set(here.listed())
    here.do(here.store.delete(*here.listed(keys.WAITING)))
    here.days_later(1)
    here.forget()
    assert not {event, keys.received(DOMAIN, mail)} & set(here.listed())


def test_a_batch_that_waits_for_validate_is_looked_at_when_it_is_done(here: Keeping) -> None:
    """It has an id of long ago, and nobody knows yet whose it is."""
    here.domain(OTHER, batches=7)
    here.batch(40)
    here.batch(40, OTHER)
    here.count()
    late = {name: here.batch(39, name) for name in (DOMAIN, OTHER)}
    contents = {name: here.body(keys.content(each)) for name, each in late.items()}
    failed = {n: here.put(keys.failed("validate", keys.submitted(b))) for n, b in late.items()}
    here.do(here.store.delete(*map(keys.content, late.values())))
    here.forget()
    here.days_later(1)
    here.forget()
    here.do(here.store.delete(failed[DOMAIN]))
    here.put(keys.content(late[DOMAIN]), contents[DOMAIN])
    here.days_later(31)
    here.count()
    here.forget()
    assert not here.is_whole(late[DOMAIN])
    here.do(here.store.delete(failed[OTHER]))
    here.put(keys.content(late[OTHER]), contents[OTHER])
    here.domain(OTHER)
    here.days_later(2)
    here.forget()
    assert here.is_whole(late[OTHER]), "it is another Domain's, which keeps it"
    record = msgspec.json.decode(here.body(keys.retention_of(DOMAIN)), type=Record)
    assert not record.kept


def test_so_many_that_are_kept_stop_the_walk_until_they_are_done(
    here: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_batches, "MOST_KEPT", 3)
    batches = [here.batch(40 - number) for number in range(8)]
    here.count()
    work = [here.put(keys.validated(each, 0)) for each in batches[1:4]]
    here.forget()
    left = [here.is_whole(each) for each in batches]
    assert left == [False, *[True] * 7]
    here.do(here.store.delete(work[0]))
    here.days_later(1)
    here.forget()
    assert [here.is_whole(each) for each in batches] == [False, False, True, True, *[False] * 4]


def test_an_event_of_which_nobody_can_say_what_it_is_about_is_not_in_the_way(
    here: Keeping,
) -> None:
    batch = here.batch(20)
    here.count()
    here.days_later(0.01)
    for number, body in enumerate((b"", b"{", b"\xff", b'{"delivery": 1}')):
        here.put(keys.event(DOMAIN, here.now, f"7zzzzzzzzzzzzzzzzzzzzzzzz{number}"), body)
    nobody = Event(delivery="", recipient="", kind=feedback.OPENED, at=here.now)
    here.put(keys.event(DOMAIN, here.now, "x"), feedback.encode_lines([nobody]))
    here.forget()
    assert not here.is_whole(batch)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b'{"domain": 7}'])
def test_a_content_that_cannot_be_read_stays(here: Keeping, body: bytes) -> None:
    batch = here.batch(20)
    here.count()
    here.put(keys.content(batch), body)
    own = here.batch(19)
    here.forget()
    assert here.is_whole(batch)
    assert here.is_whole(own)


def test_a_clock_that_ran_ahead_in_the_counting_gives_nothing_away(here: Keeping) -> None:
    here.domain(batches=7, events=1)
    here.batch(60)
    with here.at(NOW + 400 * DAY_S):
        here.count()
    batch = here.batch(20)
    with here.at(NOW - 19 * DAY_S):
        event = here.event(batch)
    here.forget()
    assert here.is_whole(batch)
    assert event in here.listed()
