"""All data of one address: shown, and deleted, so that nothing else says anything different."""

import asyncio
import json
from itertools import product
from typing import Any

import msgspec
import pytest
from admin_desk import NOW, OTHER, AdminDesk
from contents import content_of
from station import DOMAIN

from functions.admin.resources import addresses
from functions.validate.cut import Cut
from shared import feedback, inbound, keys, outcome
from shared.archive import content_with, submitted_again
from shared.codec import pack, unpack
from shared.errors import Malformed
from shared.feedback import Event
from shared.ids import batch_id, delivery_id
from shared.inbound import Inbound
from shared.model import Bag, Content, Rejection, Row, Submitted, encode, encode_submitted
from shared.one_address.deleting import delete
from shared.one_address.person import Person
from shared.one_address.walking import Search
from shared.outcome import Outcome, State
from shared.readback import ReadBack
from shared.stage import Failure
from shared.store.base import Store
from shared.store.memory import MemoryStore
from shared.store.wrap import Died, FaultStore
from shared.suppressions import Suppression, digest, editing
from shared.suppressions.entry import forgotten

ANN, BEN = "ann@sink.example", "ben@sink.example"
SPELLINGS = (ANN, "ANN@Sink.example", '"ann"@sink.example', '"\\a\\nn"@sink.example')
ONE, TWO, LARGE, FOREIGN = (batch_id(NOW + n, bytes(10)) for n in range(4))
REPORT, MAIL = batch_id(NOW + 10, bytes(10)), batch_id(NOW + 11, bytes(10))
URL = f"/v1/domains/{DOMAIN}/addresses"
WHO = [BEN, "cas@other.example", "Ann@SINK.example", "dan@sink.example"]


def content(batch: str, accepted: int, domain: str = DOMAIN, bag_size: int = 500) -> Content:
    return content_of(
        batch,
        domain,
        NOW,
        digest="d",
        accepted=accepted,
        subject="Hello",
        text=f"Dear {ANN}, this is for you" if accepted == 1 else "Dear {{ name }}",
        metadata={"customer": "4711"},
        bag_size=bag_size,
        rejected=[Rejection(ANN, "duplicate")],
    )


def raws(emails: list[str]) -> list[msgspec.Raw]:
    rows = [{"email": each, "fields": {"name": each.title()}} for each in emails]
    return [msgspec.Raw(msgspec.json.encode(row)) for row in rows]


def line(batch: str, n: int, recipient: str, state: State, text: str = "") -> Outcome:
    return Outcome(
        delivery=delivery_id(batch, 0, n), recipient=recipient, outcome=state, at=NOW, text=text
    )


def objects() -> dict[str, bytes]:
    """Two Batches with Ann in them, one for her alone, a large one, another Domain's; what came
    back; mail from her."""
    gone = f"550 5.1.1 <{ANN.upper()}> is unknown; ask joann@sink.example"
    big = Submitted(content=content(LARGE, 4, bag_size=2), recipients=raws(WHO))
    return {
        keys.content(ONE): content_with(content(ONE, 4), raws(WHO)),
        keys.outcome_part(ONE, 0, 0, 0): outcome.encode_lines(
            [
                line(ONE, 0, "cas@other.example", State.DELIVERED),
                line(ONE, 1, BEN, State.DELIVERED),
                line(ONE, 2, "Ann@sink.example", State.DEFERRED),
            ]
        ),
        keys.late_outcome(ONE, 0, REPORT): outcome.encode_lines(
            [line(ONE, 2, ANN, State.BOUNCED, gone)]
        ),
        keys.content(TWO): content_with(content(TWO, 1), raws([ANN])),
        keys.outcome_part(TWO, 0, 0, 0): outcome.encode_lines([line(TWO, 0, ANN, State.DELIVERED)]),
        keys.content(LARGE): pack([encode(content(LARGE, 4, bag_size=2))]),
        keys.archived(keys.submitted(LARGE)): pack(encode_submitted(big)),
        keys.content(FOREIGN): content_with(content(FOREIGN, 1, OTHER), raws([ANN])),
        keys.outcome_part(FOREIGN, 0, 0, 0): outcome.encode_lines(
            [line(FOREIGN, 0, ANN, State.DELIVERED)]
        ),
        **happened(gone),
    }


