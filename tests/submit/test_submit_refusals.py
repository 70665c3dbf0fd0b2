"""What submit refuses as a whole: each with a clear error, and nothing of it is kept."""

import base64
import json
from typing import Any

import pytest
from desk import BATCH, DOMAIN, NOW, Desk

from functions.submit.request import Limits

GOOD = BATCH["recipients"][0]
FILE = {"filename": "a.txt", "content": base64.b64encode(b"hello").decode()}


def refused(desk: Desk, batch: Any, status: int, kind: str, detail: str) -> None:
    before = desk.keys()
    answer = desk.submit(batch)
    assert (answer.status, answer.problem) == (status, kind), answer.json
    assert detail in answer.json["detail"]
    assert answer.json["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.keys() == before
    assert desk.woken == []


def test_the_batch_that_the_refusals_below_are_made_from_is_accepted() -> None:
    desk = Desk()
    answer = desk.submit(BATCH)
    assert (answer.status, answer.json["accepted"], answer.json["rejected"]) == (202, 1, 0)
    assert desk.work() == [f"submitted/{answer.json['batch']}.json"]
    assert [wake.key for wake in desk.woken] == desk.work()


# The document.

DOCUMENTS = [
    pytest.param(b"", 400, "malformed_json", "truncated", id="empty"),
    pytest.param(b"{", 400, "malformed_json", "truncated", id="cut off"),
    pytest.param(json.dumps(BATCH).encode() + b" x", 400, "malformed_json", "", id="two"),
    pytest.param(b"\xef\xbb\xbf{}", 400, "malformed_json", "byte 0", id="byte order mark"),
    pytest.param(
        b'{"recipients": [' + b"[" * 100_000, 400, "malformed_json", "nested too deep", id="deep"
    ),
    pytest.param(b"[]", 422, "invalid_request", "Expected `object`, got `array`", id="array"),
    pytest.param(b"null", 422, "invalid_request", "Expected `object`, got `null`", id="null"),
    pytest.param(b"{}", 422, "invalid_request", "missing required field `sender`", id="no fields"),
]


@pytest.mark.parametrize(("body", "status", "kind", "detail"), DOCUMENTS)
def test_a_document_that_is_no_batch_is_refused(
    body: bytes, status: int, kind: str, detail: str
) -> None:
    refused(Desk(), body, status, kind, detail)


@pytest.mark.parametrize(
    "place", ["subject", "text", "tags", "metadata", "global_fields", "template_id"]
)
def test_a_body_that_is_not_utf_8_is_refused(place: str) -> None:
    value: Any = {"tags": ["X"], "metadata": {"a": "X"}, "global_fields": {"a": "X"}}.get(place)
    body = json.dumps({**BATCH, place: value or "X"}).replace('"X"', '"\xff\xfe"')
    refused(Desk(), body.encode("latin-1"), 400, "malformed_json", "can't decode byte 0xff")


def test_a_recipient_that_is_not_utf_8_is_named() -> None:
    rows = [GOOD, {"email": "ben@sink.example", "fields": {"name": "X"}}]
    body = json.dumps({**BATCH, "recipients": rows}).replace('"X"', '"M\xfcller"')
    refused(Desk(), body.encode("latin-1"), 400, "malformed_json", "at `$.recipients[1]`")


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"colour": "red"}, "unknown field `colour`"),
        ({"sender": {"email": f"a@{DOMAIN}", "name": "x"}}, "unknown field `name` - at `$.sender`"),
        ({"headers": {"bcc": []}}, "unknown field `bcc` - at `$.headers`"),
        ({"attachments": [{**FILE, "size": 1}]}, "unknown field `size` - at `$.attachments[0]`"),
        (
            {"recipients": [GOOD, {"email": "a@b.example", "feilds": {}}]},
            "unknown field `feilds` - at `$.recipients[1]`",
        ),
    ],
)
def test_an_unknown_field_is_named_with_its_place(change: dict[str, Any], detail: str) -> None:
    refused(Desk(), {**BATCH, **change}, 422, "invalid_request", detail)


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"subject": 1}, "Expected `str`, got `int` - at `$.subject`"),
        ({"html": None}, "Expected `str`, got `null` - at `$.html`"),
        ({"sender": "a@b.example"}, "Expected `object`, got `str` - at `$.sender`"),
        ({"recipients": {}}, "Expected `array`, got `object` - at `$.recipients`"),
        ({"recipients": [GOOD, "a@b.example"]}, "got `str` - at `$.recipients[1]`"),
        ({"recipients": [GOOD, GOOD, {"email": 1}]}, "got `int` - at `$.recipients[2].email`"),
        ({"recipients": [{}]}, "missing required field `email` - at `$.recipients[0]`"),
        ({"recipients": [{**GOOD, "fields": []}]}, "at `$.recipients[0].fields`"),
        ({"tags": "spring"}, "Expected `array`, got `str` - at `$.tags`"),
        ({"metadata": {"a": 1}}, "at `$.metadata[...]`"),
        ({"scheduled_time": 5}, "Expected `str`, got `int` - at `$.scheduled_time`"),
        ({"attachments": [{"filename": "", "content": ""}]}, "at `$.attachments[0].filename`"),
    ],
)
def test_a_value_of_a_wrong_type_is_named_with_its_place(
    change: dict[str, Any], detail: str
) -> None:
    refused(Desk(), {**BATCH, **change}, 422, "invalid_request", detail)


