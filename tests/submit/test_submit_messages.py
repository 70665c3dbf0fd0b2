"""Ready-made messages: kept byte for byte, so refused if they could be read in two ways."""

import base64
from typing import Any

import pytest
from desk import DOMAIN, Desk

from functions.submit.request import Limits

MESSAGE = (
    b"From: News <news@example.org>\r\n"
    b"To: ann@sink.example\r\n"
    b"Subject: Hello\r\n"
    b"\r\n"
    b"Dear Ann,\r\n"
    b".this line begins with a dot\r\n"
)
TO = ["ann@sink.example"]


def post(desk: Desk, message: bytes, to: list[str] = TO, **more: Any) -> Any:
    encoded = base64.b64encode(message).decode()
    body = {"recipients": to, "message_base64": encoded, **more}
    return desk.call("POST", "/v1/messages", body)


def post_raw(desk: Desk, message: bytes, query: str = "to=ann@sink.example") -> Any:
    path = f"/v1/messages?{query}"
    return desk.call("POST", path, message, content_type="message/rfc822; charset=utf-8")


def kept(desk: Desk, answer: Any) -> bytes:
    assert answer.status == 202, answer.json
    return desk.submitted(answer.json["batch"]).content.message.encode("latin-1")


def refused(message: bytes, detail: str, kind: str = "invalid_message", status: int = 422) -> None:
    for send in (post, post_raw):
        desk = Desk()
        answer = send(desk, message)
        assert (answer.status, answer.problem) == (status, kind), answer.json
        assert detail in answer.json["detail"]
        assert desk.work() == []


def with_headers(*lines: bytes) -> bytes:
    return b"\r\n".join([b"From: news@example.org", *lines, b"", b"Hello\r\n"])


# What is kept.


def test_a_message_as_text_is_kept_byte_for_byte() -> None:
    desk = Desk()
    body = {"recipients": TO, "message": MESSAGE.decode()}
    assert kept(desk, desk.call("POST", "/v1/messages", body)) == MESSAGE


@pytest.mark.parametrize("send", [post, post_raw])
@pytest.mark.parametrize(
    "message",
    [
        MESSAGE,
        MESSAGE.removesuffix(b"\r\n"),
        with_headers(b"X-Bytes: \xff\xfe", b"Subject: \xc3\xa9") + bytes(range(128, 256)) + b"\r\n",
        with_headers(b"X-Empty:", b"X-Folded: a\r\n  b\r\n\tc", b"x-OdD  : y"),
        b"From: news@example.org\r\n\r\n",
    ],
    ids=["plain", "no line end at the end", "8-bit", "odd headers", "empty body"],
)
def test_any_sound_message_is_kept_byte_for_byte(message: bytes, send: Any) -> None:
    desk = Desk()
    assert kept(desk, send(desk, message)) == message


def test_the_recipients_of_a_raw_message_stand_in_the_query() -> None:
    desk = Desk()
    answer = post_raw(desk, MESSAGE, "to=ann@sink.example&to=b%2Bc@sink.example&to=nobody")
    assert (answer.json["accepted"], answer.json["rejected"]) == (2, 1)
    stored = desk.submitted(answer.json["batch"])
    assert [bytes(raw) for raw in stored.recipients] == [
        b'{"email":"ann@sink.example"}',
        b'{"email":"b+c@sink.example"}',
    ]


def test_wrong_recipients_are_refused_alone() -> None:
    desk = Desk()
    desk.suppress("gone@sink.example")
    to = ["ann@sink.example", "ANN@sink.example", "gone@sink.example", "a\r\nb@sink.example", ""]
    answer = post(desk, MESSAGE, to)
    assert answer.json["accepted"] == 1
    assert [each["reason"] for each in answer.json["rejected_recipients"]] == [
        "duplicate",
        "suppressed",
        "invalid_email",
        "invalid_email",
    ]


