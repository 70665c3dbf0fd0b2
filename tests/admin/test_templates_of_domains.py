"""Templates over HTTP: written, read, kept as they were, restored, deleted."""

from typing import Any

import msgspec
import pytest
from admin_desk import OTHER, AdminDesk
from admin_races import at_every_death, overtaken
from desk import BATCH, Desk
from station import DOMAIN

from functions.admin.templates import build, marks
from functions.submit import accept
from functions.submit import templates as submit_templates
from shared import keys
from shared.domains import Template
from shared.provision import put_template
from shared.store.base import Store

TEMPLATES = f"/v1/domains/{DOMAIN}/templates"
ONE = f"{TEMPLATES}/welcome"
WELCOME = {"subject": "Hi {{ name }}", "html": "<p>{{ name }}</p>", "text": "{{ name }}"}


@pytest.fixture
def desk() -> AdminDesk:
    return AdminDesk()


def put(desk: AdminDesk, text: str, **headers: str) -> Any:
    return desk.call("PUT", ONE, {"text": text}, **headers)


def numbers(desk: AdminDesk) -> list[int]:
    return [each["version"] for each in desk.call("GET", f"{ONE}/versions").json["versions"]]


def texts(desk: AdminDesk) -> list[str]:
    return [desk.call("GET", f"{ONE}/versions/{n}").json["text"] for n in numbers(desk)]


# Written and read.


def test_a_template_is_read_as_it_was_written(desk: AdminDesk) -> None:
    made = desk.call("PUT", ONE, WELCOME, x_ekiden_attribution="anna")
    assert (made.status, made.json["version"], made.json["needs"]) == (200, 1, ["name"])
    assert made.json["updated_by"] == "operator (anna)"
    read = desk.call("GET", ONE)
    assert (read.json, read.headers["etag"]) == (made.json, made.headers["etag"])
    source = read.json["source"]
    assert {name: source[name] for name in WELCOME} == WELCOME
    assert desk.call("PUT", ONE, source).json == made.json


def test_a_batch_takes_a_template_that_was_put_by_http(desk: AdminDesk) -> None:
    desk.call("PUT", ONE, WELCOME)
    app = Desk(store=at_a_fresh_place(desk))
    batch = {key: BATCH[key] for key in ("sender", "recipients")} | {"template_id": "welcome"}
    first = app.submit(batch).json["batch"]
    desk.call("PUT", ONE, {"text": "Changed"})
    assert app.submitted(first).content.html == WELCOME["html"]
    assert app.accepted(batch).content.text == "Changed"
    desk.call("DELETE", ONE)
    assert app.submit(batch).problem == "unknown_template"


def at_a_fresh_place(desk: AdminDesk) -> Store:
    """The desk's store, with the Domain as the other desk will make it again."""
    desk.do(desk.store.delete(keys.domain_record(DOMAIN), keys.domain_dkim(DOMAIN)))
    return desk.store


def test_templates_are_listed_page_by_page(desk: AdminDesk) -> None:
    names = ["A", "a", "a-b", "a.b", "z"]
    for name in names:
        desk.call("PUT", f"{TEMPLATES}/{name}", WELCOME)
    desk.call("DELETE", f"{TEMPLATES}/a-b")
    seen: list[str] = []
    after = ""
    while True:
        page = desk.call("GET", f"{TEMPLATES}?limit=2&after={after}").json
        seen += [each["id"] for each in page["templates"]]
        if not (after := page["next"]):
            break
    assert seen == sorted({*names} - {"a-b"}, key=lambda each: keys.template(DOMAIN, each))


def test_a_deleted_template_is_not_there(desk: AdminDesk) -> None:
    put(desk, "x")
    assert desk.call("DELETE", ONE).status == 204
    assert desk.call("GET", ONE).status == 404
    assert desk.call("DELETE", ONE).status == 404
    assert desk.call("GET", TEMPLATES).json["templates"] == []


# What it was before.


def test_each_change_keeps_what_was_before(desk: AdminDesk) -> None:
    for text in ("one", "two", "three"):
        put(desk, text)
        desk.now += 1
    assert (numbers(desk), texts(desk)) == ([1, 2, 3], ["one", "two", "three"])
    assert desk.call("GET", ONE).json["version"] == 3


def test_what_says_the_same_is_no_change(desk: AdminDesk) -> None:
    first = put(desk, "same")
    desk.now += 10
    second = put(desk, "same")
    assert (second.json, second.headers["etag"]) == (first.json, first.headers["etag"])
    assert numbers(desk) == [1]


def test_an_earlier_version_is_restored_as_a_new_one(desk: AdminDesk) -> None:
    put(desk, "one")
    put(desk, "two")
    answer = desk.call("POST", f"{ONE}/versions/1/restore")
    assert (answer.json["version"], answer.json["text"]) == (3, "one")
    assert texts(desk) == ["one", "two", "one"]


