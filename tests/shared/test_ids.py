"""Ids: fixed width, in order of time, and they say where a thing lives."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import (
    batch_id,
    delivery_id,
    digest,
    is_batch_id,
    parse_delivery,
    return_path,
    unit_interval,
)

TIMES = st.floats(0, 1e11)
ENTROPY = st.binary(min_size=10, max_size=10)
B = batch_id(1_700_000_000.0, bytes(10))


@given(TIMES, ENTROPY)
def test_a_batch_id_has_26_lower_case_characters(at: float, entropy: bytes) -> None:
    made = batch_id(at, entropy)
    assert len(made) == 26
    assert is_batch_id(made)
    assert made == made.lower()


@given(st.integers(0, 10**11), st.integers(0, 10**11), ENTROPY, ENTROPY)
def test_batch_ids_sort_by_time(first: int, second: int, one: bytes, other: bytes) -> None:
    if first != second:
        assert (batch_id(first, one) < batch_id(second, other)) == (first < second)


@given(ENTROPY, ENTROPY)
def test_batches_of_the_same_moment_differ_by_their_entropy(one: bytes, other: bytes) -> None:
    assert (batch_id(1.0, one) == batch_id(1.0, other)) == (one == other)


@pytest.mark.parametrize(
    "text", ["", "x", B.upper(), B + "0", B[:-1], "8" + B[1:], B[:-1] + "l", B[:-1] + "/", B + "\n"]
)
def test_what_is_no_batch_id(text: str) -> None:
    assert not is_batch_id(text)


@given(TIMES, ENTROPY, st.integers(0, 9999), st.integers(0, 9999))
def test_a_delivery_id_says_where_the_delivery_is(at: float, e: bytes, bag: int, n: int) -> None:
    batch = batch_id(at, e)
    assert parse_delivery(delivery_id(batch, bag, n)) == (batch, bag, n)


@pytest.mark.parametrize(
    "text", ["", B, f"{B}.1.2", f"{B}.0001", f"{B}.0001.0002.0003", f"{B}.0001.0002\n", "../../x"]
)
def test_what_is_no_delivery_id(text: str) -> None:
    assert parse_delivery(text) is None


@given(st.lists(st.text(max_size=5), max_size=4), st.lists(st.text(max_size=5), max_size=4))
def test_the_parts_of_a_digest_do_not_run_together(one: list[str], other: list[str]) -> None:
    assert (digest(*one) == digest(*other)) == (one == other)


def test_a_digest_takes_text_as_utf_8() -> None:
    assert digest("駅", b"x") == digest("駅".encode(), "x")


def test_a_return_path_fits_in_every_server_and_survives_a_change_of_case() -> None:
    address = return_path(delivery_id(B, 9999, 9999), "bounce.example.org", b"secret")
    local, _, host = address.partition("@")
    assert host == "bounce.example.org"
    assert len(local) <= 64  # RFC 5321 §4.5.3.1.1
    assert re.fullmatch(r"b-[0-9a-z.]+-[a-z2-7]{16}", local)


@given(st.binary(min_size=1, max_size=40), st.binary(min_size=1, max_size=40))
def test_only_who_has_the_secret_can_make_a_return_path(one: bytes, other: bytes) -> None:
    paths = [return_path(delivery_id(B, 1, 2), "h.example", secret) for secret in (one, other)]
    padded = [secret.ljust(64, b"\0") for secret in (one, other)]  # RFC 2104: keys are padded
    assert (paths[0] == paths[1]) == (padded[0] == padded[1])


def test_the_return_path_of_another_delivery_has_another_proof() -> None:
    proofs = {return_path(delivery_id(B, 1, n), "h", b"s").rpartition("-")[2] for n in range(100)}
    assert len(proofs) == 100


@given(st.text(max_size=20))
def test_a_unit_interval_is_one_and_always_the_same(name: str) -> None:
    assert 0 <= unit_interval(name) < 1
    assert unit_interval(name) == unit_interval(name)


def test_unit_intervals_are_spread_evenly() -> None:
    tenths = [int(10 * unit_interval(str(n))) for n in range(10_000)]
    assert all(900 < tenths.count(tenth) < 1100 for tenth in range(10))
