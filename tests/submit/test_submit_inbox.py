"""The inbox: an app drops a `.json` or `.eml` object into the bucket, and that is a submit."""

import base64
import json
from typing import Any

import pytest
from desk import BATCH, DOMAIN, Desk

from functions.submit import inbox
from shared import keys
from shared.domains import Template
from shared.stage import Wake, run
from shared.store.wrap import Died, FaultStore

EML = (
    b"From: News <news@example.org>\r\n"
    b"To: Ann <ann@sink.example>, ben@sink.example\r\n"
    b'Cc: "Doe, Cay" <cay@sink.example>\r\n'
    b"Subject: Hello\r\n"
    b"\r\n"
    b"Hello\r\n"
)


def stored(desk: Desk) -> Any:
    """The one Batch that there is."""
    (key,) = desk.keys("submitted/")
    assert desk.work() == [key]
    return desk.get(key)


def recipients(desk: Desk) -> list[str]:
    return [row["email"] for row in stored(desk)["recipients"]]


def failed(desk: Desk, name: str, domain: str = DOMAIN) -> str:
    """Why this upload failed, when nothing else is left of it."""
    (key,) = desk.work()
    failure = desk.get(key)
    assert key == keys.failed("submit", failure["key"])
    assert keys.parse_inbox(failure["key"]) == (domain, name)
    return f"{failure['cause']}: {failure['message']}"


def eml(**headers: str) -> bytes:
    lines = {"From": "news@example.org", "To": "ann@sink.example", **headers}
    return "".join(f"{name}: {value}\r\n" for name, value in lines.items()).encode() + b"\r\nHi\r\n"


def test_a_json_upload_becomes_the_batch_that_it_says() -> None:
    desk = Desk()
    desk.upload("one.json", BATCH)
    batch = stored(desk)
    assert batch["content"]["domain"] == DOMAIN
    assert batch["recipients"] == BATCH["recipients"]


def test_a_json_upload_may_name_a_template() -> None:
    desk = Desk()
    desk.put_template(Template(id="welcome", text="Hello"))
    batch = {"sender": BATCH["sender"], "recipients": BATCH["recipients"], "template_id": "welcome"}
    desk.upload("one.json", batch)
    assert stored(desk)["content"]["text"] == "Hello"


def test_an_eml_upload_goes_to_its_to_and_cc_byte_for_byte() -> None:
    desk = Desk()
    desk.upload("one.eml", EML)
    assert stored(desk)["content"]["message"].encode("latin-1") == EML
    assert recipients(desk) == ["ann@sink.example", "ben@sink.example", "cay@sink.example"]


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("Friends: ann@sink.example, Ben <ben@sink.example>;", ["ann", "ben"]),
        ("ann@sink.example (Ann (of course)), ben@sink.example", ["ben"]),
        ("ann@sink.example (Ann),\r\n ben@sink.example", ["ann", "ben"]),
        ('"a, b <x@y.example>" <ann@sink.example>', ["ann"]),
        ("ann@sink.example,, ,ben@sink.example", ["ann", "ben"]),
        ("ann@sink.example junk, ben@sink.example", ["ben"]),
        ("undisclosed-recipients:;, ann@sink.example", ["ann"]),
        ("ann@sink.example, ANN@SINK.EXAMPLE", ["ann"]),
    ],
)
def test_the_addresses_of_an_eml_are_read_as_rfc_5322_says(to: str, expected: list[str]) -> None:
    desk = Desk()
    desk.upload("one.eml", eml(To=to))
    assert recipients(desk) == [f"{name}@sink.example" for name in expected]


def test_what_is_no_address_in_an_eml_is_rejected_by_itself() -> None:
    desk = Desk()
    desk.upload("one.eml", eml(To="ann@sink.example, nobody, a@b.example c@d.example"))
    assert stored(desk)["content"]["rejected"] == [
        {"email": "nobody", "reason": "invalid_email"},
        {"email": "a@b.example c@d.example", "reason": "invalid_email"},
    ]


def test_an_event_that_comes_twice_makes_one_batch() -> None:
    desk = Desk()
    desk.upload("one.json", BATCH)
    before = desk.work()
    desk.event(f"inbox/{DOMAIN}/one.json")
    assert desk.work() == before


