"""Which hosts take a domain's mail, against real name servers."""

import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import pytest
from dns_server import (
    GARBAGE,
    LAME,
    NO_EDNS,
    REFUSED,
    SERVFAIL,
    SILENCE,
    DnsServer,
    Lasting,
    Signed,
    Truncated,
    Zone,
)
from hypothesis import given
from hypothesis import strategies as st
from smtp_mail import LOOPS, run

from shared.dns import MOST_HOSTS, DnsUnavailable, MxHost, MxResolver, NoSuchDomain, NullMx
from shared.errors import Permanent, Temporary

Result = TypeVar("Result")

ZONE: Zone = {
    ("two.test", "MX"): ["20 backup.two.test.", "10 MX.two.test."],
    ("mx.two.test", "A"): ["192.0.2.1"],
    ("mx.two.test", "AAAA"): ["2001:db8::1"],
    ("many.test", "A"): ["192.0.2.5", "192.0.2.6"],
    ("many.test", "AAAA"): ["2001:db8::5", "2001:db8::6"],
    ("implicit.test", "AAAA"): ["2001:db8::2"],
    ("null.test", "MX"): ["0 ."],
    ("null.test", "A"): ["192.0.2.3"],
    ("root.test", "MX"): ["0 .", "5 mx.two.test."],
    ("literal.test", "MX"): ["0 192.0.2.7.", "5 mx.two.test."],
    ("odd.test", "MX"): [r"0 a\010b.test.", r"1 \..test.", "5 mx.two.test."],
    ("onlyodd.test", "MX"): [r"0 a\032b.test."],
    ("again.test", "MX"): ["20 mx.two.test.", "10 mx.two.test.", "15 backup.two.test."],
    ("hundreds.test", "MX"): Truncated([f"10 mx{n:03d}.two.test." for n in range(300)]),
    ("bare.test", "TXT"): ['"exists, but takes no mail"'],
    ("broken.test", "MX"): SERVFAIL,
    ("silent.test", "MX"): SILENCE,
    ("garbled.test", "MX"): GARBAGE,
    ("referred.test", "MX"): LAME,
    ("half.test", "A"): ["192.0.2.4"],
    ("half.test", "AAAA"): SERVFAIL,
    ("halfbroken.test", "AAAA"): SERVFAIL,
    ("xn--bcher-kva.test", "MX"): ["5 mx.two.test."],
    ("alias.test", "CNAME"): ["two.test."],
    ("circle.test", "CNAME"): ["circle2.test."],
    ("circle2.test", "CNAME"): ["circle.test."],
    ("self.test", "CNAME"): ["self.test."],
    ("dangling.test", "CNAME"): ["missing.test."],
    ("signed.test", "MX"): Signed(["10 mx.signed.test."]),
    ("mx.signed.test", "A"): Signed(["192.0.2.8"]),
    ("mx.signed.test", "AAAA"): Signed(),
    ("hidden.test", "MX"): Signed(),
    ("hidden.test", "A"): ["192.0.2.9"],
    ("halfsigned.test", "A"): Signed(["192.0.2.10"]),
    ("halfsigned.test", "AAAA"): ["2001:db8::10"],
    ("secure-alias.test", "CNAME"): Signed(["mx.two.test."]),
    ("_25._tcp.mx.signed.test", "TLSA"): Signed(["3 1 1 " + "ab" * 32, "2 0 2 " + "cd" * 64]),
    ("_25._tcp.bogus.test", "TLSA"): SERVFAIL,
    ("_25._tcp.unsigned.test", "TLSA"): ["3 1 1 " + "ab" * 32],
    ("parts.test", "TXT"): ['"one " "two"', '"three"'],
}


def ask(
    what: Callable[[MxResolver], Awaitable[Result]],
    loop: str = "asyncio",
    before: tuple[str, ...] = (),
) -> Result:
    """Ask a server that knows `ZONE`, behind one for each of `before` that always answers so."""

    async def main() -> Result:
        servers = [*(DnsServer({}, always) for always in before), DnsServer(ZONE)]
        resolver = MxResolver([await each.start() for each in servers], timeout_s=1)
        try:
            return await what(resolver)
        finally:
            for each in servers:
                each.close()

    return run(main(), loop)


def names(domain: str, before: tuple[str, ...] = ()) -> list[str]:
    return [host.name for host in ask(lambda mx: mx.destination(domain), before=before)]


@pytest.mark.parametrize("loop", LOOPS)
def test_hosts_come_in_order_of_preference(loop: str) -> None:
    hosts = ask(lambda resolver: resolver.destination("two.test"), loop)
    assert hosts == [MxHost("mx.two.test", 10), MxHost("backup.two.test", 20)]


@pytest.mark.parametrize("domain", ["TWO.test", "two.test."])
def test_case_and_final_dot_make_no_difference(domain: str) -> None:
    assert len(names(domain)) == 2


