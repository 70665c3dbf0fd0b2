"""Which Recipients get a Batch: a wrong one is refused alone, with a stable word (feature K1)."""

import json
from typing import Any

import pytest
from desk import BATCH, DOMAIN, Desk

from functions.submit.request import Limits

PLAIN = {**BATCH, "subject": "Hello", "text": "Hello"}
"""A content that needs no fields."""


def reasons(desk: Desk, batch: Any) -> dict[str, str]:
    """Address → why it was refused, of a Batch that has to be accepted for the others."""
    answer = desk.submit(batch)
    assert answer.status == 202, answer.json
    rejected = answer.json["rejected_recipients"]
    assert answer.json["rejected"] == len(rejected)
    stored = desk.submitted(answer.json["batch"])
    assert stored.content.accepted == len(stored.recipients) == answer.json["accepted"]
    return {each["email"]: each["reason"] for each in rejected}


def rows(*addresses: str) -> list[dict[str, str]]:
    return [{"email": address} for address in addresses]


def test_a_mixed_batch_goes_on_with_the_good_ones() -> None:
    desk = Desk()
    mixed = rows("ann@sink.example", "nobody", "ben@sink.example", "a@b@c")
    answer = desk.submit({**PLAIN, "recipients": mixed})
    assert (answer.json["accepted"], answer.json["rejected"]) == (2, 2)
    stored = desk.submitted(answer.json["batch"])
    kept = [json.loads(bytes(raw))["email"] for raw in stored.recipients]
    assert kept == ["ann@sink.example", "ben@sink.example"]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "@sink.example",
        "a@",
        "a@b",
        "a b@sink.example",
        " a@sink.example",
        "a@sink.example\r\nBcc: x@evil.example",
        "a@sink.example\n",
        "a\x00@sink.example",
        "<a@sink.example>",
        "Ann <a@sink.example>",
        "a@sink.example, b@sink.example",
        "a@sink..example",
        ".a@sink.example",
        "a@-sink.example",
        "a@[192.0.2.1]",
        "a@192.0.2.1",
        "a" * 65 + "@sink.example",
        "a@" + "x" * 64 + ".example",
        "a@" + "x." * 130 + "example",
        "a@" + "é" * 100_000 + ".example",
    ],
    ids=ascii,
)
def test_what_is_no_address_is_refused_alone(address: str) -> None:
    batch = {**PLAIN, "recipients": rows(address, "ann@sink.example")}
    assert reasons(Desk(), batch) == {address: "invalid_email"}


@pytest.mark.parametrize(
    "address", ["a+tag@sink.example", '"a b"@sink.example', "o'neill@sink.example", "A@B.Example"]
)
def test_unusual_addresses_are_accepted(address: str) -> None:
    assert reasons(Desk(), {**PLAIN, "recipients": rows(address)}) == {}


def test_a_domain_in_another_alphabet_becomes_an_a_label() -> None:
    desk = Desk()
    desk.submit({**PLAIN, "recipients": rows("ann@bücher.example", "ben@xn--bcher-kva.example")})
    desk.validate()
    (bag,) = desk.keys("validated/")
    assert [row["email"] for row in desk.get(bag)["rows"]] == [
        "ann@xn--bcher-kva.example",
        "ben@xn--bcher-kva.example",
    ]


def test_a_local_part_in_another_alphabet_stays_as_it_is() -> None:
    desk = Desk()
    desk.submit({**PLAIN, "recipients": rows("用户@例え.jp")})
    desk.validate()
    (bag,) = desk.keys("validated/")
    assert desk.get(bag)["rows"][0]["email"] == "用户@xn--r8jz45g.jp"


def test_a_second_row_for_one_mailbox_is_a_duplicate() -> None:
    batch = {**PLAIN, "recipients": rows("a@b.example", "A@B.example", "a@bücher.example")}
    batch["recipients"] += rows("a@xn--bcher-kva.example")
    assert reasons(Desk(), batch) == {
        "A@B.example": "duplicate",
        "a@xn--bcher-kva.example": "duplicate",
    }


def test_the_row_that_counts_is_the_first_good_one() -> None:
    named = {"email": "ann@sink.example", "fields": {"name": "Ann"}}
    batch = {**BATCH, "recipients": [{"email": "ann@sink.example"}, named, named]}
    answer = Desk().submit(batch)
    assert [each["reason"] for each in answer.json["rejected_recipients"]] == [
        "undefined_field",
        "duplicate",
    ]


def test_suppressed_addresses_are_refused_however_they_are_spelled() -> None:
    desk = Desk()
    desk.suppress("Gone@sink.example")
    batch = {**PLAIN, "recipients": rows("gone@SINK.example", "ann@sink.example")}
    assert reasons(desk, batch) == {"gone@SINK.example": "suppressed"}


def test_a_suppression_of_another_domain_does_not_count() -> None:
    desk = Desk()
    desk.suppress("gone@sink.example")
    other = desk.add_domain("other.example")
    batch = {
        **PLAIN,
        "sender": {"email": "x@other.example"},
        "recipients": rows("gone@sink.example"),
    }
    assert desk.submit(batch, authorization=f"Bearer {other}").status == 202


# Fields.