def happened(gone: str) -> dict[str, bytes]:
    clicked = Event(
        delivery=delivery_id(TWO, 0, 0),
        recipient=ANN,
        kind=feedback.CLICKED,
        at=NOW,
        url="https://shop.example/?for=ann",
        ip="192.0.2.7",
        user_agent="Browser",
    )
    anonymous = Event(delivery="", recipient=f"anonymous@track.{DOMAIN}", kind="opened", at=NOW)
    bounced = Event(
        delivery=delivery_id(ONE, 0, 2), recipient=ANN, kind="bounced", at=NOW, text=gone
    )
    own = f"abuse@{DOMAIN}"
    received = b"Received: by us\r\n"
    asked = Inbound(ANN, [own], received + b"Subject: stop\r\n\r\nPlease.\r\n")
    named = Inbound("x@y.example", [own], received + b'From: "A" <ANN@sink.example>\r\n\r\nHi\r\n')
    other = Inbound(BEN, [own], received + f"From: {BEN}\r\n\r\nabout {ANN}\r\n".encode())
    mails = {MAIL: asked, f"{MAIL[:-1]}b": named, f"{MAIL[:-1]}c": other}
    return {
        keys.event(DOMAIN, NOW, "group"): feedback.encode_lines([anonymous, clicked]),
        keys.event(DOMAIN, NOW, REPORT): feedback.encode_lines([bounced]),
        keys.event(OTHER, NOW, "group"): feedback.encode_lines([clicked]),
        **{keys.received(DOMAIN, name): inbound.encode(mail) for name, mail in mails.items()},
        keys.archived(keys.inbound(REPORT)): b"Return-Path: <>\r\n a report about Ann",
        keys.archived(keys.inbound(MAIL)): inbound.encode(asked),
        keys.archived(keys.inbound(f"{MAIL[:-1]}c")): inbound.encode(other),
    }


async def fill(store: Store) -> None:
    for key, body in objects().items():
        await store.put(key, body)
    for reason in ("hard_bounce", "complaint"):
        entry = Suppression(email=ANN, reason=reason, at=NOW, delivery=delivery_id(ONE, 0, 2))
        await editing.add(store, DOMAIN, entry)


@pytest.fixture
def desk() -> AdminDesk:
    desk = AdminDesk()
    desk.do(fill(desk.store))
    return desk


def texts(desk: AdminDesk) -> dict[str, str]:
    listed = desk.keys()
    return {key: bytes(unpack(desk.do(desk.store.get(key)).body)).decode() for key in listed}


def test_everything_about_an_address_is_shown(desk: AdminDesk) -> None:
    shown = desk.as_domain("GET", f"{URL}/ann@Sink.Example").json
    assert shown["address"] == ANN
    assert shown["suppression"]["reason"] in ("hard_bounce", "complaint")
    batches = {each["batch"]: each for each in shown["batches"]}
    assert set(batches) == {ONE, TWO, LARGE}, "no other Domain's"
    assert [each["outcome"] for each in batches[ONE]["outcomes"]] == ["deferred", "bounced"]
    for batch in (ONE, LARGE):
        assert [row["email"] for row in batches[batch]["recipients"]] == ["Ann@SINK.example"]
        assert [each["reason"] for each in batches[batch]["rejected"]] == ["duplicate"]
    assert sorted(each["kind"] for each in shown["events"]) == ["bounced", "clicked"]
    assert sorted(each["key"] for each in shown["received"]) == [
        keys.received(DOMAIN, MAIL),
        keys.received(DOMAIN, f"{MAIL[:-1]}b"),
    ]


def test_who_was_never_written_to_has_nothing(desk: AdminDesk) -> None:
    shown = desk.as_domain("GET", f"{URL}/stranger@sink.example").json
    assert (shown["batches"], shown["events"], shown["received"]) == ([], [], [])
    assert shown["suppression"] is None
    before = texts(desk)
    assert desk.call("DELETE", f"{URL}/stranger@sink.example").json["rewritten"] == 0
    assert texts(desk) == before


def test_deleted_data_is_gone_and_all_else_stays(desk: AdminDesk) -> None:
    before = texts(desk)
    done = desk.as_domain("DELETE", f"{URL}/{ANN}").json
    assert (done["rewritten"], done["deleted"], done["open"]) == (9, 4, [])
    assert done["suppressed"]
    after = texts(desk)
    mails = [key for key in after if key.startswith(("received/", "archive/inbound/"))]
    others = {key: text.lower().replace("joann@", "") for key, text in after.items()}
    kept = {key: text for key, text in others.items() if ANN in text}
    assert set(kept) == {
        *(keys.content(FOREIGN), keys.outcome_part(FOREIGN, 0, 0, 0)),
        *(keys.event(OTHER, NOW, "group"), *mails),
    }, "what is another Domain's; and a letter of Ben's, who mentions her"
    for key in before.keys() - after.keys():
        assert key.startswith(("received/", "archive/inbound/", "domains/"))
    for who in (BEN, "cas@other.example", "dan@sink.example"):
        assert any(who in text for text in after.values())


