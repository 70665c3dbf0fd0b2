"""Templates at submit: stored ones by id, and hostile ones of any kind."""

from typing import Any

import pytest
from desk import BATCH, Desk

from functions.submit.templates import MAX_TOKENS
from shared.domains import Template

BY_ID = {
    "sender": BATCH["sender"],
    "recipients": BATCH["recipients"],
    "template_id": "welcome",
}
WELCOME = Template(id="welcome", subject="Welcome {{ name }}", html="<p>{{ name }}</p>", text="Hi")


def test_a_batch_takes_the_content_of_the_template_that_it_names() -> None:
    desk = Desk()
    desk.put_template(WELCOME)
    content = desk.accepted(BY_ID).content
    assert (content.subject, content.html, content.text) == (
        "Welcome {{ name }}",
        "<p>{{ name }}</p>",
        "Hi",
    )


def test_a_template_changed_after_submit_does_not_change_the_batch() -> None:
    desk = Desk()
    desk.put_template(WELCOME)
    batch = desk.submit(BY_ID).json["batch"]
    desk.put_template(Template(id="welcome", subject="Changed", html="Changed"))
    assert desk.submitted(batch).content.html == "<p>{{ name }}</p>"
    assert desk.accepted(BY_ID).content.html == "Changed"


def test_the_fields_that_a_stored_template_needs_are_needed() -> None:
    desk = Desk()
    desk.put_template(WELCOME)
    answer = desk.submit({**BY_ID, "recipients": [{"email": "ann@sink.example"}]})
    assert answer.json["rejected_recipients"][0]["reason"] == "undefined_field"


@pytest.mark.parametrize(
    "template_id",
    [
        "welcome ",
        "Welcome",
        "../../other.example/templates/welcome",
        "..",
        "/",
        "a\x00b",
        "x" * 2000,
    ],
    ids=ascii,
)
def test_an_unknown_template_is_refused(template_id: str) -> None:
    desk = Desk()
    desk.put_template(WELCOME)
    answer = desk.submit({**BY_ID, "template_id": template_id})
    assert (answer.status, answer.problem) == (422, "unknown_template")
    assert "example.org has no Template" in answer.json["detail"]
    assert desk.work() == []


def test_a_template_of_another_domain_is_unknown() -> None:
    desk = Desk()
    desk.put_template(WELCOME)
    other = desk.add_domain("other.example")
    batch = {**BY_ID, "sender": {"email": "x@other.example"}}
    answer = desk.submit(batch, authorization=f"Bearer {other}")
    assert (answer.status, answer.problem) == (422, "unknown_template")


@pytest.mark.parametrize("place", ["subject", "html", "text"])
def test_a_template_and_a_content_together_are_refused(place: str) -> None:
    desk = Desk()
    desk.put_template(WELCOME)
    answer = desk.submit({**BY_ID, place: "x"})
    assert (answer.status, answer.problem) == (422, "template_and_content")
    assert desk.work() == []


@pytest.mark.parametrize(
    "template",
    [
        Template(id="welcome"),
        Template(id="welcome", subject="only a subject"),
        Template(id="welcome", subject="a\r\nb", text="x"),
        Template(id="welcome", text="a\x00b"),
        Template(id="welcome", text="{{ unclosed"),
    ],
)
def test_a_stored_template_is_checked_like_any_content(template: Template) -> None:
    desk = Desk()
    desk.put_template(template)
    assert desk.submit(BY_ID).status == 422
    assert desk.work() == []


# Templates that cannot be, or that mean harm.


def with_text(desk: Desk, text: str) -> Any:
    row = {"email": "ann@sink.example", "fields": {"name": "Ann", "x": 1}}
    return desk.submit({**BATCH, "text": text, "recipients": [row]})


@pytest.mark.parametrize(
    "text",
    [
        "{{ name",
        "{% for x in y %}",
        "{% if name %}",
        "{{ name }",
        "{# never closed",
        "{% raw %} never ended",
        "{% unknown %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}{{ os.environ }}",
        "{% extends name %}",
        "{{ name|no_such_filter }}",
        "{{ name is no_such_test }}",
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
        "{% if name %}" * 3000 + "{% endif %}" * 3000,
        "{{ " + "x + " * 4000 + "x }}",
        "{{ x" + ".y" * 4000 + " }}",
    ],
    ids=lambda text: text[:30],
)
def test_a_template_that_is_none_is_refused_in_no_time(text: str) -> None:
    desk = Desk()
    answer = with_text(desk, text)
    assert (answer.status, answer.problem) == (422, "invalid_template"), answer.json
    assert answer.json["detail"]
    assert desk.work() == []


@pytest.mark.parametrize(
    "text",
    ["{{ x }}" * 1_000_000, "{% if x %}{% endif %}" * 400_000, "{{ [" + "1," * 4_000_000 + "] }}"],
    ids=["fields", "conditions", "one list"],
)
def test_a_template_that_takes_long_to_parse_is_refused_before_that(text: str) -> None:
    desk = Desk()
    answer = with_text(desk, text)
    assert (answer.status, answer.problem) == (422, "invalid_template")
    assert f"more than {MAX_TOKENS} names" in answer.json["detail"]
    assert desk.work() == []


def test_a_large_page_with_a_few_fields_is_accepted() -> None:
    text = "body { colour: red } {# a comment #} " * 20_000 + "{{ name }}"
    assert with_text(Desk(), text.replace("{#", "").replace("#}", "")).status == 202


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(10**9) %}{{ i }}{% endfor %}",
        "{{ 'a' * 10**9 }}",
        "{{ 9**9**9**9 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ name.__class__.__mro__ }}",
        "{{ ''.__class__.__base__.__subclasses__() }}",
        "{{ self.__init__.__globals__ }}",
        "{{ name.nothing.at.all }}",
    ],
)
def test_what_only_rendering_shows_is_accepted_and_not_run_here(text: str) -> None:
    assert with_text(Desk(), text).status == 202
