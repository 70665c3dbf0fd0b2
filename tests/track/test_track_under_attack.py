"""What track answers to who wants to misuse it: no other place, no header, no other Domain."""

import asyncio

import pytest

from functions.track import assemble
from functions.track.face import TrackFace
from functions.track.recorder import Recorder
from functions.track.visitors import kind_of
from shared import keys, tracking_keys
from shared.config import load
from shared.errors import NotFound, StoreRefused, StoreUnavailable
from shared.feedback import BOT, PERSON
from shared.http import Request, Response
from shared.ids import batch_id, delivery_id
from shared.provision import add_domain, change_domain
from shared.store.memory import MemoryStore
from shared.store.wrap import Wrapper
from shared.tracking import Level
from shared.tracking_tokens import (
    CLICK,
    KINDS,
    LONGEST,
    OPEN,
    UNSUBSCRIBE,
    Signer,
    SigningKey,
    verified,
)

NOW = 1_800_000_000.0
DOMAIN, OTHER = "example.org", "other.example"
HOST, OTHER_HOST = f"t.{DOMAIN}", f"links.mail.{OTHER}"
BATCH = batch_id(NOW, b"0123456789")
DELIVERY = delivery_id(BATCH, 0, 7)
FIREFOX = {"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}


class Failing(Wrapper):
    """A store in which reads of Domain records fail, if it is told how."""

    error: Exception | None = None

    async def _pass_on(self, op, key, call):  # type: ignore[no-untyped-def]
        if self.error and op == "get" and key.endswith("/domain.json"):
            raise self.error
        return await call()


class World:
    """Two Domains with a tracking host each, and whoever calls."""

    def __init__(self) -> None:
        self.store = Failing(MemoryStore(lambda: NOW))
        asyncio.run(self._set_up())

    async def _set_up(self) -> None:
        for domain, host in ((DOMAIN, HOST), (OTHER, OTHER_HOST)):
            await add_domain(self.store, domain, ["ed25519-sha256"], NOW)
            await tracking_keys.ensure(self.store, domain, NOW)
            await change_domain(self.store, domain, tracking_host=host)

    async def key(self, domain: str = DOMAIN) -> SigningKey:
        stored = await self.store.get(keys.domain_tracking(domain))
        return tracking_keys.decode(stored.body).signing

    def token(self, kind: str, url: str = "", level: Level = Level.FULL) -> str:
        return Signer(asyncio.run(self.key()), DOMAIN, BATCH, NOW).token(kind, level, DELIVERY, url)

    def ask(self, path: str, method: str = "GET", **headers: str) -> Response:
        async def act() -> Response:
            face = TrackFace(self.store, lambda: NOW, Recorder(self.store, lambda: NOW, 0.0))
            return await face.handle(Request(method, path, {**FIREFOX, **headers}))

        return asyncio.run(act())


URLS = {
    "https://a.example/\r\nset-cookie: x=1": "https://a.example/%0D%0Aset-cookie:%20x=1",
    "https://a.example/\x00\x1f\x7f": "https://a.example/%00%1F%7F",
    "https://a.example\\@b.example": "https://a.example\\@b.example",
    "https://user:secret@a.example/": "https://user:secret@a.example/",
    "https://é.example/é?é#é": "https://%C3%A9.example/%C3%A9?%C3%A9#%C3%A9",
    "https://a.example/\u2028\u202e": "https://a.example/%E2%80%A8%E2%80%AE",
    "https://a.example/%0d%0a%2f%": "https://a.example/%0d%0a%2f%",
}


@pytest.mark.parametrize("url", URLS)
def test_a_location_is_one_line_of_ascii_and_leads_where_was_signed(url: str) -> None:
    world = World()
    answer = world.ask(f"/c/{world.token(CLICK, url)}")
    assert answer.headers["location"] == URLS[url]
    assert answer.headers["location"].isascii()
    assert answer.headers["location"].isprintable()


@pytest.mark.parametrize(
    "more",
    ["//evil.example", "/\\evil.example", "?url=https://evil.example", "@evil.example", "\r\nx: y"],
)
def test_nothing_behind_a_token_changes_where_it_leads(more: str) -> None:
    world = World()
    path = f"/c/{world.token(CLICK, 'https://a.example')}"
    assert world.ask(path + more).status == 404


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/c//evil.example", "/c/https:%2f%2fevil.example", "/c", "/c/.gif", ""],
)
def test_a_path_without_a_token_leads_nowhere(path: str) -> None:
    answer = World().ask(path)
    assert (answer.status, "location" in answer.headers) == (404, False)


