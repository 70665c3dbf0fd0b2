"""The check itself: what a set of all digests would answer, in 8 bytes an address."""

import os
from random import Random
from secrets import randbits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Malformed
from shared.suppressions import digest, is_suppressed
from shared.suppressions.entry import Suppression, decode, encode, nameless, prefix
from shared.suppressions.known import Known, Part, pack_prefixes, unpack_prefixes

PREFIXES = st.integers(0, 2**64 - 1)


@given(st.sets(PREFIXES))
def test_what_is_packed_comes_back(prefixes: set[int]) -> None:
    packed = pack_prefixes(sorted(prefixes))
    assert len(packed) == 8 * len(prefixes)
    assert list(unpack_prefixes(packed)) == sorted(prefixes)


@pytest.mark.parametrize("size_bytes", [1, 7, 9, 4095])
def test_digests_that_are_cut_off_are_refused(size_bytes: int) -> None:
    with pytest.raises(Malformed):
        unpack_prefixes(bytes(size_bytes))


@given(st.sets(PREFIXES), st.sets(PREFIXES), st.data())
def test_it_answers_like_a_set(first: set[int], second: set[int], data: st.DataObject) -> None:
    parts = []
    left: set[int] = set()
    for prefixes in (first, second):
        ordered = sorted(prefixes)
        gone = data.draw(st.sets(st.sampled_from(range(len(ordered))))) if ordered else set()
        left |= {each for place, each in enumerate(ordered) if place not in gone}
        parts.append(Part(unpack_prefixes(pack_prefixes(ordered)), frozenset(gone)))
    known = Known(parts=tuple(parts))
    for each in first | second | {each ^ 1 for each in first} | {0, 2**64 - 1}:
        assert (f"{each:016x}" + "0" * 24 in known) == (each in left)


def test_of_many_addresses_none_is_overlooked_and_no_other_is_among_them() -> None:
    seed = int(os.environ.get("EKIDEN_TEST_SEED", 0)) or randbits(32)
    print(f"EKIDEN_TEST_SEED={seed}")
    chance = Random(seed)
    there = [f"{chance.getrandbits(64):x}@sink.example" for _ in range(20_000)]
    digests = sorted(prefix(digest(each)) for each in there[:15_000])
    part = Part(unpack_prefixes(pack_prefixes(digests)), frozenset())
    known = Known(frozenset(map(digest, there[15_000:])), (part,))
    assert all(is_suppressed(each.upper(), known) for each in there)
    assert not any(is_suppressed(f"x{each}", known) for each in there)


def test_where_nobody_is_suppressed_nothing_is_reckoned() -> None:
    assert not Known()
    assert not is_suppressed("ann@sink.example", Known())
    assert not is_suppressed("ann@sink.example", frozenset())


@pytest.mark.parametrize("other", [None, 5, b"x", ("a",)])
def test_what_is_no_digest_is_not_among_them(other: object) -> None:
    known = Known(parts=(Part(unpack_prefixes(pack_prefixes([1])), frozenset()),))
    assert other not in known


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"{}", b"[]", b"null", b"\xff", b'{"email": "", "reason": "manual", "at": 1}'),
        *(b'{"email": "a@b.example"}', b'{"email": 5, "reason": "x", "at": 1}'),
        b'{"email": "", "reason": "manual", "at": 1, "digest": "../../x"}',
    ],
)
def test_a_line_that_is_no_suppression_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        decode(line)


def test_an_entry_without_its_address_says_only_when_and_why() -> None:
    whole = Suppression(
        email="Ann@sink.example", reason="complaint", at=5.0, delivery="b.0000.0001"
    )
    left = nameless(whole)
    assert left == Suppression(
        email="", reason="complaint", at=5.0, digest=digest("ann@sink.example")
    )
    assert decode(encode(left)) == left
    assert nameless(left) == left


def test_two_spellings_of_one_mailbox_are_one() -> None:
    assert digest("Ann@Sink.Example") == digest("ann@sink.example")
    assert digest("ann@sink.example") != digest("ann@sink.example.org")
