"""What a Domain keeps no longer goes, with all that hangs on it, and nothing else."""

import pytest
from keeping import DAY_S, DOMAIN, NOW, OTHER, Keeping

from shared import keys
from shared.domain_retention.wanted import KINDS
from shared.ids import batch_id
from shared.outcome import State
from shared.provision import add_domain, remove_domain


@pytest.fixture
def here() -> Keeping:
    here = Keeping()
    here.domain(OTHER)
    return here


def test_a_batch_goes_with_all_that_hangs_on_it(here: Keeping) -> None:
    here.domain(batches=7)
    batch = here.batch(age_days=20)
    with here.at(NOW - 19 * DAY_S):
        report = here.report(batch)
        here.put(keys.progress(batch), b"{}")
    here.count()
    events = here.listed("events/")
    here.forget()
    assert not here.has(batch)
    assert [key for key in here.listed() if report in key] == events
    assert here.listed(f"domains/{DOMAIN}/") == []


def test_what_is_younger_stays_whole(here: Keeping) -> None:
    here.domain(batches=7)
    batches = {age: here.batch(age) for age in (1, 7, 7.3, 7.4, 8, 9)}
    before = here.bodies("")
    here.count()
    here.forget()
    young = [batch for age, batch in batches.items() if age <= 7.3]
    assert [batch for batch in batches.values() if here.has(batch)] == young
    for key, body in before.items():
        if any(batch in key for batch in young):
            assert here.body(key) == body


def test_a_domain_without_a_wish_keeps_everything(here: Keeping) -> None:
    here.domain(batches=7, events=1, received=1, calls=1)
    batch = here.batch(300, OTHER)
    with here.at(NOW - 300 * DAY_S):
        here.report(batch, OTHER)
        here.received(OTHER)
        here.put(keys.call_log(OTHER, "w", here.now, "x.000"))
    here.count()
    before = here.bodies("")
    here.forget()
    here.days_later(1)
    here.forget()
    assert {key: body for key, body in here.bodies("").items() if key in before} == before


def test_each_domain_has_days_of_its_own(here: Keeping) -> None:
    wishes = {"a.example": 7, "b.example": 30, "c.example": 30, "d.example": 365}
    for name, days in wishes.items():
        here.domain(name, batches=days)
    batches = {(name, age): here.batch(age, name) for name in wishes for age in range(3, 420, 13)}
    here.count()
    here.forget()
    left = {place for place, batch in batches.items() if here.has(batch)}
    assert left == {(name, age) for name, age in batches if age <= wishes[name]}


def test_the_days_begin_when_a_batch_is_due(here: Keeping) -> None:
    here.domain(batches=7)
    scheduled = here.batch(60, due_days=50)
    here.count()
    here.forget()
    assert not here.has(scheduled)
    here = Keeping()
    here.domain(batches=7)
    scheduled = here.batch(60, due_days=55)
    here.count()
    here.forget()
    assert here.is_whole(scheduled)
    here.days_later(4)
    here.forget()
    assert not here.has(scheduled)


def test_day_after_day_the_next_ones_go(here: Keeping) -> None:
    here.domain(batches=10)
    batches = [here.batch(age) for age in range(20)]
    here.count()
    for days in range(8):
        here.forget()
        assert [here.has(each) for each in batches].count(True) == 11 - days
        here.days_later(1)


def test_who_wishes_less_later_loses_what_is_older_then(here: Keeping) -> None:
    here.domain(batches=300)
    batch, old = here.batch(200), here.batch(400)
    here.count()
    here.forget()
    assert (here.has(batch), here.has(old)) == (True, False)
    here.domain(batches=30)
    here.days_later(1)
    here.forget()
    assert not here.has(batch)


def test_who_wishes_more_or_nothing_later_keeps_the_rest(here: Keeping) -> None:
    for days in ({"batches": 30}, {}):
        here.domain(batches=7)
        here.forget()
        batch = here.batch(6)
        here.count()
        here.domain(**days)
        here.days_later(5)
        here.forget()
        assert here.is_whole(batch)


def test_events_go_by_their_days_with_the_reports_that_they_came_by(here: Keeping) -> None:
    here.domain(events=5)
    batch = here.batch(30)
    reports = {}
    for age in (20, 6, 5, 1):
        with here.at(NOW - age * DAY_S):
            reports[age] = here.report(batch), here.event(batch)
    here.count()
    here.forget()
    for age, (report, event) in reports.items():
        is_kept = age <= 5
        assert (event in here.listed("events/")) == is_kept
        assert (keys.archived(keys.inbound(report)) in here.listed()) == is_kept
    assert here.is_whole(batch)


def test_received_mail_goes_with_what_was_kept_of_it(here: Keeping) -> None:
    here.domain(received=3)
    mails = {}
    for age in (30, 4, 3, 0):
        with here.at(NOW - age * DAY_S):
            mails[age] = here.received()
    here.forget()
    assert {age for age, name in mails.items() if here.has(name)} == {3, 0}


def test_what_webhooks_were_told_goes_by_its_days(here: Keeping) -> None:
    here.domain(calls=3)
    calls = {}
    for webhook in ("w1", "w2"):
        for age in (30, 4, 3, 0):
            key = keys.call_log(DOMAIN, webhook, NOW - age * DAY_S, "x.000")
            calls[webhook, age] = here.put(key)
    here.forget()
    left = {place for place, key in calls.items() if key in here.listed()}
    assert left == {(webhook, age) for webhook, age in calls if age <= 3}