@pytest.mark.parametrize(
    ("value", "status", "detail"),
    [
        (b"9" * 5000, 422, "Integer value out of range - at `$.recipients[0].fields[...]`"),
        (b"1e999", 422, "Number out of range - at `$.recipients[0].fields[...]`"),
        (b"NaN", 400, "malformed"),
        (b'"\\ud800"', 400, ""),
        (b"[" * 5000 + b"]" * 5000, 400, "nested too deep"),
    ],
    ids=["5,000 digits", "infinity", "not a number", "half a surrogate pair", "deep"],
)
def test_a_field_that_cannot_be_stored_is_refused(value: bytes, status: int, detail: str) -> None:
    row = b'{"email": "ann@sink.example", "fields": {"name": %b}}' % value
    body = json.dumps({**BATCH, "recipients": []}).encode().replace(b"[]", b"[%b]" % row)
    kind = "malformed_json" if status == 400 else "invalid_request"
    refused(Desk(), body, status, kind, detail)


# Recipients.


def test_no_recipients_are_refused() -> None:
    refused(Desk(), {**BATCH, "recipients": []}, 422, "no_recipients", "recipients is empty")


def test_too_many_recipients_are_refused() -> None:
    desk = Desk(Limits(max_recipients=2))
    rows = [{**GOOD, "email": f"r{n}@sink.example"} for n in range(3)]
    detail = "3 Recipients in one Batch; at most 2"
    refused(desk, {**BATCH, "recipients": rows}, 422, "too_many_recipients", detail)
    assert desk.submit({**BATCH, "recipients": rows[:2]}).status == 202


def test_a_batch_of_which_nobody_can_get_anything_is_refused_with_each_reason() -> None:
    desk = Desk()
    desk.suppress("gone@sink.example")
    rows = [{"email": "nobody"}, {"email": "gone@sink.example"}, {"email": "ann@sink.example"}]
    answer = desk.submit({**BATCH, "recipients": rows})
    assert (answer.status, answer.problem) == (422, "no_acceptable_recipient")
    assert answer.json["rejected_recipients"] == [
        {"email": "nobody", "reason": "invalid_email"},
        {"email": "gone@sink.example", "reason": "suppressed"},
        {"email": "ann@sink.example", "reason": "undefined_field"},
    ]
    assert desk.work() == []


# What would be able to forge a header.

CONTROLS = ["\r\nBcc: x@evil.example", "\n", "\r", "\x00", "\x1b", "\u2028", "\u202e", "\x7f"]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    ("place", "detail"),
    [
        ("subject", "subject has a line end"),
        ("alias", "sender.alias has a line end"),
        ("to", "headers.to:"),
        ("cc", "headers.cc:"),
        ("reply_to", "headers.reply_to:"),
    ],
)
def test_control_characters_in_headers_are_refused(place: str, detail: str, control: str) -> None:
    value = f"Hello{control}"
    change: dict[str, Any] = {
        "subject": {"subject": value},
        "alias": {"sender": {"email": f"a@{DOMAIN}", "alias": value}},
    }.get(place, {"headers": {place: [f"{value} <a@b.example>"]}})
    refused(Desk(), {**BATCH, **change}, 422, "invalid_header", detail)