def test_the_others_lines_keep_every_byte(desk: AdminDesk) -> None:
    part = keys.outcome_part(ONE, 0, 0, 0)
    before = texts(desk)[part].split("\n")
    desk.call("DELETE", f"{URL}/{ANN}")
    after = texts(desk)[part].split("\n")
    assert after[:2] == before[:2]
    assert json.loads(after[2]) == json.loads(before[2]) | {"recipient": forgotten(ANN)}


def test_what_a_server_said_names_nobody_and_others_stay_in_it(desk: AdminDesk) -> None:
    desk.call("DELETE", f"{URL}/{ANN}")
    said = json.loads(texts(desk)[keys.late_outcome(ONE, 0, REPORT)])["text"]
    assert said == f"550 5.1.1 <{forgotten(ANN)}> is unknown; ask joann@sink.example"


def test_where_somebody_was_and_with_what_is_gone(desk: AdminDesk) -> None:
    desk.call("DELETE", f"{URL}/{ANN}")
    lines = texts(desk)[keys.event(DOMAIN, NOW, "group")].splitlines()
    anonymous, clicked = map(json.loads, lines)
    assert anonymous["recipient"] == f"anonymous@track.{DOMAIN}"
    assert clicked == {
        "delivery": delivery_id(TWO, 0, 0),
        "recipient": forgotten(ANN),
        "kind": "clicked",
        "at": NOW,
    }


def test_a_batch_for_her_alone_says_nothing_any_more(desk: AdminDesk) -> None:
    desk.call("DELETE", f"{URL}/{ANN}")
    left = json.loads(texts(desk)[keys.content(TWO)])
    assert not left.keys() & {"subject", "text", "metadata"}
    assert left["recipients"] == [{"email": forgotten(ANN)}]
    assert json.loads(texts(desk)[keys.content(ONE)])["subject"] == "Hello"


def test_readers_see_the_same_deliveries_as_before(desk: AdminDesk) -> None:
    async def states() -> dict[str, Any]:
        reading = ReadBack(desk.store)
        found = {}
        for batch in (ONE, TWO):
            page = await reading.deliveries(DOMAIN, batch, "", 100, None)
            found |= {each.delivery: each.state for each in page.deliveries}
            status = await reading.batch(DOMAIN, batch, NOW)
            found[batch] = status.outcomes
        return found

    before = desk.do(states())
    desk.call("DELETE", f"{URL}/{ANN}")
    assert desk.do(states()) == before


@pytest.mark.parametrize(("batch", "bag_size"), [(ONE, 500), (LARGE, 2)])
def test_a_replay_still_puts_everybody_in_their_place(
    desk: AdminDesk, batch: str, bag_size: int
) -> None:
    def rows() -> dict[tuple[int, int], str]:
        body, size = desk.do(submitted_again(desk.store, batch))
        assert size == bag_size
        decoded = msgspec.json.decode(unpack(body), type=Submitted)
        bags = Cut(decoded.recipients, size).bags(batch, DOMAIN, frozenset(), {})
        return {(bag.bag, row.n): row.rejected or row.email for bag in bags for row in bag.rows}

    before = rows()
    desk.call("DELETE", f"{URL}/{ANN}")
    (place,) = [place for place, who in before.items() if who.lower() == ANN]
    assert rows() == before | {place: "invalid_email"}, "and she gets nothing"


def test_she_stays_suppressed_by_her_digest_alone(desk: AdminDesk) -> None:
    desk.call("DELETE", f"{URL}/{ANN}")
    shown = desk.call("GET", f"/v1/domains/{DOMAIN}/suppressions").json["suppressions"]
    assert [(each["email"], each["digest"], each["delivery"]) for each in shown] == [
        ("", digest(ANN), "")
    ]


def test_a_complaint_about_an_old_mail_still_counts_for_the_forgotten(desk: AdminDesk) -> None:
    desk.call("DELETE", f"/v1/domains/{DOMAIN}/suppressions/{ANN}")
    desk.call("DELETE", f"{URL}/{ANN}")
    desk.do(
        editing.add(
            desk.store, DOMAIN, Suppression(email=forgotten(ANN), reason="complaint", at=NOW)
        )
    )
    assert (
        desk.call("GET", f"/v1/domains/{DOMAIN}/suppressions/{ANN}").json["reason"] == "complaint"
    )
    assert all(forgotten(ANN) not in text for key, text in texts(desk).items() if "/supp" in key)