def test_an_event_that_comes_when_all_is_done_changes_nothing() -> None:
    desk = Desk()
    desk.upload("one.json", BATCH)
    desk.validate()
    before = desk.work()
    desk.event(f"inbox/{DOMAIN}/one.json")
    assert desk.work() == before


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("write", [1, 2])
def test_an_upload_whose_submit_died_becomes_one_batch(write: int, when: Any) -> None:
    desk = Desk()
    key = f"inbox/{DOMAIN}/one.json"
    desk.do(desk.store.put(key, json.dumps(BATCH).encode()))
    desk.core.store = faulty = FaultStore(desk.store, die_at=write, when=when)
    with pytest.raises(Died):
        desk.do(run(inbox.stage(desk.core), faulty, lambda: desk.now, Wake(key)))
    desk.core.store = desk.store
    desk.now += 100
    desk.event(key)
    assert recipients(desk) == ["ann@sink.example"]


def test_a_new_upload_under_an_old_name_is_a_new_batch() -> None:
    desk = Desk()
    desk.upload("one.json", BATCH)
    desk.now += 1
    desk.upload("one.json", BATCH)
    assert len(desk.keys("submitted/")) == 2


def test_the_same_upload_under_two_names_is_two_batches() -> None:
    desk = Desk()
    desk.upload("one.json", BATCH)
    desk.upload("two.json", BATCH)
    assert len(desk.keys("submitted/")) == 2


# What goes to failed/, whole and with its cause.


@pytest.mark.parametrize(
    ("name", "body", "cause"),
    [
        ("one.json", b"{", "Problem: Input data was truncated"),
        ("one.json", b"\xff", "Problem: "),
        ("one.json", {**BATCH, "colour": "red"}, "unknown field `colour`"),
        ("one.json", {**BATCH, "recipients": []}, "Problem: recipients is empty"),
        ("one.json", {**BATCH, "recipients": [{"email": "x"}]}, "none of the 1 Recipients"),
        ("one.json", {**BATCH, "sender": {"email": "a@b.example"}}, "sends for example.org"),
        ("one.json", {**BATCH, "template_id": "x"}, "has no Template 'x'"),
        ("one.eml", b"", "no empty line ends the headers"),
        ("one.eml", EML.replace(b"\r\n", b"\n"), "bare CR or LF"),
        ("one.eml", eml(From="evil@foreign.example"), "not for foreign.example"),
        ("one.eml", eml(Bcc="secret@sink.example"), "a Bcc header would be seen by everyone"),
        ("one.eml", eml(**{"Resent-Bcc": "secret@sink.example"}), "Bcc"),
        ("one.eml", eml(To="undisclosed-recipients:;"), "recipients is empty"),
        ("one.eml", eml(To="(" * 900), "none of the 1 Recipients"),
        ("one.eml", b"From: news@example.org\r\n\r\nHi\r\n", "recipients is empty"),
        ("one.txt", b"hello", "'one.txt' ends neither in .json nor in .eml"),
        ("one", b"hello", "ends neither in .json nor in .eml"),
        ("", b"", "'' ends neither in .json nor in .eml"),
        ("deep/er/one.txt", b"", "ends neither in .json nor in .eml"),
    ],
)
def test_an_upload_that_cannot_be_a_batch_goes_to_failed(name: str, body: Any, cause: str) -> None:
    desk = Desk()
    desk.upload(name, body)
    assert cause in failed(desk, name)


def test_a_failed_upload_is_kept_whole() -> None:
    desk = Desk()
    desk.upload("one.json", b"\xff\x00 not json")
    failed(desk, "one.json")
    (key,) = desk.work()
    body = desk.get(key)["body"]
    assert base64.b64decode(body) == b"\xff\x00 not json"


@pytest.mark.parametrize("domain", ["unknown.example", "..", "EXAMPLE.ORG"])
def test_an_upload_for_an_unknown_domain_goes_to_failed(domain: str) -> None:
    desk = Desk()
    desk.upload("one.json", BATCH, domain)
    expected = f"no Domain is called {domain!r}: the folder below inbox/ names it"
    assert expected in failed(desk, "one.json", domain)


def test_an_upload_outside_of_any_folder_goes_to_failed() -> None:
    desk = Desk()
    desk.do(desk.store.put("inbox/one.json", b"{}"))
    desk.event("inbox/one.json")
    (key,) = desk.work()
    assert keys.parse_inbox(desk.get(key)["key"]) == ("one.json", "")


def test_an_upload_that_fails_does_not_stop_the_next() -> None:
    desk = Desk()
    desk.upload("bad.json", b"{")
    desk.upload("good.json", BATCH)
    assert len(desk.keys("submitted/")) == 1
