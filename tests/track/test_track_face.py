"""What happens at /o/, /c/ and /u/: for people, for programs, for forgers, and without a store."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import pytest

from functions.track.face import DOT, TrackFace
from functions.track.recorder import Recorder
from shared import keys, tracking_keys
from shared.domains import Directory
from shared.errors import StoreUnavailable
from shared.feedback import Event, decode_lines
from shared.http import Request, Response
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.store.base import list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore, Wrapper
from shared.suppressions import Suppressions
from shared.tracking import Level
from shared.tracking_tokens import CLICK, OPEN, UNSUBSCRIBE, Signer, SigningKey

NOW = 1_800_000_000.0
DOMAIN, OTHER = "example.org", "other.example"
BATCH = batch_id(NOW, b"0123456789")
DELIVERY = delivery_id(BATCH, 0, 7)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

T = TypeVar("T")


class Away(Wrapper):
    """A store whose creates fail when it is told so."""

    gone = False

    async def _pass_on(self, op: str, key: str, call: Any) -> Any:
        if self.gone and op == "create":
            raise StoreUnavailable("it is away")
        return await call()


class Reader:
    """Somebody with a mail, and what is in the bucket afterwards."""

    def __init__(self) -> None:
        self.now = NOW
        self.store = Away(MemoryStore(lambda: self.now))
        for domain in (DOMAIN, OTHER):
            self.do(tracking_keys.ensure(self.store, domain, NOW))
        outcome = Outcome(
            delivery=DELIVERY, recipient="ann@sink.example", outcome=State.DELIVERED, at=NOW
        )
        place = keys.outcome_part(BATCH, 0, 0, 0)
        self.do(self.store.put(place, encode_lines([outcome])))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def token(
        self, kind: str, level: Level = Level.IDENTIFIED, url: str = "", domain: str = DOMAIN
    ) -> str:
        stored = self.do(self.store.get(keys.domain_tracking(domain))).body
        key = tracking_keys.decode(stored).signing
        return Signer(key, domain, BATCH, NOW).token(kind, level, DELIVERY, url)

    async def face(self) -> TrackFace:
        return TrackFace(self.store, lambda: self.now, Recorder(self.store, lambda: self.now, 0.0))

    def visit(self, path: str, method: str = "GET", **headers: str) -> Response:
        named = {"user-agent": FIREFOX, "x-forwarded-for": "192.0.2.1, 198.51.100.7"}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}

        async def act() -> Response:
            return await (await self.face()).handle(Request(method, path, named))

        return self.do(act())

    def events(self) -> list[Event]:
        async def read() -> list[Event]:
            found = [entry.key async for entry in list_all(self.store, "events/")]
            return [e for key in found for e in decode_lines((await self.store.get(key)).body)]

        return self.do(read())

    def suppressed(self) -> bool:
        known = Suppressions(self.store, Directory(self.store, lambda: self.now))
        from shared.suppressions import is_suppressed

        return is_suppressed("ann@sink.example", self.do(known.of(DOMAIN)))


def test_an_open_is_a_pixel_and_an_event() -> None:
    reader = Reader()
    answer = reader.visit(f"/o/{reader.token(OPEN)}")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, DOT, "image/gif")
    (event,) = reader.events()
    assert (event.kind, event.delivery, event.batch, event.by) == ("opened", DELIVERY, BATCH, "")
    assert (event.ip, event.user_agent) == ("", "")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/?a=1&b=2#there",
        "http://example.com",
        "https://example.com/%C3%A9?x=%20",
    ],
)
def test_a_click_leads_where_the_link_led(url: str) -> None:
    reader = Reader()
    answer = reader.visit(f"/c/{reader.token(CLICK, url=url)}")
    assert (answer.status, answer.headers["location"]) == (302, url)
    assert [event.url for event in reader.events()] == [url]


def test_what_no_header_can_hold_is_percent_encoded() -> None:
    reader = Reader()
    answer = reader.visit(f"/c/{reader.token(CLICK, url='https://é.example/a b?x=é')}")
    assert answer.headers["location"] == "https://%C3%A9.example/a%20b?x=%C3%A9"


@pytest.mark.parametrize("level", list(Level))
def test_an_event_says_no_more_than_its_level(level: Level) -> None:
    reader = Reader()
    reader.visit(f"/o/{reader.token(OPEN, level)}")
    (event,) = reader.events()
    knows = level in ("identified", "full")
    assert event.delivery == (DELIVERY if knows else "")
    assert event.recipient == ("" if knows else event.recipient)
    assert "ann" not in event.recipient
    assert (event.ip, bool(event.user_agent)) == (
        ("198.51.100.7", True) if level == "full" else ("", False)
    )


@pytest.mark.parametrize(
    ("agent", "by"),
    [
        (FIREFOX, ""),
        ("Mozilla/5.0", "proxy"),
        (
            "Mozilla/5.0 (rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "proxy",
        ),
        ("YahooMailProxy; https://help.yahoo.com", "proxy"),
        ("Barracuda Sentinel (EE)", "bot"),
        ("curl/8.1", "bot"),
        ("Slackbot-LinkExpanding 1.0", "bot"),
        ("Mozilla/5.0 (Linux; Android 10; CUBOT NOTE 20) Chrome/131.0 Mobile Safari/537.36", ""),
        ("", "bot"),
    ],
)
def test_programs_are_told_from_people(agent: str, by: str) -> None:
    reader = Reader()
    reader.visit(f"/o/{reader.token(OPEN)}", user_agent=agent)
    assert [event.by for event in reader.events()] == [by]


def test_a_prefetch_and_a_head_are_nobody() -> None:
    reader = Reader()
    reader.visit(f"/c/{reader.token(CLICK, url='https://a.example')}", sec_purpose="prefetch")
    assert [event.by for event in reader.events()] == ["bot"]
    answer = reader.visit(f"/c/{reader.token(CLICK, url='https://a.example')}", "HEAD")
    assert (answer.status, len(reader.events())) == (302, 1)


def test_a_look_unsubscribes_nobody_and_a_post_does_at_once() -> None:
    reader = Reader()
    path = f"/u/{reader.token(UNSUBSCRIBE)}"
    shown = reader.visit(path)
    assert (shown.status, b'<form method="post">' in shown.body) == (200, True)
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert not reader.suppressed()
    assert reader.visit(path, "POST").status == 200
    assert reader.suppressed()
    (event,) = reader.events()
    assert (event.kind, event.recipient, event.delivery) == (
        "unsubscribed",
        "ann@sink.example",
        DELIVERY,
    )
    assert reader.visit(path, "POST").status == 200  # twice is once


def test_unsubscribing_again_and_again_makes_the_list_no_longer() -> None:
    reader = Reader()
    path = f"/u/{reader.token(UNSUBSCRIBE)}"
    for _ in range(5):
        reader.now += 1
        assert reader.visit(path, "POST").status == 200

    async def listed() -> list[str]:
        return [entry.key async for entry in list_all(reader.store, keys.suppressions(DOMAIN))]

    assert len(reader.do(listed())) == 1


def test_who_unsubscribes_before_the_outcome_is_stored_is_asked_to_come_again() -> None:
    reader = Reader()
    path = f"/u/{reader.token(UNSUBSCRIBE)}"
    place = keys.outcome_part(BATCH, 0, 0, 0)
    outcomes = reader.do(reader.store.get(place)).body
    reader.do(reader.store.delete(place))
    answer = reader.visit(path, "POST")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert not reader.suppressed()
    reader.do(reader.store.put(place, outcomes))
    assert reader.visit(path, "POST").status == 200
    assert reader.suppressed()


def test_who_unsubscribes_when_the_outcomes_are_forgotten_is_told_so() -> None:
    reader = Reader()
    path = f"/u/{reader.token(UNSUBSCRIBE)}"
    reader.do(reader.store.delete(keys.outcome_part(BATCH, 0, 0, 0)))
    reader.now += 10 * 86_400
    answer = reader.visit(path, "POST")
    assert (answer.status, b"Too late" in answer.body) == (410, True)
    assert not reader.suppressed()


def bad_tokens(reader: Reader) -> dict[str, str]:
    click = reader.token(CLICK, url="https://a.example")
    theirs = reader.token(CLICK, url="https://a.example", domain=OTHER)
    return {
        "nothing": "/c/",
        "truncated": f"/c/{click[:-1]}",
        "forged": f"/c/{'A' if click[9] != 'A' else 'B'}".join(("", click[1:])),
        "another channel": f"/o/{click}",
        "another channel's": f"/c/{reader.token(OPEN)}",
        "unsubscribe as click": f"/c/{reader.token(UNSUBSCRIBE)}",
        "click as unsubscribe": f"/u/{click}",
        "longer": f"/c/{click}AAAA",
        "a url": "/c/https://evil.example",
        "dots": "/c/../../x",
        "no letters": "/c/\u00e9\u00e9",
        "their domain, our mac": f"/c/{theirs[:20]}{click[20:]}",
    }


@pytest.mark.parametrize("name", bad_tokens(Reader()))
def test_every_wrong_token_gets_the_same_answer(name: str) -> None:
    reader = Reader()
    answer = reader.visit(bad_tokens(reader)[name])
    nothing = reader.visit("/c/")
    assert (answer.status, answer.body, answer.headers) == (404, nothing.body, nothing.headers)
    assert "location" not in answer.headers
    assert reader.events() == []


def test_an_expired_token_gets_it_too() -> None:
    reader = Reader()
    path = f"/c/{reader.token(CLICK, url='https://a.example')}"
    reader.now = NOW + 93 * 86400
    assert reader.visit(path).status == 404


def test_a_domain_that_is_gone_proves_nothing() -> None:
    reader = Reader()
    path = f"/o/{reader.token(OPEN)}"
    reader.do(reader.store.delete(keys.domain_tracking(DOMAIN)))
    assert reader.visit(path).status == 404


def test_tokens_of_a_replaced_key_hold_until_they_expire() -> None:
    reader = Reader()
    old = f"/o/{reader.token(OPEN)}"
    for _ in range(3):
        reader.do(tracking_keys.rotate(reader.store, DOMAIN, reader.now))
    assert reader.visit(old).status == 200
    assert reader.visit(f"/o/{reader.token(OPEN)}").status == 200


def test_a_key_that_was_made_a_moment_ago_is_known_at_once() -> None:
    reader = Reader()

    async def act() -> list[int]:
        face = await reader.face()
        statuses = []
        for _ in range(2):
            stored = (await reader.store.get(keys.domain_tracking(DOMAIN))).body
            signer = Signer(tracking_keys.decode(stored).signing, DOMAIN, BATCH, NOW)
            token = signer.token(OPEN, Level.FULL, DELIVERY)
            statuses.append((await face.handle(Request("GET", f"/o/{token}", {}))).status)
            await tracking_keys.rotate(reader.store, DOMAIN, NOW)
        return statuses

    assert reader.do(act()) == [200, 200]


def test_made_up_key_numbers_cost_one_look_a_second() -> None:
    reader = Reader()
    counting = CountingStore(reader.store)
    forged = Signer(SigningKey(200, b"x" * 32), DOMAIN, BATCH, NOW).token(
        OPEN, Level.FULL, DELIVERY
    )

    async def act() -> None:
        clock = lambda: reader.now  # noqa: E731
        face = TrackFace(counting, clock, Recorder(counting, clock, 0.0))
        for _ in range(100):
            assert (await face.handle(Request("GET", f"/o/{forged}", {}))).status == 404

    reader.do(act())
    assert counting.counts["get"] == 2


def test_a_key_that_no_token_needs_is_forgotten() -> None:
    rings = tracking_keys.renewed(None, NOW)
    later = tracking_keys.renewed(rings, NOW + 10)
    much_later = tracking_keys.renewed(later, NOW + 10 + tracking_keys.KEPT_S + 1)
    assert [key.id for key in much_later.keys] == [1, 2]


def test_many_keys_still_have_their_own_numbers() -> None:
    ring = tracking_keys.renewed(None, NOW)
    for _ in range(600):
        ring = tracking_keys.renewed(ring, NOW)
    assert len({key.id for key in ring.keys}) == len(ring.keys) == tracking_keys.MOST_KEYS


def test_who_reads_a_mail_does_not_suffer_when_the_store_is_away() -> None:
    reader = Reader()
    reader.store.gone = True
    assert reader.visit(f"/o/{reader.token(OPEN)}").status == 200
    assert reader.visit(f"/c/{reader.token(CLICK, url='https://a.example')}").status == 302
    unsubscribed = reader.visit(f"/u/{reader.token(UNSUBSCRIBE)}", "POST")
    assert (unsubscribed.status, unsubscribed.headers["retry-after"]) == (503, "5")


def test_events_that_come_together_are_one_object() -> None:
    reader = Reader()
    token = reader.token(OPEN)

    async def crowd() -> None:
        face = await reader.face()
        request = Request("GET", f"/o/{token}", {"user-agent": FIREFOX})
        answers = await asyncio.gather(*(face.handle(request) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}

    reader.do(crowd())
    assert len(reader.events()) == 50

    async def count() -> int:
        return len([entry async for entry in list_all(reader.store, "events/")])

    assert reader.do(count()) == 1


def test_one_reader_who_goes_away_takes_no_others_event_along() -> None:
    reader = Reader()
    token = reader.token(OPEN)

    async def crowd() -> None:
        face = await reader.face()
        request = Request("GET", f"/o/{token}", {"user-agent": FIREFOX})
        first, second = (asyncio.create_task(face.handle(request)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status == 200

    reader.do(crowd())
    assert len(reader.events()) == 2


def test_an_event_is_a_line_that_anybody_can_read() -> None:
    reader = Reader()
    reader.visit(f"/c/{reader.token(CLICK, Level.FULL, 'https://a.example')}")
    (event,) = reader.events()
    line = msgspec.to_builtins(event)
    assert {"delivery", "kind", "at", "batch", "url", "ip", "user_agent"} <= line.keys()