def test_deleting_again_finds_nothing(desk: AdminDesk) -> None:
    desk.call("DELETE", f"{URL}/{ANN}")
    before = texts(desk)
    again = desk.call("DELETE", f"{URL}/{ANN}").json
    assert (again["rewritten"], again["deleted"]) == (0, 0)
    assert texts(desk) == before
    shown = desk.call("GET", f"{URL}/{ANN}").json
    assert (shown["batches"], shown["events"], shown["received"]) == ([], [], [])


def test_work_on_its_way_is_named_and_left_alone(desk: AdminDesk) -> None:
    bag = encode(Bag(batch=ONE, bag=1, domain=DOMAIN, rows=[Row(0, ANN)]))
    lost = Failure(
        stage="dispatch",
        key=keys.validated(ONE, 3),
        cause="x",
        message="x",
        last_line="",
        at=NOW,
        tries=1,
        body=bag,
    )
    fresh = Submitted(content=content(FOREIGN[:-1] + "z", 1), recipients=raws([ANN]))
    work = {
        keys.validated(ONE, 1): bag,
        keys.waiting(NOW + 60, keys.dispatched(ONE, 2, 1)): pack([bag, b" " * 100_000]),
        keys.failed("dispatch", keys.validated(ONE, 3)): msgspec.json.encode(lost),
        keys.submitted(FOREIGN[:-1] + "z"): pack(encode_submitted(fresh)),
    }
    for key, body in work.items():
        desk.do(desk.store.put(key, body))
    others = encode(Bag(batch=ONE, bag=5, domain=DOMAIN, rows=[Row(0, BEN)]))
    desk.do(desk.store.put(keys.validated(ONE, 5), others))
    before = {key: text for key, text in texts(desk).items() if key in work}
    shown = desk.call("GET", f"{URL}/{ANN}").json
    assert sorted(key for each in shown["batches"] for key in each["open"]) == sorted(work)
    done = desk.call("DELETE", f"{URL}/{ANN}").json
    assert sorted(done["open"]) == sorted(work)
    assert {key: text for key, text in texts(desk).items() if key in work} == before


def test_an_upload_that_waits_or_has_failed_is_named_and_left_alone(desk: AdminDesk) -> None:
    upload = json.dumps({"recipients": [{"email": ANN}]}).encode()
    lost = Failure(
        stage="submit",
        key=keys.inbox(DOMAIN, "b.json"),
        cause="x",
        message="x",
        last_line="",
        at=NOW,
        tries=1,
        body=upload,
    )
    named = {
        keys.inbox(DOMAIN, "a.json"): upload,
        keys.failed("submit", keys.inbox(DOMAIN, "b.json")): msgspec.json.encode(lost),
    }
    others = {keys.inbox(OTHER, "a.json"): upload, keys.inbox(DOMAIN, "c.json"): b"not about her"}
    for key, body in {**named, **others}.items():
        desk.do(desk.store.put(key, body))
    assert desk.call("GET", f"{URL}/{ANN}").json["uploads"] == list(named)
    assert desk.call("DELETE", f"{URL}/{ANN}").json["open"] == list(named)
    assert {*named, *others} <= set(desk.keys(""))


def test_too_much_for_one_call_changes_nothing_and_leads_to_the_command(
    desk: AdminDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "MOST_OBJECTS", 10)
    before = texts(desk)
    for method in ("GET", "DELETE"):
        answer = desk.call(method, f"{URL}/{ANN}")
        assert (answer.status, answer.problem) == (422, "too_much_to_search")
        assert "ekiden address" in answer.json["detail"]
    assert texts(desk) == before


