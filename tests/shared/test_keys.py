"""Every key, and the way back from it."""

import inspect
import re
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import keys
from shared.ids import batch_id

BATCHES = st.builds(batch_id, st.floats(0, 4e9), st.binary(min_size=10, max_size=10))
BAGS = st.integers(0, 9999)
ATTEMPTS = st.integers(0, keys.MOST_ATTEMPTS - 1)
PARTS = st.integers(0, 9999)
DOMAINS = st.from_regex(r"[a-z0-9]{1,20}(\.[a-z0-9]{1,20}){1,3}", fullmatch=True)
NAMES = st.text(string.ascii_letters + string.digits + "._-", min_size=1)
SECONDS = st.integers(0, 4_000_000_000)
B = "01hf7yat00abcdefghjkmnpqrs"


@given(BATCHES)
def test_submitted(batch: str) -> None:
    assert keys.parse_submitted(keys.submitted(batch)) == batch


@given(DOMAINS, NAMES)
def test_inbox(domain: str, name: str) -> None:
    assert keys.parse_inbox(keys.inbox(domain, name)) == (domain, name)


@given(BATCHES, BAGS)
def test_validated(batch: str, bag: int) -> None:
    assert keys.parse_validated(keys.validated(batch, bag)) == (batch, bag)


@given(BATCHES, BAGS, ATTEMPTS)
def test_dispatched(batch: str, bag: int, attempt: int) -> None:
    assert keys.parse_dispatched(keys.dispatched(batch, bag, attempt)) == (batch, bag, attempt)


@given(BATCHES, BAGS, ATTEMPTS, PARTS)
def test_outcome_part(batch: str, bag: int, attempt: int, part: int) -> None:
    key = keys.outcome_part(batch, bag, attempt, part)
    assert keys.parse_outcome_part(key) == (bag, attempt, part)
    assert key.startswith(keys.outcomes_of_attempt(batch, bag, attempt))
    assert key.startswith(keys.outcomes_of_bag(batch, bag))
    assert key.startswith(keys.outcomes(batch))


@given(BATCHES, BAGS, ATTEMPTS, PARTS)
def test_what_is_kept_of_a_batch(batch: str, bag: int, attempt: int, part: int) -> None:
    of_it = [keys.content(batch), keys.outcome_part(batch, bag, attempt, part)]
    for key in of_it:
        assert keys.parse_batch(key) == batch
        assert key < keys.behind_batch(batch)


@given(NAMES)
def test_inbound(name: str) -> None:
    assert keys.parse_inbound(keys.inbound(name)) == name


@given(BATCHES, BAGS, ATTEMPTS)
def test_redrives(batch: str, bag: int, attempt: int) -> None:
    work = keys.dispatched(batch, bag, attempt)
    assert keys.parse_redrives(keys.redrives(work)) == work


@given(DOMAINS, NAMES)
def test_domain(domain: str, name: str) -> None:
    assert keys.parse_domain(keys.domain_record(domain)) == domain
    assert keys.parse_domain(keys.template(domain, name)) == domain


@given(st.text(min_size=1, max_size=50))
def test_paused(name: str) -> None:
    assert keys.parse_paused(keys.paused(name)) == name
    assert keys.paused(name).count("/") == 2


@given(DOMAINS)
def test_mta_sts_policy(domain: str) -> None:
    assert keys.parse_mta_sts_policy(keys.mta_sts_policy(domain)) == domain


@given(BATCHES, BAGS, NAMES)
def test_what_comes_late_sorts_behind_all_attempts(batch: str, bag: int, name: str) -> None:
    late = keys.late_outcome(batch, bag, name)
    assert late > keys.outcome_part(batch, bag, keys.MOST_ATTEMPTS - 1, 9999)
    assert keys.bag_of_outcomes(late) == bag


@given(SECONDS, BATCHES, BAGS, ATTEMPTS)
def test_waiting(due: int, batch: str, bag: int, attempt: int) -> None:
    for work in (
        keys.submitted(batch),
        keys.validated(batch, bag),
        keys.dispatched(batch, bag, attempt),
    ):
        assert keys.parse_waiting(keys.waiting(due, work)) == (due, work)
        assert keys.when_due(keys.waiting(due, work)) == keys.when_due(work) == work


def test_a_waiting_key_that_is_not_ours_stands_for_itself() -> None:
    for key in ("waiting/a", "waiting/20261121T093015Z/validate", "waiting/a/nobody/b", "failed/a"):
        assert keys.when_due(key) == key


@given(st.floats(1, 4e9))
def test_waiting_work_is_never_due_early_nor_a_second_late(due: float) -> None:
    parsed, _ = keys.parse_waiting(keys.waiting(due, keys.submitted(B)))
    assert 0 <= parsed - due < 1


@given(SECONDS, SECONDS)
def test_waiting_work_sorts_by_when_it_is_due(first: int, second: int) -> None:
    work = keys.submitted(B)
    assert (keys.waiting(first, work) < keys.waiting(second, work)) == (first < second)


