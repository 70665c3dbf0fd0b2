"""Templates that a library is to take apart: in a process with bounds, so that no other dies."""

import pytest
from admin_desk import AdminDesk
from station import DOMAIN

from functions.admin.templates import apart
from functions.admin.templates.apart import build_apart
from functions.admin.templates.build import Bounds, TemplateWish, build
from functions.admin.templates.fault import Fault

BOUNDS = Bounds(10_000_000, 100_000, 1_000_000)
ONE = f"/v1/domains/{DOMAIN}/templates/x"
LEVELS = 20_000
DEEP = {
    "elements that only look closed": "<div/>" * LEVELS,
    "a comment that has ended": "<!-->" + "<div>" * LEVELS + "-->",
    "a style that has ended": "<style></style x>" + "<div>" * LEVELS + "</style>",
    "a value that is none": '<p ="><' + "div><" * LEVELS + 'p">',
}
"""For css-inline each is so deep that it has no stack left; for us, flat."""
GROWING = "<div>" + "".join(f"<b a={n}>" for n in range(180)) + "</div>" + "<p>x" * 60_000
"""Each `<p>` gets 180 elements of its own: some gigabytes."""


@pytest.mark.parametrize("source", [*DEEP.values(), GROWING], ids=[*DEEP, "one that grows"])
def test_what_would_kill_the_library_is_refused(
    source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "MOST_S", 10)
    wish = TemplateWish(html="<style>p{color:red}</style>" + source, inline_css=True)
    with pytest.raises(Fault, match=r"too deep|too large"):
        build_apart("x", wish, BOUNDS)


@pytest.mark.parametrize(
    "wish",
    [
        TemplateWish(html="<style>p{color:red}</style><p>{{ y }}</p>", inline_css=True),
        TemplateWish(html="<p>Grüße, {{ name }}</p>", auto_text=True),
        TemplateWish(subject="Hi", html="<p>{{ name }}</p>", text="{{ name }}"),
    ],
)
def test_what_is_made_apart_is_the_same(wish: TemplateWish) -> None:
    assert build_apart("x", wish, BOUNDS) == build("x", wish, BOUNDS)


def test_a_fault_says_where_it_is() -> None:
    wish = TemplateWish(html="<p>\n  {{ y", inline_css=True)
    with pytest.raises(Fault) as here:
        build("x", wish, BOUNDS)
    with pytest.raises(Fault) as there:
        build_apart("x", wish, BOUNDS)
    assert str(there.value) == str(here.value)
    assert (there.value.line, there.value.part) == (2, "html")


def test_who_puts_such_a_template_is_told_and_others_are_answered() -> None:
    desk = AdminDesk()
    hostile = {"html": DEEP["a comment that has ended"], "inline_css": True}
    answer = desk.as_domain("PUT", ONE, hostile)
    assert (answer.status, answer.problem) == (422, "invalid_template")
    assert answer.json["part"] == "html"
    assert desk.as_domain("PUT", ONE, {"text": "Hello"}).status == 200


def test_only_so_many_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "WAIT_S", 0.0)
    desk = AdminDesk()
    slots = [apart._SLOTS.acquire() for _ in range(apart.MOST_AT_ONCE)]
    try:
        answer = desk.call("PUT", ONE, {"html": "<p>x", "auto_text": True})
        assert (answer.status, answer.problem) == (503, "unavailable")
    finally:
        for _ in slots:
            apart._SLOTS.release()
    assert desk.call("PUT", ONE, {"html": "<p>x", "auto_text": True}).status == 200