@pytest.mark.parametrize("address", ["nobody", "@", "a@b", "a@b@c.example", "\x00@b.example"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_what_is_no_address_is_refused(desk: AdminDesk, method: str, address: str) -> None:
    answer = desk.call(method, f"{URL}/{address}")
    assert (answer.status, answer.problem) in ((422, "invalid_parameter"), (404, "not_found"))


def test_a_domain_that_is_not_there_has_no_addresses(desk: AdminDesk) -> None:
    for method in ("GET", "DELETE"):
        assert desk.call(method, f"/v1/domains/nowhere.example/addresses/{ANN}").status == 404


@pytest.mark.parametrize(
    "key",
    [keys.content(ONE), keys.outcome_part(ONE, 0, 0, 0), keys.event(DOMAIN, NOW, "group")],
)
@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{"])
def test_an_object_that_cannot_be_read_is_said_and_not_passed_over(
    desk: AdminDesk, key: str, body: bytes
) -> None:
    if body == b"" and key != keys.content(ONE):
        return  # no lines are no fault
    desk.do(desk.store.put(key, body))
    for method in ("GET", "DELETE"):
        assert desk.call(method, f"{URL}/{ANN}").problem == "refused"


def test_dying_at_any_write_and_deleting_again_leaves_nothing() -> None:
    async def story(die_at: int | None, when: Any) -> tuple[int, dict[str, bytes]]:
        store = MemoryStore(lambda: NOW)
        await fill(store)
        faulty = FaultStore(store, die_at, when)
        try:
            await delete(Search(faulty, DOMAIN, Person(ANN)))
        except Died:
            await delete(Search(store, DOMAIN, Person(ANN)))
        left = {
            each.key: await store.get(each.key) for each in await store.list_page("", limit=999)
        }
        return len(faulty.writes), {key: found.body for key, found in left.items()}

    writes, expected = asyncio.run(story(None, "before"))
    for die_at, when in product(range(1, writes + 1), ("before", "after")):
        _, left = asyncio.run(story(die_at, when))
        assert left == expected, f"died {when} write {die_at}"


def test_what_an_object_gains_meanwhile_is_not_lost() -> None:
    """Another writes to it between the reading and the replacing."""

    class Meanwhile(FaultStore):
        async def replace(self, key: str, body: bytes, etag: str) -> str:
            if key == keys.outcome_part(ONE, 0, 0, 0) and not self.dead:
                self.dead = True
                before = (await self.inner.get(key)).body
                more = outcome.encode_lines([line(ONE, 3, "dan@sink.example", State.DELIVERED)])
                await self.inner.put(key, before + more)
                self.dead = False
                self.replace = self.inner.replace  # type: ignore[method-assign]
            return await super().replace(key, body, etag)

    async def story() -> bytes:
        store = MemoryStore(lambda: NOW)
        await fill(store)
        await delete(Search(Meanwhile(store), DOMAIN, Person(ANN)))
        return (await store.get(keys.outcome_part(ONE, 0, 0, 0))).body

    lines = outcome.decode_lines(asyncio.run(story()))
    assert [each.recipient for each in lines][2:] == [forgotten(ANN), "dan@sink.example"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<ann@sink.example>", "<{}>"),
        ("Ann@Sink.Example said", "{} said"),
        ("joann@sink.example", "joann@sink.example"),
        ("ann@sink.example.org", "{}.org"),
        ("x+ann@sink.example", "x+ann@sink.example"),
        ("", ""),
    ],
)
def test_an_address_is_taken_out_of_a_text(text: str, expected: str) -> None:
    assert Person(ANN).without(text) == expected.format(forgotten(ANN))


@pytest.mark.parametrize("person", SPELLINGS)
@pytest.mark.parametrize("stored", SPELLINGS)
def test_work_is_hers_in_every_spelling(person: str, stored: str) -> None:
    work = json.dumps({"recipients": [{"email": stored}]}).encode()
    others = json.dumps({"recipients": [{"email": BEN}, {"email": "anne@sink.example"}]}).encode()
    assert Person(person).is_(stored)
    assert Person(person).may_be_in(work.lower())
    assert not Person(person).may_be_in(others.lower())


@pytest.mark.parametrize("person", [ANN, "ANN@Sink.example", '"ann"@sink.example'])
@pytest.mark.parametrize("said", [ANN, "ANN@Sink.example", '"ann"@sink.example'])
def test_what_a_server_said_names_her_in_no_spelling(person: str, said: str) -> None:
    assert Person(person).without(f"550 <{said}>: gone") == f"550 <{forgotten(ANN)}>: gone"


def test_spellings_of_one_address_are_one_person() -> None:
    person = Person("jürgen@bücher.example")
    assert person.is_("JÜRGEN@xn--bcher-kva.example")
    assert person.is_("jürgen@BÜCHER.example")
    assert not person.is_("jurgen@xn--bcher-kva.example")
    assert person.is_in('"J" <jürgen@bücher.example>, x@y.example')
    with pytest.raises(Malformed):
        Person("nobody")
