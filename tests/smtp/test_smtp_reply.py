"""Replies are read however they arrive, and nothing a server says can hurt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.send.smtp.reply import (
    MAX_LINE_BYTES,
    MAX_REPLY_BYTES,
    ProtocolError,
    Reply,
    ReplyReader,
    enhanced,
    explained,
)

CONVERSATION = (
    b"220 mx.test ESMTP\r\n250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n"
    b"550-5.1.1 no such\r\n550 5.1.1 user\r\n354\r\n250 2.0.0 bare LF\n"
)
REPLIES = [
    Reply(220, ("mx.test ESMTP",)),
    Reply(250, ("mx.test", "PIPELINING", "SIZE 1000")),
    Reply(550, ("5.1.1 no such", "5.1.1 user")),
    Reply(354, ("",)),
    Reply(250, ("2.0.0 bare LF",)),
]


def read(*packets: bytes) -> list[Reply]:
    reader = ReplyReader()
    return [reply for packet in packets for reply in reader.feed(packet)]


@given(st.lists(st.integers(0, len(CONVERSATION)), max_size=20).map(sorted))
def test_replies_are_the_same_however_the_network_cuts_them(cuts: list[int]) -> None:
    ends = [*cuts, len(CONVERSATION)]
    assert read(*(CONVERSATION[a:b] for a, b in zip([0, *cuts], ends, strict=True))) == REPLIES


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_are_replies_or_a_protocol_error(packets: list[bytes]) -> None:
    try:
        replies = read(*packets)
    except ProtocolError:
        return
    assert all(200 <= reply.code <= 599 and reply.text.isprintable() for reply in replies)


@pytest.mark.parametrize(
    "line", [b"HTTP/1.1 400", b"25 ok", b"250ok", b"150 wait", b"650 no", b"", b"\xb2\xb550 ok"]
)
def test_what_is_no_reply_is_a_protocol_error(line: bytes) -> None:
    with pytest.raises(ProtocolError):
        read(line + b"\r\n")


def test_good_replies_before_nonsense_still_count() -> None:
    replies = ReplyReader().feed(b"250 queued\r\nnonsense\r\n")
    assert next(replies).code == 250
    with pytest.raises(ProtocolError):
        next(replies)


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_line_may_be_long_but_not_endless(end: bytes) -> None:
    assert len(read(b"250 " + b"x" * 4000 + b"\r\n")) == 1
    with pytest.raises(ProtocolError, match="bytes"):
        read(b"250 " + b"x" * MAX_LINE_BYTES + end)


def test_a_reply_may_have_many_lines_but_not_endlessly_many() -> None:
    line = b"250-" + b"x" * 1000 + b"\r\n"
    assert read(line * 60 + b"250 end\r\n")[0].code == 250
    with pytest.raises(ProtocolError, match="bytes"):
        read(line * (MAX_REPLY_BYTES // len(line) + 1))


def test_many_replies_of_one_connection_have_no_limit_together() -> None:
    reader = ReplyReader()
    lines = b"250-" + b"x" * 1000 + b"\r\n250 end\r\n"
    assert sum(1 for _ in range(100) for _ in reader.feed(lines)) == 100


def test_text_is_fit_for_logs_and_terminals() -> None:
    reply = read(b"550 \x1b[31mno\x00\t\xff\xe2\x80\xaesuch\rone\r\n")[0]
    assert reply.text == "[31mno �suchone"


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        (b"550 5.1.1 no such user", "5.1.1", "no such user"),
        (b"450 4.123.45 later", "4.123.45", "later"),
        (b"250 2.0.0", "2.0.0", ""),
        (b"550 no 5.1.1 here", "", "no 5.1.1 here"),
        (b"550 5.1 half", "", "5.1 half"),
        (b"550 3.0.0 no such class", "", "3.0.0 no such class"),
        (b"550 5.1.1.1 an address", "", "5.1.1.1 an address"),
        (b"550-5.7.1 over\r\n550-5.7.1 three\r\n550 5.7.1 lines", "5.7.1", "over three lines"),
    ],
)
def test_the_enhanced_code_is_told_apart_from_the_text(line: bytes, code: str, text: str) -> None:
    reply = read(line + b"\r\n")[0]
    assert (enhanced(reply), explained(reply)) == (code, (code, text))