@pytest.mark.parametrize("kind", [OPEN, CLICK, UNSUBSCRIBE])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_no_answer_may_be_kept_by_a_cache(kind: str, method: str) -> None:
    world = World()
    for text in (world.token(kind, "https://a.example" if kind == CLICK else ""), "wrong"):
        answer = world.ask(f"/{kind}/{text}", method)
        assert "no-store" in answer.headers["cache-control"]


def test_a_token_that_names_another_domain_is_worth_nothing() -> None:
    world = World()
    theirs = asyncio.run(world.key(OTHER))
    for domain in (DOMAIN, "nobody.example", "../domains", "EXAMPLE.ORG", "example.org/x"):
        text = Signer(theirs, domain, BATCH, NOW).token(CLICK, Level.FULL, DELIVERY, "https://e")
        assert world.ask(f"/c/{text}").status == 404


@pytest.mark.parametrize("kind", [OPEN, CLICK, UNSUBSCRIBE])
@pytest.mark.parametrize("host", [OTHER_HOST, f"{OTHER_HOST}:443", OTHER_HOST.upper()])
def test_a_domains_host_does_not_answer_for_another_domain(kind: str, host: str) -> None:
    world = World()
    path = f"/{kind}/{world.token(kind, 'https://a.example' if kind == CLICK else '')}"
    assert world.ask(path, host=host).status == 404


def test_a_host_that_an_operator_gave_to_two_domains_answers_for_both() -> None:
    world = World()
    asyncio.run(change_domain(world.store, DOMAIN, tracking_host=OTHER_HOST))
    assert world.ask(f"/o/{world.token(OPEN)}", host=OTHER_HOST).status == 200


def test_the_installations_host_answers_for_all_domains_although_it_is_one_domains_too() -> None:
    world = World()
    face = assemble.face(
        load(environ={}, flags={"track.public_url": f"https://{OTHER_HOST}:8443"}), world.store
    )
    request = Request("GET", f"/o/{world.token(OPEN)}", {**FIREFOX, "host": f"{OTHER_HOST}:8443"})
    assert asyncio.run(face.handle(request)).status == 200


@pytest.mark.parametrize(
    "host", [HOST, "", "t.installation.example", "127.0.0.1:8080", "[::1]", "x" * 5000, "\x00", "é"]
)
def test_all_other_hosts_answer_for_all_domains(host: str) -> None:
    world = World()
    assert world.ask(f"/o/{world.token(OPEN)}", host=host).status == 200


@pytest.mark.parametrize("error", [StoreUnavailable("away"), StoreRefused("no"), NotFound("none")])
def test_who_reads_a_mail_does_not_suffer_when_nobody_knows_whose_host_it_is(
    error: Exception,
) -> None:
    world = World()
    path = f"/o/{world.token(OPEN)}"
    world.store.error = error
    assert world.ask(path, host=OTHER_HOST).status == 200


def test_a_program_that_describes_itself_at_length_is_not_read_to_the_end() -> None:
    """`ProtonMail.*Proxy` in a long header takes a time that grows with its square."""
    assert kind_of(Request("GET", "/", {"user-agent": "ProtonMail" * 100_000})) == PERSON
    assert kind_of(Request("GET", "/", {"user-agent": "x" * 512 + " curl/8.1"})) == PERSON
    assert kind_of(Request("GET", "/", {"user-agent": "x" * 500 + " curl/8.1"})) == BOT


def test_a_token_is_not_read_beyond_its_longest() -> None:
    world = World()
    for text in ("A" * (LONGEST + 1), "A" * 10_000_000, "=" * 4096, "/" * 4096, "é" * 4096):
        assert world.ask(f"/c/{text}").status == 404


def test_the_longest_token_is_taken() -> None:
    world = World()
    url = "https://a.example/" + "x" * 2980
    text = world.token(CLICK, url)
    assert LONGEST - 100 < len(text) <= LONGEST
    assert world.ask(f"/c/{text}").headers["location"] == url


def test_a_pseudonym_is_no_mac_of_a_token() -> None:
    """Both come from one key: what is signed must not be able to look like what is hashed."""
    world = World()
    key = asyncio.run(world.key())
    said = verified(world.token(OPEN, level=Level.PSEUDONYMOUS), OPEN, {key.id: key.secret}, NOW)
    assert len(bytes.fromhex(said.pseudonym)) == 8  # less than a MAC has
    assert "p" not in KINDS  # what is signed begins with its kind, what is hashed with a p