@pytest.mark.parametrize("control", ["\r\n", "\n", "\x00", " "])
def test_control_characters_in_the_senders_address_are_refused(control: str) -> None:
    batch = {**BATCH, "sender": {"email": f"news{control}@{DOMAIN}"}}
    refused(Desk(), batch, 422, "invalid_sender", "is no mail address")


@pytest.mark.parametrize("address", ["", "news", f"@{DOMAIN}", f"<news@{DOMAIN}>", "a@[192.0.2.1]"])
def test_a_sender_that_is_no_address_is_refused(address: str) -> None:
    batch = {**BATCH, "sender": {"email": address}}
    refused(Desk(), batch, 422, "invalid_sender", "is no mail address")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nobody",
        "a@b.example, c@d.example",
        "Doe, John <a@b.example>",
        "a@b.example junk",
        "evil@c.example <a@b.example>",
        "<a@b.example> <c@d.example>",
        "group: a@b.example;",
        "a@b.example\r\nBcc: c@d.example",
        "(" * 5000 + "a@b.example",
        "x" * 5000 + " <a@b.example>",
    ],
)
def test_a_shown_mailbox_that_is_not_exactly_one_is_refused(text: str) -> None:
    batch = {**BATCH, "headers": {"to": [text]}}
    refused(Desk(), batch, 422, "invalid_header", "headers.to")


@pytest.mark.parametrize(
    "text",
    ["a@b.example", "Ann <a@b.example>", '"Doe, John" <a@b.example>', "Ann (Sales) <a@b.example>"],
)
def test_a_shown_mailbox_may_have_a_name(text: str) -> None:
    assert Desk().submit({**BATCH, "headers": {"to": [text], "cc": [text]}}).status == 202


def test_a_name_that_is_too_long_for_a_header_line_is_refused() -> None:
    batch = {**BATCH, "sender": {"email": f"news@{DOMAIN}", "alias": "x" * 1000}}
    refused(Desk(), batch, 422, "invalid_header", "sender.alias")
    refused(Desk(), {**BATCH, "subject": "x" * 100_000}, 422, "invalid_header", "subject")


# The content.


def test_a_batch_without_content_is_refused() -> None:
    batch = {name: value for name, value in BATCH.items() if name != "text"}
    refused(Desk(), batch, 422, "no_content", "html, text or template_id is needed")


@pytest.mark.parametrize("place", ["html", "text"])
def test_a_nul_in_the_content_is_refused(place: str) -> None:
    refused(Desk(), {**BATCH, place: "a\x00b"}, 422, "invalid_content", "NUL")


def test_a_content_over_the_limit_is_refused() -> None:
    desk = Desk(Limits(max_message_bytes=1000))
    detail = "at most 1000"
    refused(desk, {**BATCH, "text": "x" * 1001}, 413, "message_too_large", detail)
    large = {**FILE, "content": base64.b64encode(b"x" * 900).decode()}
    refused(desk, {**BATCH, "attachments": [large]}, 413, "message_too_large", detail)


def test_a_content_is_measured_in_bytes() -> None:
    desk = Desk(Limits(max_message_bytes=1000))
    refused(desk, {**BATCH, "text": "é" * 501}, 413, "message_too_large", "1002 bytes")


# Attachments.


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"content": "%%%"}, "content is not base 64"),
        ({"content": "aGVsbG8"}, "content is not base 64"),
        ({"content": "aGVs\nbG8="}, "content is not base 64"),
        ({"content": "é"}, "content is not base 64"),
        ({"filename": "a\r\nb"}, "filename has a control character"),
        ({"filename": "a\x00b"}, "filename has a control character"),
        ({"filename": "../../etc/passwd"}, "path separator"),
        ({"filename": "a\\b"}, "path separator"),
        ({"content_id": "a\r\nb"}, "cannot stand in a cid: URL"),
        ({"content_id": "a b"}, "cannot stand in a cid: URL"),
        ({"content_id": "a>b"}, "cannot stand in a cid: URL"),
        ({"content_type": "text"}, "is no type of a file"),
        ({"content_type": "text/plain\r\nX: y"}, "is no type of a file"),
        ({"content_type": "text/plain;\r\n\r\ncharset=utf-8"}, "is no type of a file"),
        ({"content_type": "text/plain; name=x"}, "is no type of a file"),
        ({"content_type": "multipart/mixed"}, "is no type of a file"),
        ({"content_type": "Message/RFC822"}, "is no type of a file"),
    ],
)
def test_an_attachment_that_no_mail_can_carry_is_refused(
    change: dict[str, str], detail: str
) -> None:
    batch = {**BATCH, "attachments": [FILE, {**FILE, **change}]}
    refused(Desk(), batch, 422, "invalid_attachment", "attachments[1]: ")
    refused(Desk(), batch, 422, "invalid_attachment", detail)


