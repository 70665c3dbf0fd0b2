"""Fresh entries become part of a segment; nobody who asks sees a difference."""

import asyncio

import pytest
from suppressed import DOMAIN, NOW, Suppressed, addresses

from shared import keys
from shared.errors import Malformed
from shared.store.wrap import CountingStore
from shared.suppressions.compact import FACTOR, compact, compact_all, first_to_merge
from shared.suppressions.index import BUILDING_S, COMPACTING_S, Index, Segment, begin, change, load
from shared.suppressions.segments import BLOCK


def test_what_is_folded_is_known_as_before() -> None:
    here = Suppressed()
    here.add_all(addresses(20))
    folded = here.fold()
    assert (folded.folded, folded.segments, here.fresh()) == (20, [20], [])
    assert here.knows(*addresses(20))
    assert not here.knows("stranger@sink.example")
    assert here.emails() == set(addresses(20))


def test_few_stay_objects_of_their_own() -> None:
    here = Suppressed()
    here.add_all(addresses(20))
    here.compact(most_fresh=20)
    assert len(here.stored()) == 20


def test_a_new_index_is_left_alone_for_a_minute() -> None:
    here = Suppressed()
    here.add_all(addresses(3))
    for _ in range(2):
        waits = here.do(compact(here.store, DOMAIN, here.clock, 0))
        assert (waits.waits, waits.folded, len(here.fresh())) == (True, 0, 3)
    assert here.compact().folded == 3


def test_folding_again_changes_nothing() -> None:
    here = Suppressed()
    here.add_all(addresses(20))
    here.fold()
    before = {key: here.do(here.store.get(key)) for key in here.stored()}
    assert here.compact().folded == 0
    assert {key: here.do(here.store.get(key)) for key in here.stored()} == before


def test_the_first_reason_stays() -> None:
    here = Suppressed()
    here.add("ann@sink.example", "complaint", NOW + 5)
    here.add("Ann@Sink.example", "hard_bounce", NOW, "b.0000.0000")
    assert [each.reason for each in here.entries()] == ["hard_bounce"]
    here.fold()
    here.add("ann@sink.example", "manual", NOW - 5)
    for _ in range(2):
        found = here.find("ann@sink.example")
        assert found is not None
        assert (found.reason, found.delivery) == ("hard_bounce", "b.0000.0000")
        assert here.entries() == [found]
        here.compact()