def test_a_domain_in_another_alphabet_is_looked_up_as_its_a_label() -> None:
    assert ask(lambda resolver: resolver.destination("bücher.test")) == [MxHost("mx.two.test", 5)]


def test_without_mx_the_domain_itself_is_the_host() -> None:
    assert names("implicit.test") == ["implicit.test"]


def test_a_domain_that_is_an_alias_has_the_servers_of_the_other() -> None:
    assert names("alias.test") == ["mx.two.test", "backup.two.test"]


@pytest.mark.parametrize("domain", ["root.test", "odd.test"])
def test_what_is_no_host_name_is_passed_over_where_another_is(domain: str) -> None:
    assert names(domain) == ["mx.two.test"]


def test_an_mx_that_is_an_ip_address_is_taken_as_meant() -> None:
    assert names("literal.test") == ["192.0.2.7", "mx.two.test"]


def test_a_host_named_twice_counts_once_with_its_better_preference() -> None:
    hosts = ask(lambda resolver: resolver.destination("again.test"))
    assert hosts == [MxHost("mx.two.test", 10), MxHost("backup.two.test", 15)]


def test_of_hundreds_of_hosts_some_are_enough() -> None:
    assert len(names("hundreds.test")) == MOST_HOSTS


def test_one_host_may_not_exist_and_the_other_still_has_its_addresses() -> None:
    async def main(resolver: MxResolver) -> list[str]:
        with pytest.raises(NoSuchDomain):
            await resolver.addresses("backup.two.test")
        return await resolver.addresses("mx.two.test")

    assert ask(main) == ["192.0.2.1", "2001:db8::1"]


@pytest.mark.parametrize(
    ("domain", "error"),
    [
        ("null.test", NullMx),
        ("missing.test", NoSuchDomain),
        ("dangling.test", NoSuchDomain),
        ("bare.test", NoSuchDomain),
        ("onlyodd.test", NoSuchDomain),
        ("a..test", NoSuchDomain),
        (f"{'x' * 64}.test", NoSuchDomain),
        ("[127.0.0]", NoSuchDomain),
    ],
)
def test_no_mail_will_ever_go_there(domain: str, error: type[Permanent]) -> None:
    with pytest.raises(error):
        names(domain)


@pytest.mark.parametrize(
    "domain",
    [
        *("broken.test", "silent.test", "garbled.test", "referred.test", "halfbroken.test"),
        *("circle.test", "self.test"),
    ],
)
def test_a_name_server_without_an_answer_decides_nothing(domain: str) -> None:
    with pytest.raises(DnsUnavailable) as failure:
        names(domain)
    assert isinstance(failure.value, Temporary)


@pytest.mark.parametrize("bad", [SERVFAIL, REFUSED, SILENCE, GARBAGE, LAME])
def test_a_bad_name_server_gives_way_to_the_next(bad: str) -> None:
    assert names("two.test", before=(bad,)) == ["mx.two.test", "backup.two.test"]


def test_a_name_server_that_is_not_there_gives_way_to_the_next() -> None:
    async def main() -> list[MxHost]:
        gone, server = DnsServer(ZONE), DnsServer(ZONE)
        resolver = MxResolver([await gone.start(), await server.start()], timeout_s=1)
        gone.close()
        hosts = await resolver.destination("two.test")
        server.close()
        return hosts

    assert len(run(main())) == 2


def test_a_name_server_without_edns_is_asked_without() -> None:
    async def main() -> list[MxHost]:
        server = DnsServer(ZONE, NO_EDNS)
        resolver = MxResolver([await server.start()], timeout_s=1)
        hosts = await resolver.destination("two.test")
        server.close()
        return hosts

    assert len(run(main())) == 2


@pytest.mark.parametrize("loop", LOOPS)
def test_an_answer_that_does_not_fit_is_fetched_by_tcp(loop: str) -> None:
    async def main() -> None:
        server = DnsServer(ZONE)
        resolver = MxResolver([await server.start()])
        assert await resolver.destination("hundreds.test")
        server.close()
        assert server.asked["hundreds.test", "MX"] == 2
        assert server.asked_by_tcp["hundreds.test", "MX"] == 1

    run(main(), loop)


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("mx.two.test", ["192.0.2.1", "2001:db8::1"]),
        ("many.test", ["192.0.2.5", "192.0.2.6", "2001:db8::5", "2001:db8::6"]),
        ("half.test", ["192.0.2.4"]),
        ("bare.test", []),
        ("[127.0.0.1]", ["127.0.0.1"]),
        ("[IPv6:::1]", ["::1"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("2001:db8::9", ["2001:db8::9"]),
    ],
)
def test_addresses_of_a_host_are_ipv4_first(host: str, addresses: list[str]) -> None:
    assert sorted(ask(lambda resolver: resolver.addresses(host))) == sorted(addresses)
    assert [":" in each for each in addresses] == sorted(":" in each for each in addresses)