@given(DOMAINS, st.text(string.hexdigits, min_size=1), st.text(string.hexdigits, min_size=1))
def test_suppression(domain: str, digest: str, mark: str) -> None:
    key = keys.suppression(domain, digest, mark)
    assert keys.parse_suppression(key) == digest
    assert key.startswith(keys.suppressions_of_address(domain, digest))
    assert key.startswith(keys.suppressions(domain))
    assert keys.suppression_index(domain).startswith(keys.suppressions(domain))


@given(DOMAINS, st.text(string.digits, min_size=10, max_size=10), st.integers(0, 999_999))
def test_suppressed(domain: str, segment: str, block: int) -> None:
    first = keys.suppressed_digests(domain, segment)
    second = keys.suppressed_block(domain, segment, block)
    assert keys.parse_suppressed(first) == keys.parse_suppressed(second) == segment
    assert first.startswith(keys.suppressed(domain))
    assert second.startswith(keys.suppressed(domain))


@given(DOMAINS, BATCHES, BAGS, ATTEMPTS)
def test_notifying(domain: str, batch: str, bag: int, turn: int) -> None:
    name = keys.notifying_name(keys.outcomes_of_attempt(batch, bag, 1))
    key = keys.notifying(domain, "wh_0", f"{name}+1.5", turn)
    assert keys.parse_notifying(key) == (f"{batch}.{bag:04d}.001+1.5", turn)
    assert key.startswith(keys.notifying_of(domain, "wh_0"))
    assert keys.parse_waiting(keys.waiting(5, key)) == (5, key)
    assert keys.batch_of_outcomes(keys.outcomes_of_attempt(batch, bag, 1)) == batch


@given(DOMAINS, BATCHES)
def test_what_is_told_of_names_the_call(domain: str, inbound_id: str) -> None:
    received, event = keys.received(domain, inbound_id), keys.event(domain, 0, inbound_id)
    assert keys.parse_received(received) == keys.notifying_name(received) == inbound_id
    assert keys.notifying_name(event) == f"1970-01-01.{inbound_id}"
    assert (keys.kind_of(received), keys.kind_of(event)) == ("received", "events")


@given(DOMAINS, st.text(min_size=1, max_size=20), BATCHES)
def test_tagged(domain: str, tag: str, batch: str) -> None:
    key = keys.tagged(domain, tag, batch)
    assert keys.parse_tagged(key) == (tag, batch)
    assert key.startswith(keys.tag(domain, tag))
    assert key.count("/") == 4, "a tag is one part of a key, whatever it is"


@given(DOMAINS, NAMES, st.integers(1, 999_999), st.integers(1, 999_999))
def test_templates_and_their_versions(domain: str, name: str, first: int, second: int) -> None:
    assert keys.parse_template(keys.template(domain, name)) == name
    assert keys.template(domain, name).startswith(keys.templates(domain))
    one, other = (keys.template_version(domain, name, number) for number in (first, second))
    assert keys.parse_template_version(one) == first
    assert one.startswith(keys.template_versions(domain, name))
    assert (one < other) == (first < second)


@given(DOMAINS, st.text(string.hexdigits, min_size=1))
def test_api_key(domain: str, key_id: str) -> None:
    assert keys.parse_api_key(keys.api_key(domain, key_id)) == key_id
    assert keys.api_key(domain, key_id).startswith(keys.api_keys(domain))


@given(SECONDS, BATCHES)
def test_audit(at: int, name: str) -> None:
    assert keys.parse_audit(keys.audit(at, name)) == name
    assert keys.audit(at, name).startswith(keys.audit_of_day(keys.day(at)))


@given(DOMAINS, SECONDS, st.sampled_from(["counts", "to"]))
def test_statistics(domain: str, at: int, part: str) -> None:
    key = keys.stats_of_day(domain, keys.day(at), part)
    assert keys.parse_stats(key) == (keys.day(at), part)
    assert key.startswith(keys.stats_of(domain))
    assert keys.before_stats(domain, keys.day(at)) < key


@given(DOMAINS, SECONDS, BATCHES)
def test_an_event_names_its_day(domain: str, at: int, name: str) -> None:
    key = keys.event(domain, at, name)
    assert keys.parse_event(key) == (keys.day(at), name)
    assert keys.event_of_day(domain, keys.day(at), name) == key
    assert keys.before_event(domain, keys.day(at), name) < key


@given(BATCHES, BAGS, ATTEMPTS, PARTS)
def test_what_belongs_to_a_batch(batch: str, bag: int, attempt: int, part: int) -> None:
    for key in (keys.content(batch), keys.outcome_part(batch, bag, attempt, part)):
        named, rest = keys.parse_of_batch(key)
        assert (named, keys.batch_prefix(batch) + rest) == (batch, key)
        assert keys.before_batch(batch) < key
    assert keys.progress(batch).startswith(keys.batch_prefix(batch))


@given(BATCHES, BAGS, ATTEMPTS)
def test_work_names_its_batch(batch: str, bag: int, attempt: int) -> None:
    for work in (
        keys.submitted(batch),
        keys.validated(batch, bag),
        keys.dispatched(batch, bag, attempt),
    ):
        assert keys.batch_of_work(work) == batch
    assert keys.batch_of_work(keys.inbound(batch)) == ""


