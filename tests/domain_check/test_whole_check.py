"""All checks together: their order, their bounds, and what is hostile."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from dns_server import GARBAGE, SILENCE, DnsServer, Zone
from domain_scene import DOMAIN, HOST, MAIL, SENDER, SUBJECT, WITHOUT_NETWORK, checked, looked
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.config import load
from shared.config_network import Route
from shared.dns import DnsUnavailable
from shared.domain_check.lookups import MOST_QUESTIONS, Lookups
from shared.domain_check.model import Check, State, escaped, listed, overall, shown
from shared.domain_check.run import ALL, check, check_domain
from shared.domain_check.subject import Sender, Source, sender_of, subject_of
from shared.domains import DkimKeys, Domain
from shared.errors import Malformed, NotFound
from shared.provision import add_domain
from shared.store.memory import MemoryStore


def test_a_domain_that_is_published_as_it_should_be_is_well() -> None:
    found = checked()
    assert [each.name for each in found] == list(WITHOUT_NETWORK)
    assert overall(found) is State.OK
    for each in found:
        assert each.expected
        assert each.why.endswith(".")


def test_with_nothing_published_every_lack_has_its_line() -> None:
    async def run() -> list[Check]:
        server = DnsServer({(".", "NS"): []})
        try:
            names = WITHOUT_NETWORK
            return await check(SUBJECT, SENDER, Lookups([await server.start()]), names)
        finally:
            server.close()

    states = {each.name: each.state for each in asyncio.run(run())}
    assert states == {
        "dkim": State.FAILED,
        "spf": State.WARNING,
        "dmarc": State.WARNING,
        "bounces": State.FAILED,
        "mx": State.WARNING,
        "reverse-dns": State.WARNING,
        "mta-sts": State.OK,
        "tls-rpt": State.OK,
    }


@pytest.mark.parametrize("always", [SILENCE, GARBAGE, "SERVFAIL", "REFUSED"])
def test_name_servers_that_do_not_answer_make_nothing_fail(always: str) -> None:
    async def run() -> list[Check]:
        server = DnsServer({}, always)
        try:
            return await check(SUBJECT, SENDER, Lookups([await server.start()], 0.3), ALL)
        finally:
            server.close()

    found = asyncio.run(run())
    assert {each.state for each in found} == {State.UNKNOWN}
    assert {each.name for each in found} == set(ALL) - {"tracking-host"}


def test_no_question_is_asked_twice() -> None:
    async def run() -> int:
        server = DnsServer({(DOMAIN, "TXT"): ['"x"']})
        dns = Lookups([await server.start()])
        try:
            await asyncio.gather(*(dns.txt(DOMAIN) for _ in range(5)))
            return server.asked[DOMAIN, "TXT"]
        finally:
            server.close()

    assert asyncio.run(run()) == 1


def test_nobody_makes_us_ask_for_ever() -> None:
    async def run() -> None:
        server = DnsServer({})
        dns = Lookups([await server.start()])
        try:
            await asyncio.gather(*(dns.txt(f"n{each}.example") for each in range(MOST_QUESTIONS)))
            with pytest.raises(DnsUnavailable, match="over 400 questions"):
                await dns.txt("one-more.example")
        finally:
            server.close()

    asyncio.run(run())


def test_records_that_lead_everywhere_are_given_up() -> None:
    """Ten mail servers in each of ten `mx`, all of them elsewhere."""
    names = [f"d{each}.example" for each in range(10)]
    zone: Zone = {(HOST, "TXT"): [f'"v=spf1 {" ".join(f"mx:{each}" for each in names)} -all"']}
    for name in names:
        zone[name, "MX"] = [f"10 m{each}.{name}." for each in range(10)]
    pool = tuple(Source(f"192.0.2.{each}", MAIL) for each in range(1, 30))
    found = looked(zone, only="spf", sender=Sender(MAIL, pool))
    assert found.state is State.FAILED
    assert "15 more" in found.expected


@settings(max_examples=25, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=120), min_size=1, max_size=3))
def test_whatever_dns_says_is_judged_and_can_be_shown(records: list[bytes]) -> None:
    texts = ['"' + "".join(f"\\{byte:03}" for byte in each) + '"' for each in records]
    tagged = [f'"v=DMARC1; p=" {each}' for each in texts]
    zone: Zone = {
        (HOST, "TXT"): [f'"v=spf1 " {each}' for each in texts],
        (SUBJECT.keys[0].name, "TXT"): [f'"v=DKIM1; p=" {each}' for each in texts],
        (f"_dmarc.{DOMAIN}", "TXT"): list(tagged),
        (f"_mta-sts.{DOMAIN}", "TXT"): [f'"v=STSv1; " {each}' for each in texts],
    }
    for each in checked(zone):
        for field in fields(each):
            assert str(getattr(each, field.name)).isprintable()


def test_texts_of_strangers_are_escaped_and_cut() -> None:
    assert shown("a\x1b[31m\r\n\u202eb") == "a\\x1b[31m\\r\\n\\u202eb"
    assert len(shown("x" * 10_000)) == 601
    found = escaped(Check("spf", State.OK, "e\x00", "f\x07", "w", "a\n"))
    assert (found.expected, found.found, found.about) == ("e\\x00", "f\\x07", "a\\n")


def test_lists_are_short() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed([*"abcdefg"]) == "a, b, c, d, e and 2 more"


def test_the_worst_counts() -> None:
    def of(*states: State) -> State:
        return overall(Check("x", each, "", "", "") for each in states)

    assert of() is State.OK
    assert of(State.OK, State.UNKNOWN) is State.UNKNOWN
    assert of(State.UNKNOWN, State.WARNING, State.OK) is State.WARNING
    assert of(State.WARNING, State.FAILED, State.UNKNOWN) is State.FAILED


@pytest.mark.parametrize(
    ("name", "record", "state"),
    [
        ("_mta-sts", "v=STSv1; id=20261121", State.OK),
        ("_mta-sts", "v=STSv1;", State.WARNING),
        ("_smtp._tls", "v=TLSRPTv1; rua=mailto:a@example.com", State.OK),
        ("_smtp._tls", "v=TLSRPTv1", State.WARNING),
    ],
)
def test_hints(name: str, record: str, state: State) -> None:
    which = "mta-sts" if name == "_mta-sts" else "tls-rpt"
    zone: Zone = {(f"{name}.{DOMAIN}", "TXT"): [f'"{record}"']}
    assert looked(zone, only=which).state is state
    zone = {(f"{name}.{DOMAIN}", "TXT"): [f'"{record}"', f'"{record}; x=y"']}
    assert looked(zone, only=which).state is State.WARNING


@contextlib.contextmanager
def greeting(words: bytes) -> Iterator[int]:
    """The port of a mail server that says so."""
    import socket
    import threading

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.sendall(words)
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize(
    ("words", "state"),
    [(b"220 hello\r\n", State.OK), (b"554 no\r\n", State.FAILED), (b"", State.FAILED)],
)
def test_a_knock_at_port_25(words: bytes, state: State) -> None:
    with greeting(words) as port:
        zone: Zone = {
            ("gmail.com", "MX"): ["5 mx.g.example."],
            ("mx.g.example", "A"): ["127.0.0.1"],
        }
        found = looked(zone, only="port-25", sender=Sender(MAIL, mx_port=port))
    assert found.state is state


def test_a_knock_from_an_address_that_this_machine_lacks_says_nothing() -> None:
    with greeting(b"220 hello\r\n") as port:
        sender = replace(SENDER, route=Route("127.0.0.1", port, False))
        found = looked(only="port-25", sender=sender)
    assert (found.state, "does not have 192.0.2.10" in found.found) == (State.UNKNOWN, True)


def test_the_demo_knocks_nowhere() -> None:
    assert checked(only="port-25", sender=Sender(MAIL, is_demo=True)) == []


RECORD = Domain(name=DOMAIN, created_at=0.0, return_path_secret="00")


def test_what_is_expected_comes_from_the_record() -> None:
    record = Domain(
        name=DOMAIN,
        created_at=0.0,
        return_path_secret="00",
        return_path_host="B.example.com",
        receives=["ann@In.example.com", "@example.com"],
        tracking_host="t.example.com",
    )
    subject = subject_of(record, DkimKeys([], []))
    assert (subject.host, subject.tracking_host) == ("b.example.com", "t.example.com")
    assert subject.receives == ("example.com", "in.example.com")
    assert subject_of(RECORD, DkimKeys([], [])).host == DOMAIN


@pytest.mark.parametrize(
    ("pools", "addresses"),
    [
        ([], ["192.0.2.1"]),
        (["bulk"], ["192.0.2.2", "192.0.2.3"]),
        (["none"], ["192.0.2.1"]),
        (["bulk", "default"], ["192.0.2.2", "192.0.2.3", "192.0.2.1"]),
    ],
)
def test_the_addresses_are_those_that_send_would_take(
    pools: list[str], addresses: list[str]
) -> None:
    given = "default=192.0.2.1,bulk=192.0.2.2/M2.example,bulk=192.0.2.3"
    config = load(environ={}, flags={"send.pools": given, "send.hostname": "Mail.example"})
    record = Domain(name=DOMAIN, created_at=0.0, return_path_secret="00", pools=pools)
    sender = sender_of(config, record, "unused")
    assert [each.address for each in sender.sources] == addresses
    assert {each.name for each in sender.sources} <= {"mail.example", "m2.example"}


def test_a_domain_of_the_store_is_looked_at() -> None:
    async def run() -> list[Check]:
        store = MemoryStore()
        await add_domain(store, DOMAIN, ["ed25519-sha256"], 0.0)
        server = DnsServer({})
        options = {"send.nameservers": await server.start(), "send.route": "demo:"}
        config = load(environ={}, flags=options)
        try:
            return await check_domain(config, store, DOMAIN)
        finally:
            server.close()

    found = asyncio.run(run())
    assert [each.name for each in found][:3] == ["dkim", "spf", "dmarc"]
    assert found[0].paste[0].name == "ekiden1._domainkey.example.com"


def test_domains_that_are_not_there_or_torn_are_errors() -> None:
    async def run(body: bytes) -> None:
        store = MemoryStore()
        if body:
            await store.put(f"domains/{DOMAIN}/domain.json", body)
        await check_domain(load(environ={}), store, DOMAIN)

    with pytest.raises(NotFound):
        asyncio.run(run(b""))
    with pytest.raises(Malformed):
        asyncio.run(run(b"{torn"))