def test_an_address_literal_is_its_own_host() -> None:
    hosts = ask(lambda resolver: resolver.destination("[127.0.0.1]"))
    assert hosts == [MxHost("[127.0.0.1]")]


# ---- how long an answer is good for ------------------------------------------------------------


def test_answers_are_remembered_also_that_there_is_none() -> None:
    async def main() -> None:
        server = DnsServer(ZONE)
        resolver = MxResolver([await server.start()])
        for _ in range(3):
            await resolver.destination("two.test")
            with pytest.raises(NoSuchDomain):
                await resolver.destination("missing.test")
        server.close()
        assert server.asked["two.test", "MX"] == 1
        assert server.asked["missing.test", "MX"] == 1

    run(main())


@pytest.mark.parametrize("records", [[], ["10 mx.two.test."]])
def test_an_answer_with_a_ttl_of_0_is_asked_for_again(records: list[str]) -> None:
    async def main() -> None:
        zone: Zone = {("brief.test", "MX"): Lasting(0, records), ("brief.test", "A"): ["192.0.2.1"]}
        server = DnsServer(zone)
        resolver = MxResolver([await server.start()])
        for _ in range(3):
            await resolver.destination("brief.test")
        server.close()
        assert server.asked["brief.test", "MX"] == 3

    run(main())


def test_a_failure_is_not_remembered() -> None:
    async def main() -> None:
        zone: Zone = {("two.test", "MX"): SERVFAIL}
        server = DnsServer(zone)
        resolver = MxResolver([await server.start()])
        with pytest.raises(DnsUnavailable):
            await resolver.destination("two.test")
        zone["two.test", "MX"] = ["10 mx.two.test."]
        assert await resolver.destination("two.test") == [MxHost("mx.two.test", 10)]
        server.close()

    run(main())


# ---- DNSSEC, as the name server says that it checked it ----------------------------------------


@pytest.mark.parametrize(
    ("domain", "authenticated"),
    [("signed.test", True), ("two.test", False), ("hidden.test", True), ("implicit.test", False)],
)
def test_hosts_are_authenticated_as_the_answer_was_that_named_them(
    domain: str, authenticated: bool
) -> None:
    (host, *_) = ask(lambda resolver: resolver.destination(domain))
    assert host.authenticated is authenticated


@pytest.mark.parametrize(
    ("host", "authenticated"),
    [("mx.signed.test", True), ("mx.two.test", False), ("halfsigned.test", False)],
)
def test_addresses_are_authenticated_if_both_families_are(host: str, authenticated: bool) -> None:
    assert ask(lambda resolver: resolver.host(host)).authenticated is authenticated


def test_an_alias_may_be_proved_where_its_addresses_are_not() -> None:
    found = ask(lambda resolver: resolver.host("secure-alias.test"))
    assert (found.canonical, found.authenticated) == ("mx.two.test", False)
    assert ask(lambda resolver: resolver.alias_is_authenticated("secure-alias.test"))
    assert not ask(lambda resolver: resolver.alias_is_authenticated("alias.test"))


def test_tlsa_records_come_with_whether_they_are_authenticated() -> None:
    answer = ask(lambda resolver: resolver.tlsa("mx.signed.test"))
    assert answer.authenticated
    assert sorted(answer.records) == [(2, 0, 2, b"\xcd" * 64), (3, 1, 1, b"\xab" * 32)]
    assert not ask(lambda resolver: resolver.tlsa("unsigned.test")).authenticated


@pytest.mark.parametrize("host", ["mx.two.test", "missing.test", "x" * 64])
def test_absent_tlsa_records_are_an_answer(host: str) -> None:
    assert ask(lambda resolver: resolver.tlsa(host)).records == ()


def test_bogus_tlsa_records_are_none() -> None:
    with pytest.raises(DnsUnavailable):
        ask(lambda resolver: resolver.tlsa("bogus.test"))


def test_the_parts_of_a_text_record_are_one_text() -> None:
    assert sorted(ask(lambda resolver: resolver.txt("parts.test"))) == ["one two", "three"]
    assert ask(lambda resolver: resolver.txt("missing.test")) == []


# ---- what nobody should ask for ----------------------------------------------------------------


@given(st.text(max_size=80))
def test_whatever_the_domain_is_the_answer_is_an_error_of_ours(domain: str) -> None:
    async def main() -> None:
        server = DnsServer({})
        resolver = MxResolver([await server.start()], timeout_s=1)
        with suppress(NoSuchDomain):
            await resolver.destination(domain)
        server.close()

    run(main())


def test_without_a_lookup_dnspython_is_not_imported() -> None:
    code = "import sys, shared.dns; shared.dns.MxResolver(); sys.exit('dns' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