def test_a_message_may_be_scheduled_and_tagged() -> None:
    desk = Desk()
    more = {"scheduled_time": "2027-01-16T08:00:00Z", "tags": ["a"], "metadata": {"b": "c"}}
    content = desk.submitted(post(desk, MESSAGE, **more).json["batch"]).content
    assert (content.due_at - desk.now, content.tags) == (86400, ["a"])
    assert content.metadata == {"b": "c"}


# What is refused.


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (MESSAGE.replace(b"\r\n", b"\n"), "line 1 ends in a bare CR or LF"),
        (MESSAGE + b"smuggled\n.\r\n", "line 7 ends in a bare CR or LF"),
        (MESSAGE + b"smuggled\r.\r\n", "bare CR or LF"),
        (MESSAGE + b"\r", "bare CR or LF"),
        (MESSAGE + b"\n", "bare CR or LF"),
        (b"\n" + MESSAGE, "line 1 ends in a bare CR or LF"),
        (MESSAGE + b"\r\r\n", "bare CR or LF"),
        (MESSAGE + b"a\x00b", "NUL"),
        (b"Fr\x00om: x\r\n" + MESSAGE, "NUL"),
        (MESSAGE + b"x" * 999 + b"\r\n", "more than 998 bytes"),
        (with_headers(b"Subject: " + b"x" * 990), "more than 998 bytes"),
        (b"Hello", "no empty line"),
        (b"From: news@example.org\r\nSubject: cut off\r\n", "no empty line"),
        (b"\r\n\r\nHello\r\n", "header 1 is not 'Name: value'"),
        (b"Hello\r\n\r\nHello\r\n", "header 1 is not 'Name: value'"),
        (with_headers(b"no colon"), "header 2 is not 'Name: value'"),
        (with_headers(b": no name"), "header 2 is not 'Name: value'"),
        (with_headers(b"Sub ject: x"), "header 2 is not 'Name: value'"),
        (with_headers("Sübject: x".encode()), "header 2 is not 'Name: value'"),
        (b" folded\r\n" + MESSAGE, "header 1 is not 'Name: value'"),
        (with_headers(b"X: a\r\n \r\n b"), "blank line"),
        (with_headers(b"X: a\r\n\t"), "blank line"),
        (with_headers(*[b"X: y"] * 100_000), "100001 headers; at most 1000"),
    ],
)
def test_a_message_that_could_be_read_in_two_ways_is_refused(message: bytes, detail: str) -> None:
    refused(message, detail)


def test_lines_of_998_bytes_and_1000_headers_are_still_accepted() -> None:
    desk = Desk()
    message = with_headers(*[b"X: y"] * 999) + b"x" * 998 + b"\r\n"
    assert kept(desk, post(desk, message)) == message


@pytest.mark.parametrize(
    "headers",
    [
        b"Subject: no From",
        b"From: news@example.org\r\nFrom: news@example.org",
        b"From: news@example.org\r\nFROM : evil@foreign.example",
        b"From:",
        b"From: nobody",
        b"From: <>",
        b"From: news@example.org, other@example.org",
        b"From: evil@foreign.example <news@example.org>",
        b"From: news@example.org <evil@foreign.example>",
        b"From: <news@example.org> <evil@foreign.example>",
        b"From: <news@example.org> evil@foreign.example",
        b"From: news@example.org)evil@foreign.example",
        b"From: news@example.org evil@foreign.example",
        b"From: evil@foreign.example, news@example.org",
        b'From: "news@example.org" evil@foreign.example',
        b"From: group: news@example.org, evil@foreign.example;",
        b"From: " + b"(" * 900 + b" news@example.org",
        b"From: " + b"\r\n ".join([b"(" * 900] * 100) + b" news@example.org",
    ],
    ids=lambda headers: headers[:60].decode(),
)
def test_a_message_without_exactly_one_author_is_refused(headers: bytes) -> None:
    refused(headers + b"\r\n\r\nHello\r\n", "one From header with one address", "invalid_sender")