def test_a_wish_names_its_domain() -> None:
    key = keys.retention_wish("mail.example.org")
    assert keys.parse_retention_wish(key) == "mail.example.org"
    assert key.startswith(keys.retention_wishes())


def test_every_parser_is_tested_here() -> None:
    parsers = {name for name, _ in inspect.getmembers(keys, inspect.isfunction)}
    here = inspect.getsource(inspect.getmodule(test_every_parser_is_tested_here))  # type: ignore[arg-type]
    untested = [
        name for name in parsers if name.startswith("parse_") and f"keys.{name}(" not in here
    ]
    assert not untested, f"add a round trip for {untested}"


@pytest.mark.parametrize(
    ("key", "stage"),
    [
        ("inbox/example.org/a.json", "submit"),
        (keys.submitted(B), "validate"),
        (keys.validated(B, 0), "dispatch"),
        (keys.dispatched(B, 0, 0), "send"),
        (keys.notifying("example.org", "wh_0", "n", 0), "notify"),
        (keys.content(B), None),
        (keys.waiting(0, keys.submitted(B)), None),
        (keys.failed("send", keys.dispatched(B, 0, 0)), None),
        (keys.lease(B, 0, 0), None),
        ("", None),
        ("submitted", None),
        ("no-such/prefix", None),
    ],
)
def test_the_prefix_names_the_stage_whose_work_it_is(key: str, stage: str | None) -> None:
    assert keys.stage_of(key) == stage


def test_a_failed_key_names_the_work_that_failed() -> None:
    work = keys.dispatched(B, 3, 2)
    assert keys.failed("send", work) == f"failed/send/{work}.json"
    assert keys.parse_failed(keys.failed("send", work)) == "send"


@given(DOMAINS, NAMES, st.integers(0, 10**12), st.binary())
def test_an_upload_that_is_put_back(domain: str, name: str, put_ms: int, body: bytes) -> None:
    key = keys.inbox(domain, name)
    again = keys.put_back(key, put_ms, body)
    assert keys.parse_inbox(again) == keys.parse_inbox(key)
    assert keys.parse_put_back(again) == (put_ms, keys.mark_of(body))
    assert keys.parse_put_back(key) is None
    assert again.startswith(keys.inbox_of(domain)), "so it is found as open work of its Domain"
    assert (keys.is_overwritable(key), keys.is_overwritable(again)) == (True, False)


def test_an_upload_outside_of_any_folder_can_be_put_back() -> None:
    again = keys.put_back("inbox/one.json", 7, b"x")
    assert keys.parse_inbox(again) == keys.parse_inbox("inbox/one.json") == ("one.json", "")


@pytest.mark.parametrize("name", ["a" * 250, "a" * 251, "ü" * 127, "d/" * 400 + "x", "d" * 900])
def test_a_failed_key_is_never_too_long_for_a_store(name: str) -> None:
    key = keys.failed("submit", keys.put_back(keys.inbox("example.org", name), 10**12, b"x"))
    assert len(key.encode()) < 370
    assert all(len(part.encode()) <= 255 for part in key.split("/"))
    assert key != keys.failed("submit", keys.put_back(keys.inbox("example.org", name), 7, b"x"))


def test_no_key_is_the_prefix_of_its_sibling() -> None:
    """Some stores refuse a name that is the prefix of another, or list them in their own order."""
    siblings = [
        *(keys.validated(B, bag) for bag in (0, 1, 10, 100, 1000, 9999)),
        *(keys.dispatched(B, 1, attempt) for attempt in (0, 1, 10, 99)),
        *(
            keys.outcome_part(B, 1, attempt, part)
            for attempt in (0, 10)
            for part in (0, 1, 10, 100)
        ),
        *(keys.lease(B, bag, attempt) for bag in (1, 10) for attempt in (1, 10)),
        *(keys.content(B), keys.cancelled(B)),
    ]
    for one in siblings:
        assert not [other for other in siblings if other != one and other.startswith(one)]


@given(st.lists(st.tuples(BAGS, ATTEMPTS, PARTS), max_size=10))
def test_outcomes_sort_by_bag_attempt_and_part(places: list[tuple[int, int, int]]) -> None:
    by_key = sorted(places, key=lambda place: keys.outcome_part(B, *place))
    assert by_key == sorted(places)


def test_the_due_time_in_a_key_can_be_read_by_a_person() -> None:
    due = datetime(2026, 11, 21, 9, 30, 15, tzinfo=UTC).timestamp()
    assert keys.waiting(due, keys.submitted(B)) == f"waiting/20261121T093015Z/validate/{B}.json"


def test_the_map_in_the_docstring_names_every_prefix() -> None:
    prefixes = set(re.findall(r"^    ([a-z]+/)", str(keys.__doc__), re.MULTILINE))
    made = {
        value
        for name, value in vars(keys).items()
        if name.isupper() and isinstance(value, str) and "/" in value
    }
    assert {value.partition("/")[0] + "/" for value in made} <= prefixes