def fields_reason(fields: Any, limits: Limits | None = None, **content: Any) -> str:
    """Why a Recipient with these fields is refused."""
    row = {"email": "ann@sink.example", "fields": fields}
    other = {"email": "ben@sink.example", "fields": {"name": "Ben", "id": "1"}}
    batch = {**BATCH, **content, "recipients": [row, other]}
    return reasons(Desk(limits), batch).get("ann@sink.example", "")


def test_a_field_that_the_content_needs_has_to_be_there() -> None:
    assert fields_reason({}) == "undefined_field"
    assert fields_reason({"nmae": "Ann"}) == "undefined_field"
    assert fields_reason({"name": "Ann"}) == ""


@pytest.mark.parametrize(
    "text",
    [
        "{% if nick %}{{ nick }}{% endif %}",
        "{{ nick|default('you') }}",
        "{% if nick is defined %}{{ nick }}{% endif %}",
        "{{ nick if nick else 'you' }}",
        "{% set nick = 'you' %}{{ nick }}",
        "{% for nick in ['a', 'b'] %}{{ nick }}{% endfor %}",
        "{# {{ nick }} #}",
        "{% raw %}{{ nick }}{% endraw %}",
    ],
)
def test_a_field_that_the_content_can_do_without_may_be_absent(text: str) -> None:
    assert fields_reason({"name": "Ann"}, text=text) == ""


def test_global_fields_stand_in_for_fields() -> None:
    assert fields_reason({}, global_fields={"name": "you"}) == ""


def test_a_field_of_the_recipient_beats_the_global_one() -> None:
    unsafe = {"name": "a\nb"}
    assert fields_reason(unsafe, global_fields={"name": "you"}) == "invalid_field"
    assert fields_reason({"name": "Ann"}, global_fields=unsafe) == ""


@pytest.mark.parametrize("value", ["a\r\nBcc: x@evil.example", "a\nb", "a\rb", "\u2028", "\x1b"])
def test_a_field_with_a_line_end_cannot_stand_in_the_subject(value: str) -> None:
    assert fields_reason({"name": value}) == "invalid_field"


def test_a_field_with_a_line_end_may_stand_in_the_body() -> None:
    assert fields_reason({"name": "a\r\nb"}, subject="Hello") == ""


def test_a_field_as_long_as_a_page_cannot_stand_in_the_subject() -> None:
    assert fields_reason({"name": "x" * 999}) == "invalid_field"
    assert fields_reason({"name": "x" * 999}, subject="Hello") == ""


@pytest.mark.parametrize(
    "fields",
    [{"name": "a\x00b"}, {"name": "a", "b": ["x", {"y": "\x00"}]}, {"name": "a", "\x00": 1}],
    ids=["in a text", "deep inside", "in a name"],
)
def test_a_nul_in_any_field_is_refused(fields: dict[str, Any]) -> None:
    assert fields_reason(fields, subject="Hello") == "invalid_field"


def test_what_only_looks_like_a_nul_is_accepted() -> None:
    assert fields_reason({"name": "\\u0000"}) == ""


def nested(depth: int) -> Any:
    return json.loads("[" * depth + "]" * depth)


def test_fields_are_nested_within_reason() -> None:
    assert fields_reason({"name": "Ann", "list": nested(31)}) == ""
    assert fields_reason({"name": "Ann", "list": nested(32)}) == "invalid_field"
    assert fields_reason({"name": "Ann", "list": nested(800)}) == "invalid_field"
    assert fields_reason({"name": "Ann", "wide": [[]] * 1000}) == ""


def test_too_many_fields_are_refused() -> None:
    limits = Limits(max_fields=2)
    assert fields_reason({"name": "a", "b": 1, "c": 2}, limits) == "too_many_fields"


@pytest.mark.parametrize("fields", [{"a": "\x00"}, {"a": nested(40)}], ids=["NUL", "nested"])
def test_global_fields_that_no_mail_can_carry_refuse_the_whole(fields: dict[str, Any]) -> None:
    desk = Desk()
    answer = desk.submit({**BATCH, "global_fields": fields})
    assert (answer.status, answer.problem) == (422, "invalid_content")
    assert desk.work() == []


# The unsubscribe URL.


def unsubscribe_reason(fields: Any, url: str = "https://example.org/u/{{ id }}") -> str:
    named = {"name": "Ann", **fields}
    return fields_reason(named, one_click_unsubscribe={"url_template": url})


@pytest.mark.parametrize("fields", [{}, {"id": ""}, {"id": None}, {"id": True}, {"id": ["x"]}])
def test_an_unresolved_unsubscribe_url_rejects_that_recipient_alone(fields: Any) -> None:
    assert unsubscribe_reason(fields) == "unsubscribe_url_unresolved"


@pytest.mark.parametrize("value", ["a b&c=d/é", 7, 1.5, "\r\n"])
def test_any_text_or_number_resolves_it(value: Any) -> None:
    assert unsubscribe_reason({"id": value}) == ""


def test_a_url_that_is_longer_than_a_header_line_is_unresolved() -> None:
    assert unsubscribe_reason({"id": "x" * 1000}) == "unsubscribe_url_unresolved"


def test_the_message_id_is_told_when_there_is_one_recipient() -> None:
    answer = Desk().submit(BATCH)
    assert answer.json["message_id"] == f"<{answer.json['batch']}.0000.0000@{DOMAIN}>"
    two = {**PLAIN, "recipients": rows("a@b.example", "c@b.example")}
    assert Desk().submit(two).json["message_id"] == ""