@pytest.mark.parametrize(
    "author",
    [
        b"evil@foreign.example",
        b"Evil <evil@foreign.example>",
        b'"news@example.org" <evil@foreign.example>',
        b"(news@example.org) evil@foreign.example",
        b"evil@foreign.example (news@example.org)",
        b"=?utf-8?q?news=40example.org?= <evil@foreign.example>",
        b"news@sub.example.org",
    ],
    ids=bytes.decode,
)
def test_a_message_from_another_domain_is_refused(author: bytes) -> None:
    message = b"From: " + author + b"\r\n\r\nHello\r\n"
    refused(message, "not for", "foreign_sender", 403)


@pytest.mark.parametrize(
    "author",
    [
        b"news@example.org",
        b"NEWS@EXAMPLE.ORG",
        b"News <news@example.org>",
        b'"Doe, John (at home)" <news@example.org>',
        b"John Q. Doe <news@example.org>",
        b"news@example.org (John Doe)",
        b"=?utf-8?q?J=C3=B6?= <news@example.org>",
        "Jö <news@example.org>".encode(),
        b"A very\r\n long name <news@example.org>",
        b"Authors: news@example.org;",
    ],
    ids=bytes.decode,
)
def test_an_author_may_be_written_in_any_way_that_has_one_meaning(author: bytes) -> None:
    desk = Desk()
    answer = post(desk, b"From: " + author + b"\r\n\r\nHello\r\n")
    assert answer.status == 202, answer.json
    sender = desk.submitted(answer.json["batch"]).content.sender.email
    assert sender.lower() == f"news@{DOMAIN}"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"recipients": TO}, 422, "no_content"),
        ({"recipients": TO, "message": "x", "message_base64": "eA=="}, 422, "no_content"),
        ({"recipients": TO, "message_base64": "%"}, 422, "invalid_message"),
        ({"recipients": TO, "message_base64": "é"}, 422, "invalid_message"),
        ({"recipients": TO, "message_base64": "eA"}, 422, "invalid_message"),
        ({"recipients": TO, "message": "x", "subject": "y"}, 422, "invalid_request"),
        ({"recipients": [1], "message": "x"}, 422, "invalid_request"),
        ({"message": "x"}, 422, "invalid_request"),
        ({"recipients": [], "message": MESSAGE.decode()}, 422, "no_recipients"),
        ({"recipients": ["x"], "message": MESSAGE.decode()}, 422, "no_acceptable_recipient"),
        (b"{", 400, "malformed_json"),
        (b"\xff", 400, "malformed_json"),
        (b'{"message": "\xff"}', 400, "malformed_json"),
    ],
)
def test_a_call_that_is_no_message_is_refused(body: Any, status: int, kind: str) -> None:
    desk = Desk()
    answer = desk.call("POST", "/v1/messages", body)
    assert (answer.status, answer.problem) == (status, kind), answer.json
    assert desk.work() == []


@pytest.mark.parametrize("query", ["", "to=", "cc=a@b.example"])
def test_a_raw_message_without_recipients_is_refused(query: str) -> None:
    desk = Desk()
    answer = post_raw(desk, MESSAGE, query)
    assert (answer.status, answer.problem) == (422, "no_recipients")
    assert desk.work() == []


def test_a_message_over_the_limit_is_refused() -> None:
    desk = Desk(Limits(max_message_bytes=200))
    answer = post(desk, MESSAGE + b"x" * 100)
    assert (answer.status, answer.problem) == (413, "message_too_large")
    assert desk.work() == []


def test_too_many_recipients_of_a_message_are_refused() -> None:
    desk = Desk(Limits(max_recipients=1))
    answer = post(desk, MESSAGE, ["a@b.example", "c@d.example"])
    assert (answer.status, answer.problem) == (422, "too_many_recipients")
    assert desk.work() == []