def test_the_log_of_one_webhook_does_not_hide_that_of_the_next(here: Keeping) -> None:
    """More young ones than stand on a page."""
    here.domain(calls=3)
    for number in range(1500):
        here.put(keys.call_log(DOMAIN, "w1", NOW, f"{number:05d}"))
        here.put(keys.call_log(DOMAIN, "w2", NOW - 9 * DAY_S, f"{number:05d}"))
    here.forget()
    assert len(here.listed("calls/")) == 1500


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_wished_for_stays(here: Keeping, kind: str) -> None:
    here.domain(**{kind: 10})
    batch = here.batch(40)
    with here.at(NOW - 39 * DAY_S):
        event = here.event(batch)
        mail = here.received()
        call = here.put(keys.call_log(DOMAIN, "w", here.now, "x.000"))
    here.count()
    here.forget()
    left = {
        "batches": here.has(batch),
        "events": event in here.listed(),
        "received": here.has(mail),
        "calls": call in here.listed(),
    }
    assert [each for each, is_there in left.items() if not is_there] == [kind]


def test_a_large_batch_goes_whole(here: Keeping) -> None:
    here.domain(batches=7)
    batch = here.batch(20)
    with here.at(NOW - 19 * DAY_S):
        for bag in range(2500):
            here.put(keys.outcome_part(batch, bag, 0, 0), b"")
        for bag in range(3):
            here.put(keys.late_outcome(batch, bag, f"r{bag}"), b"")
            here.put(keys.archived(keys.inbound(f"r{bag}")))
    here.count()
    here.forget()
    assert not here.has(batch)
    assert here.listed("archive/") == []


def test_what_others_have_put_into_the_bucket_is_not_in_the_way(here: Keeping) -> None:
    here.domain(batches=7, events=2, received=2, calls=2)
    strange = [
        here.put(key)
        for key in (
            *("batches/", "batches/x", "batches/zzz/content.json", "batches/0/outcomes/y"),
            f"batches/{batch_id(NOW - 50 * DAY_S, bytes(10))}/content.json",
            *(f"events/{DOMAIN}/{name}" for name in (".a/x.jsonl", "x", "2020-01-01/a/b.jsonl")),
            *(f"events/{DOMAIN}/{day}/x.jsonl" for day in ("2020-99-99", "tomorrow", "٢٠٢٠-٠١-٠١")),
            *(f"calls/{DOMAIN}/{name}" for name in ("w", "w/x", "w/x/y")),
            "leases/send/x",
            "waiting/never/x",
            "waiting/x",
            "failed/x",
            "notifying/x",
        )
    ]
    batch = here.batch(20)
    with here.at(NOW - 19 * DAY_S):
        event = here.event(batch)
    here.count()
    here.forget()
    assert not here.has(batch)
    assert event not in here.listed()
    assert set(strange) <= set(here.listed())


def test_a_wish_that_nobody_can_read_stops_no_other_domain(here: Keeping) -> None:
    here.put(keys.retention_wish("a.example"), b"{")
    here.put(keys.retention_wish("b.example"), b'{"days": {"batches": "7"}}')
    here.put(keys.retention_wish("../x"), b'{"days": {"batches": 7}}')
    here.put(keys.retention_wish("x"), b'{"days": {"batches": 7}}')
    here.domain("c.example", batches=1)
    here.domain(batches=7)
    own, others = here.batch(20), [here.batch(20, name) for name in ("a.example", "c.example")]
    here.count()
    here.forget()
    assert not here.has(own)
    assert all(map(here.is_whole, others))


@pytest.mark.parametrize("spoilt", [b"", b"{", b'{"until": "x"}', b"\xff", b"[]"])
def test_what_is_known_of_how_far_it_is_may_be_spoilt(here: Keeping, spoilt: bytes) -> None:
    here.domain(batches=7)
    batch = here.batch(20)
    here.count()
    for place in (keys.retention_index(), keys.retention_of(DOMAIN)):
        here.put(place, spoilt)
    here.forget()
    assert not here.has(batch)


def test_a_clock_that_ran_ahead_hides_nothing_that_came_since(here: Keeping) -> None:
    here.domain(batches=7)
    with here.at(NOW + 100 * DAY_S):
        here.forget()
    batch = here.batch(2)
    here.count()
    here.days_later(10)
    here.forget()
    assert not here.has(batch)


def test_the_wish_of_a_domain_that_was_removed_goes_on(here: Keeping) -> None:
    here.do(add_domain(here.store, DOMAIN, ["ed25519-sha256"], NOW))
    here.domain(batches=7)
    batch = here.batch(6)
    here.count()
    here.do(remove_domain(here.store, DOMAIN))
    here.forget()
    assert here.is_whole(batch)
    here.days_later(3)
    here.forget()
    assert not here.has(batch)


@pytest.mark.parametrize("state", [*State])
def test_a_batch_that_nobody_works_on_goes_however_it_ended(here: Keeping, state: State) -> None:
    """Also where what was open has been thrown away by hand."""
    here.domain(batches=7)
    batch = here.batch(20, state=None if state is State.QUEUED else state)
    here.count()
    here.forget()
    assert not here.has(batch)
