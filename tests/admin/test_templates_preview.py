"""A Template tried out: what a Recipient would get, or why nothing."""

from typing import Any

import pytest
from admin_desk import AdminDesk
from station import DOMAIN

from shared.domains import READ

ONE = f"/v1/domains/{DOMAIN}/templates/welcome"


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def tried(desk: AdminDesk, template: dict[str, Any], fields: dict[str, Any]) -> Any:
    assert desk.call("PUT", ONE, template).status == 200
    return desk.as_domain("POST", f"{ONE}/preview", {"fields": fields}, scopes=(READ,))


def test_a_preview_is_what_a_recipient_would_get(desk: AdminDesk) -> None:
    template = {
        "subject": "Hi {{ name }}",
        "html": "<p>{{ name }}</p>",
        "text": "{{ name }}\nbye",
    }
    answer = tried(desk, template, {"name": "<Ann>"})
    assert answer.json == {
        "subject": "Hi <Ann>",
        "html": "<p>&lt;Ann&gt;</p>",
        "text": "<Ann>\r\nbye",
    }


def test_fields_that_are_missing_are_named(desk: AdminDesk) -> None:
    template = {"subject": "{{ a }}", "html": "{{ b }}{{ c }}{% if d %}x{% endif %}", "text": "x"}
    answer = tried(desk, template, {"c": 1})
    assert (answer.status, answer.problem) == (422, "undefined_field")
    assert (answer.json["undefined"], answer.json["part"]) == (["a", "b"], "subject")


def test_a_field_that_is_missing_inside_of_another_is_said(desk: AdminDesk) -> None:
    answer = tried(desk, {"text": "{{ order.total }}"}, {"order": {}})
    assert (answer.status, answer.problem, answer.json["part"]) == (422, "template_error", "text")
    assert "total" in answer.json["detail"]


@pytest.mark.parametrize(
    "text",
    [
        "{% for i in range(10**9) %}{{ i }}{% endfor %}",
        "{{ 'a' * 10**9 }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ x.__class__ }}",
        "{{ x|int + {} }}",
    ],
)
def test_a_preview_may_do_what_dispatch_may_and_no_more(desk: AdminDesk, text: str) -> None:
    answer = tried(desk, {"text": text}, {"x": "a"})
    assert (answer.status, answer.problem) == (422, "template_error")


def test_the_bounds_of_dispatch_are_those_of_a_preview() -> None:
    desk = AdminDesk(dispatch__template_max_output="100", dispatch__template_max_steps="1000")
    assert tried(desk, {"text": "{{ x }}"}, {"x": "a" * 100}).status == 200
    assert tried(desk, {"text": "{{ x }}"}, {"x": "a" * 101}).problem == "template_error"
    loop = "{% for i in range(500) %}{% for j in range(500) %}{% endfor %}{% endfor %}"
    assert tried(desk, {"text": loop}, {}).problem == "template_error"


def test_a_subject_of_two_lines_is_refused(desk: AdminDesk) -> None:
    answer = tried(desk, {"subject": "{{ a }}", "text": "x"}, {"a": "b\r\nBcc: c@d.example"})
    assert (answer.problem, answer.json["part"]) == ("template_error", "subject")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"fields": []}', b'{"field": {}}', b"{"])
def test_what_is_no_data_is_refused(desk: AdminDesk, body: bytes) -> None:
    desk.call("PUT", ONE, {"text": "x"})
    assert desk.call("POST", f"{ONE}/preview", body).status in (400, 422)


def test_a_template_that_is_not_there_has_no_preview(desk: AdminDesk) -> None:
    assert desk.call("POST", f"{ONE}/preview", {}).status == 404
