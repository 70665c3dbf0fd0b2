"""Reading and writing a `dispatched/` object."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from send_parts import envelope, header

from functions.send import bagfile
from shared.codec import COMPRESS_ABOVE_BYTES
from shared.errors import Malformed
from shared.model import Envelope, message_bytes


def later(**given: Any) -> bagfile.AttemptHeader:
    return bagfile.AttemptHeader(**structs.asdict(header()) | given)


LATIN = st.binary(max_size=50).map(lambda data: data.decode("latin-1"))
ENVELOPES = st.builds(
    Envelope,
    n=st.integers(0, 9999),
    recipient=st.text(max_size=20),
    return_path=st.text(max_size=20),
    message=st.lists(st.one_of(LATIN, st.integers(0, 2)), max_size=5),
    rejected=st.sampled_from(["", "suppressed"]),
    detail=st.text(max_size=20),
    answered=st.text(max_size=20),
)


@given(st.lists(ENVELOPES, max_size=5), st.lists(LATIN, min_size=3, max_size=3))
def test_what_was_written_is_read(envelopes: list[Envelope], shared: list[str]) -> None:
    written = later(attempt=2, shared=shared, parts_before=3)
    read, again = bagfile.decode(bagfile.encode_bag(written, envelopes))
    assert (read, again) == (written, envelopes)
    assert bagfile.encode_bag(read, again) == bagfile.encode_bag(written, envelopes)


@given(st.lists(st.one_of(LATIN, st.integers(0, 1)), max_size=6), LATIN, LATIN)
def test_a_message_is_its_stretches_one_after_the_other(
    pieces: list[str | int], first: str, second: str
) -> None:
    shared = [first, second]
    whole = "".join(shared[piece] if isinstance(piece, int) else piece for piece in pieces)
    assert message_bytes(envelope(message=pieces), shared) == whole.encode("latin-1")


def test_a_large_bag_is_compressed_and_a_small_one_can_be_read_by_a_person() -> None:
    envelopes = [envelope(n, message=["x" * 1000]) for n in range(500)]
    large = bagfile.encode_bag(header(), envelopes)
    assert len(large) < COMPRESS_ABOVE_BYTES
    assert bagfile.decode(large) == (later(), envelopes)
    small = bagfile.encode_bag(header(), envelopes[:1])
    assert (small[:10], small.count(b"\n")) == (b'{"batch":"', 2)


def test_fields_of_a_later_version_are_passed_over() -> None:
    body = bagfile.encode_bag(header(), [envelope(4)]).replace(b'{"', b'{"new":[{}],"')
    assert bagfile.decode(body) == (later(), [envelope(4)])


GOOD = bagfile.encode_bag(header(), [envelope(0), envelope(1)])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\n", b"{}", b"[]", b"null", b"\xff\xfe", b"\x28\xb5\x2f\xfd",
        b"\x28\xb5\x2f\xfd" + GOOD,
        GOOD[:-10], GOOD + b"{", GOOD + b"[]\n", GOOD.replace(b'"n":1', b'"n":"1"'), GOOD[1:],
        GOOD.replace(b"r1@sink", b"\xe9@sink"), GOOD.replace(b'"bag":7', b'"bag":null'),
    ],
)  # fmt: skip
def test_what_is_no_bag_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        bagfile.decode(body)


def test_a_bag_cut_short_in_its_compressed_form_is_malformed() -> None:
    packed = bagfile.encode_bag(header(), [envelope(n, message=["x" * 1000]) for n in range(500)])
    for size in (5, len(packed) // 2, len(packed) - 1):
        with pytest.raises(Malformed):
            bagfile.decode(packed[:size])


def test_a_header_alone_is_a_bag_without_envelopes() -> None:
    assert bagfile.decode(bagfile.encode_bag(header(), [])) == (later(), [])