def test_a_deleted_template_is_restored_and_no_number_is_used_twice(desk: AdminDesk) -> None:
    put(desk, "one")
    desk.call("DELETE", ONE)
    assert texts(desk) == ["one"]
    assert desk.call("POST", f"{ONE}/versions/1/restore").json["version"] == 3
    desk.call("DELETE", ONE)
    assert put(desk, "two").json["version"] == 5
    assert texts(desk) == ["one", "one", "two"]


def test_versions_are_listed_page_by_page(desk: AdminDesk) -> None:
    for number in range(1, 6):
        put(desk, str(number))
    seen: list[int] = []
    after = ""
    while True:
        page = desk.call("GET", f"{ONE}/versions?limit=2&after={after}").json
        seen += [each["version"] for each in page["versions"]]
        if not (after := page["next"]):
            break
    assert seen == [1, 2, 3, 4, 5]


def test_the_versions_of_one_are_not_those_of_its_neighbour(desk: AdminDesk) -> None:
    for name in ("a", "a.b", "a-b", "aa"):
        desk.call("PUT", f"{TEMPLATES}/{name}", {"text": name})
        desk.call("PUT", f"{TEMPLATES}/{name}", {"text": name * 2})
    for name in ("a", "a.b", "a-b", "aa"):
        found = desk.call("GET", f"{TEMPLATES}/{name}/versions").json["versions"]
        assert [(each["id"], each["version"]) for each in found] == [(name, 1), (name, 2)]


@pytest.mark.parametrize("number", ["0", "2", "x", "-1", "1.0", "9" * 30, "٣"])
def test_an_unknown_version_is_not_found(desk: AdminDesk, number: str) -> None:
    put(desk, "x")
    assert desk.call("GET", f"{ONE}/versions/{number}").status == 404
    assert desk.call("POST", f"{ONE}/versions/{number}/restore").status == 404


def test_a_template_from_before_there_were_versions_becomes_the_first(desk: AdminDesk) -> None:
    old = msgspec.json.encode({"id": "welcome", "text": "old", "updated_at": 1.0})
    desk.do(desk.store.put(keys.template(DOMAIN, "welcome"), old))
    assert desk.call("GET", ONE).json["version"] == 1
    put(desk, "new")
    assert texts(desk) == ["old", "new"]


# Two at once.


def test_only_who_knows_the_present_one_changes_it(desk: AdminDesk) -> None:
    etag = put(desk, "one").headers["etag"]
    newer = put(desk, "two", if_match=etag).headers["etag"]
    for answer in (
        put(desk, "three", if_match=etag),
        desk.call("DELETE", ONE, if_match=etag),
        desk.call("POST", f"{ONE}/versions/1/restore", if_match=etag),
        put(desk, "three", if_none_match="*"),
    ):
        assert (answer.status, answer.problem) == (412, "precondition_failed")
    assert texts(desk) == ["one", "two"]
    assert put(desk, "three", if_match=f'"x", {newer}').status == 200


def test_a_template_that_is_not_there_matches_nothing(desk: AdminDesk) -> None:
    assert put(desk, "x", if_match="*").status == 412
    assert put(desk, "x", if_none_match="*").status == 200
    desk.call("DELETE", ONE)
    assert put(desk, "x", if_match="*").status == 412
    assert put(desk, "x", if_none_match="*").status == 200


@pytest.mark.parametrize("first", [None, "one"])
def test_who_loses_a_race_changes_nothing(desk: AdminDesk, first: str | None) -> None:
    if first:
        put(desk, first)

    async def other(store: Store) -> None:
        await put_template(store, DOMAIN, Template(id="welcome", text="theirs"))

    place = keys.template(DOMAIN, "welcome")
    answer = put(overtaken(desk, place, other), "ours")
    assert (answer.status, answer.problem) == (409, "in_progress")
    assert texts(desk) == [*filter(None, [first]), "theirs"]


def test_a_deletion_does_not_take_what_was_written_meanwhile(desk: AdminDesk) -> None:
    put(desk, "one")

    async def other(store: Store) -> None:
        await put_template(store, DOMAIN, Template(id="welcome", text="theirs"))

    place = keys.template(DOMAIN, "welcome")
    assert overtaken(desk, place, other).call("DELETE", ONE).status == 409
    assert texts(desk) == ["one", "theirs"]


def test_dying_while_a_template_is_changed_is_harmless() -> None:
    for change in (
        lambda desk: put(desk, "two"),
        lambda desk: desk.call("DELETE", ONE),
    ):
        left = at_every_death(lambda desk: put(desk, "one"), change)
        assert len(left) == 4
        for desk in left:
            was = texts(desk)
            assert was in (["one"], ["one", "two"])
            put(desk, "two")
            put(desk, "three")
            assert texts(desk) == ["one", "two", "three"]


# Who may.


