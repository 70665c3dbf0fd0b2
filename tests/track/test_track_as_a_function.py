"""track under functions-framework, as a platform runs it: with real tokens, and killed.

Over SQLite and over a real S3 server. An event that was answered is there after `kill -9`.
"""

import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from function_processes import Answer, Bucket, Function
from seaweed import Seaweed

from functions.track.face import DOT
from shared import keys, tracking_keys
from shared.domains import Directory
from shared.feedback import Event, decode_lines
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.provision import add_domain
from shared.store.base import Store
from shared.suppressions import Suppressions, is_suppressed
from shared.tracking import Level
from shared.tracking_tokens import CLICK, OPEN, UNSUBSCRIBE, Signer

DOMAIN = "example.org"
ADDRESS = "ann@sink.example"
URL = "https://shop.example/?a=1&b=2"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
CROWD = 40


@dataclass
class Place:
    """A store with a Domain and one Delivery, and the tokens of its mail."""

    bucket: Bucket
    folder: Path
    batch: str
    delivery: str
    signer: Signer

    def path(self, kind: str, level: Level = Level.FULL, url: str = "") -> str:
        return f"/{kind}/{self.signer.token(kind, level, self.delivery, url)}"

    def events(self) -> list[Event]:
        found = self.bucket.keys(f"events/{DOMAIN}/")
        events = [event for key in found for event in decode_lines(self.bucket.body(key))]
        return [event for event in events if event.batch == self.batch]

    def is_suppressed(self) -> bool:
        async def ask(store: Store) -> bool:
            known = await Suppressions(store, Directory(store, time.time)).of(DOMAIN)
            return is_suppressed(ADDRESS, known)

        return self.bucket.do(ask)

    @contextmanager
    def running(self, **options: str) -> Iterator[Function]:
        function = Function("track", self.folder, store_url=self.bucket.url, **options)
        try:
            function.wait_until_it_lives()
            yield function
        finally:
            function.kill()


@pytest.fixture(scope="module", params=["sqlite", "s3"])
def bucket(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bucket]:
    url = f"sqlite:///{tmp_path_factory.mktemp('track')}/store.db"
    if request.param == "s3":
        server: Seaweed = request.getfixturevalue("seaweed")
        url = server.url(f"track-{secrets.token_hex(4)}/")
    with ExitStack() as stack:
        bucket = Bucket(url)
        stack.callback(bucket.close)
        bucket.do(lambda store: add_domain(store, DOMAIN, ["ed25519-sha256"], time.time()))
        bucket.do(lambda store: tracking_keys.ensure(store, DOMAIN, time.time()))
        yield bucket


@pytest.fixture
def place(bucket: Bucket, tmp_path: Path) -> Place:
    now = time.time()
    batch = batch_id(now, secrets.token_bytes(10))
    delivery = delivery_id(batch, 0, 7)
    told = Outcome(delivery=delivery, recipient=ADDRESS, outcome=State.DELIVERED, at=now)
    bucket.put(keys.outcome_part(batch, 0, 0, 0), encode_lines([told]))
    key = tracking_keys.decode(bucket.body(keys.domain_tracking(DOMAIN))).signing
    return Place(bucket, tmp_path, batch, delivery, Signer(key, DOMAIN, batch, now))


def visit(function: Function, path: str, method: str = "GET", body: bytes = b"") -> Answer:
    named = {"user_agent": FIREFOX, "x_forwarded_for": "192.0.2.1"}
    if body:
        named["content_type"] = "application/x-www-form-urlencoded"
    return function.ask(method, path, body, **named)


def test_a_mail_is_opened_clicked_and_unsubscribed(place: Place) -> None:
    with place.running() as function:
        opened = visit(function, place.path(OPEN))
        assert (opened.status, opened.headers["content-type"]) == (200, "image/gif")
        assert opened.body == DOT
        clicked = visit(function, place.path(CLICK, url=URL))
        assert (clicked.status, clicked.headers["location"]) == (302, URL)
        assert clicked.headers["cache-control"] == "no-store"

        page = visit(function, place.path(UNSUBSCRIBE))
        assert (page.status, b'<form method="post">' in page.body) == (200, True)
        assert not place.is_suppressed()
        # As mailbox providers send it: RFC 8058 §3.2.
        stop = b"List-Unsubscribe=One-Click"
        assert visit(function, place.path(UNSUBSCRIBE), "POST", stop).status == 200
        assert place.is_suppressed()

    events = {event.kind: event for event in place.events()}
    assert events.keys() == {"opened", "clicked", "unsubscribed"}
    assert (events["clicked"].url, events["clicked"].delivery) == (URL, place.delivery)
    assert (events["opened"].ip, events["opened"].user_agent) == ("192.0.2.1", FIREFOX)
    assert events["unsubscribed"].recipient == ADDRESS


def test_health_is_told_and_what_is_no_token_is_404(place: Place) -> None:
    with place.running() as function:
        for path in ("/healthz", "/_/health", "/readyz", "/_/ready"):
            answer = function.ask("GET", path)
            assert (answer.status, "ok" in json.loads(answer.body).values()) == (200, True)
        nothing = visit(function, "/o/")
        for path in ("/", "/o", f"{place.path(OPEN)}A", "/c/%2e%2e/%2e%2e", "/u/https://x.example"):
            answer = visit(function, path)
            assert (answer.status, answer.body) == (404, nothing.body)
        assert visit(function, place.path(OPEN), "PUT").status == 405
        assert visit(function, place.path(UNSUBSCRIBE), "POST", b"x" * 70_000).status == 413
    assert place.events() == []


def test_a_head_is_answered_as_a_get_and_is_nobody(place: Place) -> None:
    with place.running() as function:
        for path, status in (
            (place.path(OPEN), 200),
            (place.path(CLICK, url=URL), 302),
            (place.path(UNSUBSCRIBE), 200),
        ):
            answer = visit(function, path, "HEAD")
            assert (answer.status, answer.body) == (status, b"")
    assert place.events() == []


def test_the_longest_link_goes_through_the_server(place: Place) -> None:
    url = "https://a.example/" + "x" * 2950
    with place.running() as function:
        assert visit(function, place.path(CLICK, url=url)).headers["location"] == url


def test_what_was_answered_is_there_after_a_kill(place: Place) -> None:
    with place.running() as function:
        answered: list[int] = []
        path = place.path(OPEN, Level.PSEUDONYMOUS)
        crowd = [
            threading.Thread(target=lambda: answered.append(visit(function, path).status))
            for _ in range(CROWD)
        ]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join()
        function.kill()
    assert answered == [200] * CROWD
    assert len(place.events()) == CROWD


def test_an_unsubscribe_that_was_answered_is_there_after_a_kill(place: Place) -> None:
    with place.running() as function:
        path = place.path(UNSUBSCRIBE)
        assert visit(function, path, "POST", b"List-Unsubscribe=One-Click").status == 200
        function.kill()
    assert place.is_suppressed()
    assert [event.kind for event in place.events()] == ["unsubscribed"]


def test_killed_before_the_event_is_stored_it_has_not_answered(place: Place) -> None:
    answer = b""
    with (
        place.running(track_group="1h") as function,
        socket.create_connection(("127.0.0.1", function.port), timeout=20) as reader,
    ):
        request = f"GET {place.path(OPEN)} HTTP/1.1\r\nhost: t.example\r\n\r\n"
        reader.sendall(request.encode())
        assert function.ask("GET", "/healthz").status == 200  # it is alive, and silent
        function.kill()
        with suppress(ConnectionResetError):
            answer = reader.recv(1000)
    assert answer == b""
    assert place.events() == []