def test_too_many_attachments_are_refused() -> None:
    desk = Desk(Limits(max_attachments=1))
    batch = {**BATCH, "attachments": [FILE, FILE]}
    refused(desk, batch, 422, "too_many_attachments", "2 attachments; at most 1")


def test_two_attachments_with_one_content_id_are_refused() -> None:
    image = {**FILE, "content_id": "logo"}
    batch = {**BATCH, "attachments": [image, image]}
    refused(Desk(), batch, 422, "invalid_attachment", "content_id 'logo' occurs twice")


# Tags and metadata.


@pytest.mark.parametrize("tag", ["", "x" * 81, "é" * 41, "a\r\nb", "a\x00b", ".", ".."], ids=ascii)
def test_a_tag_that_cannot_stand_in_a_key_is_refused(tag: str) -> None:
    refused(Desk(), {**BATCH, "tags": ["good", tag]}, 422, "invalid_tag", "tag")


def test_too_many_tags_are_refused() -> None:
    tags = [f"t{n}" for n in range(21)]
    refused(Desk(), {**BATCH, "tags": tags}, 422, "invalid_tag", "21 tags; at most 20")


@pytest.mark.parametrize(
    "metadata",
    [{"": "x"}, {"x" * 101: "x"}, {"x": "x" * 501}, {"x": "\x00"}, {"a\x00": "x"}],
    ids=["no name", "long name", "long value", "NUL in a value", "NUL in a name"],
)
def test_metadata_out_of_bounds_are_refused(metadata: dict[str, str]) -> None:
    refused(Desk(), {**BATCH, "metadata": metadata}, 422, "invalid_metadata", "")


# When.


@pytest.mark.parametrize(
    ("scheduled_time", "detail"),
    [
        ("soon", "Invalid isoformat"),
        ("2027-01-15T08:00:00", "needs an offset"),
        ("2027-01-15", "needs an offset"),
        ("2027-01-15T07:58:59Z", "has passed"),
        ("1970-01-01T00:00:00+00:00", "has passed"),
        ("0001-01-01T00:00:00+14:00", "has passed"),
        ("2027-04-15T08:00:01Z", "more than 90 days from now"),
        ("9999-12-31T23:59:59-12:00", "more than 90 days from now"),
    ],
)
def test_a_time_that_is_none_or_past_or_too_far_is_refused(
    scheduled_time: str, detail: str
) -> None:
    batch = {**BATCH, "scheduled_time": scheduled_time}
    refused(Desk(), batch, 422, "invalid_scheduled_time", detail)


@pytest.mark.parametrize(
    ("scheduled_time", "due"),
    [
        ("", NOW),
        ("2027-01-15T07:59:30Z", NOW),  # the app's clock is a little behind ours
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15T09:00:01+01:00", NOW + 1),
        ("2027-04-15T08:00:00Z", NOW + 90 * 86400),
    ],
)
def test_a_time_within_bounds_is_when_the_batch_is_due(scheduled_time: str, due: float) -> None:
    stored = Desk().accepted({**BATCH, "scheduled_time": scheduled_time})
    assert stored.content.due_at == due


# Unsubscribing.


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/u/{{ id }}",
        "mailto:u@example.org",
        "/u/{{ id }}",
        "https:///u/{{ id }}",
        "{{ scheme }}://example.org",
        "https://example.org/{{ id",
        "https://example.org/{% id %}",
        "https://example.org/{{ a.b }}",
        "https://example.org/a b",
        'https://example.org/"',
        "https://example.org/>\r\nX: y",
        "https://example.org/é",
        "https://[::1/",
        " ",
    ],
)
def test_an_unsubscribe_url_that_can_never_work_is_refused(url: str) -> None:
    batch = {**BATCH, "one_click_unsubscribe": {"url_template": url}}
    refused(Desk(), batch, 422, "invalid_unsubscribe_url", "one_click_unsubscribe.url_template: ")
