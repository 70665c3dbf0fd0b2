"""What a line is, and where a message ends, however the bytes are cut into packets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.smtp_server.intake import BadLine, Bounds, Intake, Refused

BOUNDS = Bounds(message_bytes=1000, line_bytes=100)


def message_of(*packets: bytes) -> tuple[bytes | None, bytes]:
    """(the message, what is left behind it) of bytes that came behind 354."""
    intake = Intake()
    found = None
    for packet in packets:
        intake.feed(packet)
        if found is None:
            found = intake.message(BOUNDS)
    return found, bytes(intake._buffer)


def trickle(intake: Intake, sent: bytes) -> None:
    """Feed a message that must not be kept, a little at a time."""
    for start in range(0, len(sent), 64):
        intake.feed(sent[start : start + 64])
        assert intake.message(BOUNDS) is None
        assert len(intake) <= 1700


def test_a_line_ends_in_crlf() -> None:
    intake = Intake()
    intake.feed(b"NOOP\r")
    assert intake.line(100) is None
    intake.feed(b"\nQUIT\r\nREST")
    assert [intake.line(100), intake.line(100), intake.line(100)] == [b"NOOP", b"QUIT", None]


@pytest.mark.parametrize("line", [b"NOOP\n", b"NO\rOP\r\n", b"NOOP\r\r\n", b"\n", b"a\nb\r\n"])
def test_a_line_with_a_bare_cr_or_lf_is_none(line: bytes) -> None:
    intake = Intake()
    intake.feed(line)
    with pytest.raises(BadLine, match="bare CR or LF"):
        intake.line(100)


@pytest.mark.parametrize("line", [b"x" * 200, b"x" * 101 + b"\r\n", b"x" * 103])
def test_a_line_without_an_end_is_given_up(line: bytes) -> None:
    intake = Intake()
    intake.feed(line)
    with pytest.raises(BadLine, match="too long"):
        intake.line(100)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b".\r\n", b""),
        (b"\r\n.\r\n", b"\r\n"),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"..a\r\n...\r\n.b\r\n.\r\n", b".a\r\n..\r\nb\r\n"),
    ],
)
def test_a_message_ends_at_its_dot_and_loses_transparent_ones(sent: bytes, message: bytes) -> None:
    assert message_of(sent + b"QUIT\r\n") == (message, b"QUIT\r\n")


@pytest.mark.parametrize(
    "false_end",
    [
        b"\n.\n",
        b"\r.\r",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\n\n.\r\n",
        b"\r\n\x00.\r\n",
    ],
)
def test_a_false_end_ends_nothing(false_end: bytes) -> None:
    found, _ = message_of(b"a" + false_end + b"MAIL FROM:<evil@example.com>\r\n")
    assert found is None
    if b"\x00" not in false_end:
        with pytest.raises(Refused, match=r"554 5\.6\.0 bare CR or LF"):
            message_of(b"a" + false_end + b"MAIL\r\n.\r\n")


@pytest.mark.parametrize(
    ("sent", "reply"),
    [
        (b"x" * 101 + b"\r\n.\r\n", "554 5.6.0 a line"),
        ((b"x" * 98 + b"\r\n") * 11 + b".\r\n", "552 5.3.4"),
        ((b"x" * 98 + b"\r\n") * 50 + b".\r\n", "552 5.3.4"),
    ],
)
def test_what_is_too_much_is_refused_at_its_end(sent: bytes, reply: str) -> None:
    intake = Intake()
    with pytest.raises(Refused, match=reply):
        trickle(intake, sent)
    intake.feed(b"NOOP\r\n")
    assert intake.line(100) == b"NOOP"


def test_a_message_without_an_end_is_given_up() -> None:
    intake = Intake()
    with pytest.raises(BadLine, match=r"552 5\.3\.4"):
        trickle(intake, b"x" * 640_000)


def test_dots_in_front_do_not_count_against_the_size() -> None:
    found, _ = message_of(b"..\r\n" * 333 + b".\r\n")
    assert found == b".\r\n" * 333


@given(
    st.lists(st.sampled_from([b".", b"\r\n", b"a", b"..", b"\r", b"\n"]), max_size=30), st.data()
)
def test_the_packets_do_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    sent = b"".join(parts) + b"\r\n.\r\nQUIT\r\n"
    cut = data.draw(st.lists(st.integers(0, len(sent)), max_size=6).map(sorted))
    packets = [sent[a:b] for a, b in zip([0, *cut], [*cut, len(sent)], strict=True)]

    def outcome(*pieces: bytes) -> object:
        try:
            return message_of(*pieces)
        except Refused as refusal:
            return str(refusal)

    whole = outcome(sent)
    assert outcome(*packets) == whole
    if isinstance(whole, tuple):
        assert not whole[0] or whole[0].endswith(b"\r\n")