def test_several_blocks_keep_every_line_in_its_place() -> None:
    here = Suppressed()
    emails = addresses(BLOCK * 2 + 10)
    here.import_csv("\n".join(emails))
    assert here.emails() == set(emails)
    blocks = [key for key in here.stored(keys.suppressed(DOMAIN)) if key.endswith(".jsonl")]
    assert len(blocks) == 3
    for email in emails[:: BLOCK // 3]:
        found = here.find(email)
        assert found is not None
        assert found.email == email


def test_segments_are_merged_before_there_are_many() -> None:
    here = Suppressed()
    for first in range(0, 400, 10):
        here.add_all(addresses(10, first))
        here.compact()
    here.compact()
    index, _ = here.do(load(here.store, DOMAIN))
    sizes = [each.count for each in index.segments]
    assert sum(sizes) == 400
    assert all(size > FACTOR * sum(sizes[place + 1 :]) for place, size in enumerate(sizes))
    assert here.segments() == {each.name for each in index.segments}
    assert here.emails() == set(addresses(400))


@pytest.mark.parametrize(
    ("counts", "fresh", "first"),
    [
        ([], 0, None),
        ([], 500, None),
        ([500], 0, None),
        ([500], 500, 0),
        ([1_000_000], 500, None),
        ([1_000_000, 2000], 500, 1),
        ([500, 1_000_000], 0, 0),
        ([100_000] * 10, 0, 0),
        ([1_000_000, 200_000], 500, None),
        ([1_000_000, 250_000], 0, 0),
    ],
)
def test_what_is_merged(counts: list[int], fresh: int, first: int | None) -> None:
    segments = [Segment(str(place), count) for place, count in enumerate(counts)]
    assert first_to_merge(segments, fresh) == first


def test_a_segment_with_many_holes_is_written_anew() -> None:
    assert first_to_merge([Segment("a", 9000, list(range(1001)))], 0) == 0


def test_many_fresh_ones_are_folded_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.suppressions.compact.MOST_AT_ONCE", 30)
    here = Suppressed()
    here.add_all(addresses(100))
    assert here.fold().folded == 100
    assert here.fresh() == []
    assert here.emails() == set(addresses(100))


def test_one_compaction_at_a_time_until_it_counts_as_dead() -> None:
    here = Suppressed()
    here.add_all(addresses(3))
    here.compact()
    here.do(begin(here.store, DOMAIN, here.now + 3600, compacts=True))
    assert here.compact().waits
    here.now += COMPACTING_S - 3600
    assert here.compact().folded == 3


def test_what_was_begun_and_never_finished_is_cleared_away() -> None:
    here = Suppressed()
    here.add_all(addresses(3))
    here.fold()
    dead = here.do(begin(here.store, DOMAIN, here.now))
    assert dead is not None
    here.do(here.store.put(keys.suppressed_block(DOMAIN, dead.name, 0), b"{}\n"))
    here.compact()
    assert len(here.segments()) == 2, "it may still be alive"
    here.now += BUILDING_S
    here.compact()
    assert len(here.segments()) == 1
    assert here.knows(*addresses(3))


def test_an_object_that_says_nothing_suppresses_by_its_key() -> None:
    here = Suppressed()
    junk = keys.suppression(DOMAIN, "ab" * 20, "00000000")
    old = f"{keys.suppressions(DOMAIN)}{'cd' * 20}.json"
    for key in (junk, old):
        here.do(here.store.put(key, b"\xff no json"))
    here.fold()
    assert here.fresh() == []
    assert [each.digest for each in here.entries()] == ["ab" * 20, "cd" * 20]
    known = here.do(here.asked().of(DOMAIN))
    assert "ab" * 20 in known
    assert "cd" * 20 in known


def test_an_object_from_before_there_were_segments_is_folded() -> None:
    here = Suppressed()
    here.add("ann@sink.example")
    (key,) = here.fresh()
    body = here.do(here.store.get(key)).body
    digest = keys.parse_suppression(key)
    here.do(here.store.delete(key))
    here.do(here.store.put(f"{keys.suppressions(DOMAIN)}{digest}.json", body))
    assert here.knows("ann@sink.example")
    here.fold()
    assert here.knows("ann@sink.example")
    assert here.remove("ann@sink.example")
    assert not here.knows("ann@sink.example")


@pytest.mark.parametrize("broken", [b"", b"[]", b'{"created_at": "x"}', b"\xff"])
def test_an_index_that_cannot_be_read_is_said_and_not_guessed(broken: bytes) -> None:
    here = Suppressed()
    here.add("ann@sink.example")
    here.do(here.store.put(keys.suppression_index(DOMAIN), broken))
    with pytest.raises(Malformed, match=r"index\.json"):
        here.knows("ann@sink.example")
    with pytest.raises(Malformed, match=r"index\.json"):
        here.compact()


def test_a_segment_that_is_cut_off_is_said() -> None:
    here = Suppressed()
    here.add_all(addresses(3))
    here.fold()
    (segment,) = here.segments()
    block = keys.suppressed_block(DOMAIN, segment, 0)
    body = here.do(here.store.get(block)).body
    for cut in (body[:-3], body.split(b"\n")[0] + b"\n"):
        here.do(here.store.put(block, cut))
        with pytest.raises(Malformed):
            here.entries()
    here.do(here.store.put(keys.suppressed_digests(DOMAIN, segment), b"12345"))
    with pytest.raises(Malformed, match="cut off"):
        here.knows("ann@sink.example")


def test_one_domains_broken_index_keeps_no_other_from_being_compacted() -> None:
    here = Suppressed()
    for domain in ("a.example", DOMAIN):
        here.do(here.store.put(keys.domain_record(domain), b"{}"))
    here.do(here.store.put(keys.suppression_index("a.example"), b"broken"))
    here.add_all(addresses(501))
    here.do(compact_all(here.store, here.clock))
    here.now += 3600
    assert here.do(compact_all(here.store, here.clock)) == 501
    assert here.knows(*addresses(501))


def test_a_lost_race_for_the_index_is_run_again() -> None:
    here = Suppressed()

    async def race() -> list[Index | None]:
        def count(index: Index) -> Index:
            return Index(created_at=index.created_at, edits=index.edits + 1)

        await change(here.store, DOMAIN, count, created_at=NOW)
        return await asyncio.gather(*(change(here.store, DOMAIN, count) for _ in range(9)))

    here.do(race())
    assert here.do(load(here.store, DOMAIN))[0].edits == 10


def test_a_short_list_costs_one_request_and_is_remembered() -> None:
    here = Suppressed()
    here.add_all(addresses(100))
    store = CountingStore(here.store)
    here.store = store
    asked = here.asked()
    for _ in range(3):
        here.do(asked.of(DOMAIN))
    assert dict(store.counts) == {"list_page": 1}


def test_a_long_one_costs_two_and_one_for_each_new_segment() -> None:
    here = Suppressed()
    here.import_csv("\n".join(addresses(5000)))
    store = CountingStore(here.store)
    here.store = store
    asked = here.asked()
    here.do(asked.of(DOMAIN))
    assert dict(store.counts) == {"list_page": 1, "get": 2}
    here.now += 60
    here.do(asked.of(DOMAIN))
    assert dict(store.counts) == {"list_page": 2, "get": 3}, "the segment is remembered"
