"""How large objects are compressed."""

import random
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.codec import COMPRESS_ABOVE_BYTES, pack, unpack
from shared.errors import Malformed

MAGIC = b"\x28\xb5\x2f\xfd"


@given(st.lists(st.binary(max_size=40_000), max_size=6))
def test_what_was_packed_is_unpacked(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    if not whole.startswith(MAGIC):
        assert unpack(pack(chunks)) == whole


@pytest.mark.parametrize("size", [0, 1, COMPRESS_ABOVE_BYTES - 1, COMPRESS_ABOVE_BYTES])
def test_a_small_object_stays_as_it_is(size: int) -> None:
    assert pack([b"{"] * size) == b"{" * size


@pytest.mark.parametrize("size", [COMPRESS_ABOVE_BYTES + 1, 5_000_000])
def test_a_large_object_becomes_a_zstd_frame(size: int) -> None:
    packed = pack([b"{" * size])
    assert packed.startswith(MAGIC)
    assert len(packed) < size / 50
    assert unpack(packed) == b"{" * size


def test_how_it_was_cut_into_chunks_does_not_change_what_is_read() -> None:
    data = random.Random(1).randbytes(200_000)
    for step in (1000, 65_536, 199_999, 200_000):
        chunks = (data[start : start + step] for start in range(0, len(data), step))
        assert unpack(pack(chunks)) == data


def test_the_same_chunks_give_the_same_bytes() -> None:
    data = [random.Random(n).randbytes(1000) for n in range(200)]
    assert pack(data) == pack(iter(data))


def test_chunks_are_taken_one_at_a_time() -> None:
    made: list[int] = []

    def chunks() -> Iterator[bytes]:
        for n in range(100):
            made.append(n)
            yield b"x" * 10_000

    assert unpack(pack(chunks())) == b"x" * 1_000_000
    assert made == list(range(100))


@pytest.mark.parametrize("kept", [4, 5, 100, 0.5, -1])
def test_a_frame_that_is_cut_off_is_malformed(kept: float) -> None:
    packed = pack([random.Random(1).randbytes(100_000)])
    end = int(len(packed) * kept) if isinstance(kept, float) else int(kept)
    with pytest.raises(Malformed):
        unpack(packed[:end])


def test_a_frame_that_was_changed_is_malformed() -> None:
    packed = bytearray(pack([b"abc" * 100_000]))
    packed[6:12] = b"\xff" * 6
    with pytest.raises(Malformed):
        unpack(bytes(packed))
