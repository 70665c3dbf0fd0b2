"""Does the tracking host lead to `track`? Real TLS, real certificates, the real function."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dns_server import SERVFAIL, DnsServer, Zone
from domain_scene import SENDER, SUBJECT

from functions.track.assemble import face
from shared.config import load
from shared.domain_check.lookups import Lookups
from shared.domain_check.model import Check, PasteRecord, State
from shared.domain_check.run import check
from shared.domain_check.subject import Sender
from shared.domain_check.tracking_host import Web
from shared.http import Request
from shared.networks import is_public
from shared.smtp_server.certificate import self_signed
from shared.store.memory import MemoryStore

HOST = "t.example.com"
TRACK = "track.sender.example"
HERE: Zone = {(HOST, "CNAME"): [f"{TRACK}."], (TRACK, "A"): ["127.0.0.1"]}
OWNER = replace(SUBJECT, tracking_host=HOST)
KNOWN = replace(SENDER, track_host=TRACK)

Answers = Callable[[str], Awaitable[bytes]]


async def track(path: str) -> bytes:
    """What the function says, as HTTP."""
    answer = await face(load(environ={}), MemoryStore(), time.time).handle(Request("GET", path))
    head = [f"{name}: {value}" for name, value in answer.headers.items()]
    lines = [f"HTTP/1.1 {answer.status} x", *head, f"content-length: {len(answer.body)}", "", ""]
    return "\r\n".join(lines).encode() + answer.body


def saying(words: bytes) -> Answers:
    async def answer(_: str) -> bytes:
        return words

    return answer


class Site:
    """A web server on the loopback with its certificate, and a check that trusts it."""

    def __init__(self, folder: Path, name: str = HOST, age: timedelta = timedelta()) -> None:
        self._file = folder / "site.pem"
        self._file.write_bytes(self_signed(name, datetime.now(UTC) - age))

    @property
    def trusted(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self._file)
        return context

    def look(
        self,
        answers: Answers = track,
        zone: Zone = HERE,
        sender: Sender = KNOWN,
        allows: Callable[[str], bool] = lambda _: True,
        trusts: bool = True,
    ) -> Check:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            writer.write(await answers(request.split()[1]))
            writer.close()

        async def run() -> Check:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._file)
            server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
            dns = DnsServer(zone)
            lookups = Lookups([await dns.start()], 2)
            port = server.sockets[0].getsockname()[1]
            web = Web(allows, self.trusted if trusts else None, port)
            try:
                return (await check(OWNER, sender, lookups, ("tracking-host",), web))[0]
            finally:
                server.close()
                dns.close()

        return asyncio.run(run())


def test_where_track_answers_all_is_well(tmp_path: Path) -> None:
    found = Site(tmp_path).look()
    assert (found.state, found.paste) == (State.OK, ()), found.found


def test_an_address_instead_of_an_alias_is_well_if_it_is_the_same(tmp_path: Path) -> None:
    zone: Zone = {(HOST, "A"): ["127.0.0.1"], (TRACK, "A"): ["127.0.0.1"]}
    assert Site(tmp_path).look(zone=zone).state is State.OK


def test_another_place_that_answers_as_track_is_a_warning(tmp_path: Path) -> None:
    zone: Zone = {(HOST, "A"): ["127.0.0.1"], (TRACK, "A"): ["192.0.2.80"]}
    found = Site(tmp_path).look(zone=zone)
    assert (found.state, found.paste) == (State.WARNING, (PasteRecord("CNAME", HOST, TRACK + "."),))


def test_without_a_public_url_it_is_enough_that_track_answers(tmp_path: Path) -> None:
    assert Site(tmp_path).look(sender=SENDER).state is State.OK


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "another server than track"),
        (b"HTTP/1.1 404 x\r\ncontent-length: 2\r\n\r\nno", "status 404"),
        (b"HTTP/1.1 302 x\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n", "302"),
        (b"SSH-2.0 hello\r\n", "t.example.com"),
        (b"", "t.example.com is at"),
        (b"HTTP/1.1 404 x\r\n\r\n" + b"x" * 100_000, "another server"),
    ],
)
def test_what_is_not_track_fails(tmp_path: Path, words: bytes, said: str) -> None:
    found = Site(tmp_path).look(saying(words))
    assert (found.state, said in found.found) == (State.FAILED, True), found.found
    assert found.paste == (PasteRecord("CNAME", HOST, TRACK + "."),)


def test_a_certificate_that_is_not_trusted_fails(tmp_path: Path) -> None:
    found = Site(tmp_path).look(trusts=False)
    assert (found.state, "certificate" in found.found) == (State.FAILED, True)


def test_a_certificate_of_another_name_fails(tmp_path: Path) -> None:
    found = Site(tmp_path, "other.example.com").look()
    assert (found.state, "certificate" in found.found) == (State.FAILED, True)


def test_a_certificate_that_has_expired_fails(tmp_path: Path) -> None:
    found = Site(tmp_path, age=timedelta(days=11_000)).look()
    assert (found.state, "expired" in found.found) == (State.FAILED, True)


@pytest.mark.parametrize(
    ("zone", "state", "said"),
    [
        ({}, State.FAILED, "does not exist"),
        ({(HOST, "TXT"): ['"x"']}, State.FAILED, "no address"),
        ({(HOST, "A"): SERVFAIL, (HOST, "AAAA"): SERVFAIL}, State.UNKNOWN, "no answer"),
        ({(HOST, "A"): ["127.0.0.9"]}, State.FAILED, "t.example.com"),
    ],
)
def test_hosts_that_lead_nowhere(tmp_path: Path, zone: Zone, state: State, said: str) -> None:
    found = Site(tmp_path).look(zone=zone)
    assert (found.state, said in found.found) == (state, True), found.found


def test_nobody_is_called_inside_our_network(tmp_path: Path) -> None:
    called: list[str] = []

    async def answer(path: str) -> bytes:
        called.append(path)
        return b""

    found = Site(tmp_path).look(answer, allows=is_public)
    assert (found.state, "private network" in found.found) == (State.FAILED, True)
    assert called == []