def test_reading_is_not_writing(desk: AdminDesk) -> None:
    put(desk, "x")
    assert desk.as_domain("GET", ONE, scopes=("read",)).json["text"] == "x"
    assert desk.as_domain("GET", f"{ONE}/versions", scopes=("read",)).status == 200
    preview = desk.as_domain("POST", f"{ONE}/preview", {}, scopes=("read",))
    assert preview.json["text"] == "x"
    for scopes in (("read",), ("send",), ("send", "read")):
        assert desk.as_domain("PUT", ONE, {"text": "y"}, scopes=scopes).problem == "forbidden"
        assert desk.as_domain("DELETE", ONE, scopes=scopes).problem == "forbidden"
    assert desk.as_domain("PUT", ONE, {"text": "y"}).status == 200


def test_a_key_that_only_sends_reads_no_template(desk: AdminDesk) -> None:
    put(desk, "x")
    assert desk.as_domain("GET", ONE, scopes=("send",)).problem == "forbidden"


def test_the_templates_of_another_domain_do_not_exist(desk: AdminDesk) -> None:
    desk.call("PUT", f"/v1/domains/{OTHER}/templates/theirs", {"text": "x"})
    assert desk.as_domain("GET", f"/v1/domains/{OTHER}/templates/theirs").status == 404
    assert desk.as_domain("GET", f"{TEMPLATES}/theirs").status == 404


# What is wrong.


@pytest.mark.parametrize(
    "template_id", [".a", "-a", "a b", "a%00", "x" * 101, "ä", "..", "a\nb"], ids=ascii
)
def test_what_cannot_be_a_key_is_no_id(desk: AdminDesk, template_id: str) -> None:
    before = desk.keys()
    for method in ("GET", "PUT", "DELETE"):
        assert desk.call(method, f"{TEMPLATES}/{template_id}", {"text": "x"}).status == 404
    assert desk.keys() == before


def test_an_unknown_domain_has_no_templates(desk: AdminDesk) -> None:
    place = "/v1/domains/nobody.example/templates"
    assert desk.call("GET", place).status == 404
    assert desk.call("PUT", f"{place}/a", {"text": "x"}).status == 404
    assert desk.keys("domains/nobody") == []


@pytest.mark.parametrize(
    ("body", "part", "line", "column"),
    [
        ({}, "html", 0, 0),
        ({"subject": "only"}, "html", 0, 0),
        ({"subject": "a\r\nb", "text": "x"}, "subject", 0, 0),
        ({"subject": "x" * 5001, "text": "x"}, "subject", 0, 0),
        ({"text": "a\x00b"}, "text", 0, 0),
        ({"subject": "{{ x", "text": "x"}, "subject", 1, 1),
        ({"text": "a\nb {{ x"}, "text", 2, 3),
        ({"html": "a\n\n  {% if x %}"}, "html", 3, 3),
        ({"html": "a\n{% unknown %}"}, "html", 2, 1),
        ({"html": "{{ x|no_such }}"}, "html", 1, 1),
        ({"html": "{% include 'x' %}"}, "html", 1, 1),
        ({"text": "{{ x }}" * 6000}, "text", 0, 0),
        ({"text": "{{ [" + "(" * 500 + "1" + ")" * 500 + "] }}"}, "text", 1, 1),
        ({"html": "x", "mjml": "<mjml></mjml>"}, "mjml", 0, 0),
        ({"html": "x", "text": "x", "auto_text": True}, "text", 0, 0),
        ({"text": "x", "inline_css": True}, "html", 0, 0),
        ({"auto_text": True}, "html", 0, 0),
    ],
    ids=lambda each: ascii(each)[:40],
)
def test_what_could_not_be_sent_is_refused_with_its_place(
    desk: AdminDesk, body: Any, part: str, line: int, column: int
) -> None:
    answer = desk.call("PUT", ONE, body)
    assert (answer.status, answer.problem) == (422, "invalid_template"), answer.json
    found = answer.json
    assert (found["part"], found["line"], found["column"]) == (part, line, column)
    assert desk.keys(keys.templates(DOMAIN)) == []


@pytest.mark.parametrize(
    "body", [[], {"txt": "x"}, {"text": 1}, {"auto_text": "yes"}, {"version": 7}], ids=ascii
)
def test_what_is_no_template_is_refused(desk: AdminDesk, body: Any) -> None:
    assert desk.call("PUT", ONE, body).problem == "invalid_request"


@pytest.mark.parametrize("body", [b"", b"{", b'{"text": "\xff"}', b'{"text": "\\ud800"}'])
def test_what_is_no_json_is_refused(desk: AdminDesk, body: bytes) -> None:
    assert desk.call("PUT", ONE, body).status in (400, 422)
    assert desk.keys(keys.templates(DOMAIN)) == []


def test_a_template_that_is_too_large_for_a_mail_is_refused() -> None:
    desk = AdminDesk(submit__max_message="1KiB")
    assert put(desk, "x" * 1024).status == 200
    assert put(desk, "x" * 1025).problem == "invalid_template"


def test_what_is_stored_is_what_submit_would_take() -> None:
    assert marks.MAX_TOKENS == submit_templates.MAX_TOKENS
    assert build.MAX_SUBJECT_CHARS == accept.MAX_SUBJECT_CHARS
