"""Which hosts take a domain's mail, against a real name server."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from dns_server import SERVFAIL, SILENCE, DnsServer, Zone
from smtp_mail import LOOPS, run

from shared.dns import DnsUnavailable, MxHost, MxResolver, NoSuchDomain, NullMx
from shared.errors import Permanent, Temporary

Result = TypeVar("Result")

ZONE: Zone = {
    ("two.test", "MX"): ["20 backup.two.test.", "10 MX.two.test."],
    ("mx.two.test", "A"): ["192.0.2.1"],
    ("mx.two.test", "AAAA"): ["2001:db8::1"],
    ("implicit.test", "AAAA"): ["2001:db8::2"],
    ("null.test", "MX"): ["0 ."],
    ("null.test", "A"): ["192.0.2.3"],
    ("bare.test", "TXT"): ['"exists, but takes no mail"'],
    ("broken.test", "MX"): SERVFAIL,
    ("silent.test", "MX"): SILENCE,
    ("half.test", "A"): ["192.0.2.4"],
    ("half.test", "AAAA"): SERVFAIL,
    ("halfbroken.test", "AAAA"): SERVFAIL,
    ("xn--bcher-kva.test", "MX"): ["5 mx.two.test."],
}


def ask(what: Callable[[MxResolver], Awaitable[Result]], loop: str = "asyncio") -> Result:
    async def main() -> Result:
        server = DnsServer(ZONE)
        resolver = MxResolver([await server.start()], timeout_s=0.2)
        try:
            return await what(resolver)
        finally:
            server.close()

    return run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_hosts_come_in_order_of_preference(loop: str) -> None:
    hosts = ask(lambda resolver: resolver.destination("two.test"), loop)
    assert hosts == [MxHost("mx.two.test", 10), MxHost("backup.two.test", 20)]


@pytest.mark.parametrize("domain", ["TWO.test", "two.test."])
def test_case_and_final_dot_make_no_difference(domain: str) -> None:
    assert len(ask(lambda resolver: resolver.destination(domain))) == 2


def test_a_domain_in_another_alphabet_is_looked_up_as_its_a_label() -> None:
    assert ask(lambda resolver: resolver.destination("bücher.test")) == [MxHost("mx.two.test", 5)]


def test_without_mx_the_domain_itself_is_the_host() -> None:
    hosts = ask(lambda resolver: resolver.destination("implicit.test"))
    assert hosts == [MxHost("implicit.test")]


@pytest.mark.parametrize(
    ("domain", "error"),
    [
        ("null.test", NullMx),
        ("missing.test", NoSuchDomain),
        ("bare.test", NoSuchDomain),
        ("a..test", NoSuchDomain),
        (f"{'x' * 64}.test", NoSuchDomain),
        ("[127.0.0]", NoSuchDomain),
    ],
)
def test_no_mail_will_ever_go_there(domain: str, error: type[Permanent]) -> None:
    with pytest.raises(error):
        ask(lambda resolver: resolver.destination(domain))


@pytest.mark.parametrize("domain", ["broken.test", "silent.test", "halfbroken.test"])
def test_a_name_server_without_an_answer_decides_nothing(domain: str) -> None:
    with pytest.raises(DnsUnavailable) as failure:
        ask(lambda resolver: resolver.destination(domain))
    assert isinstance(failure.value, Temporary)


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("mx.two.test", ["192.0.2.1", "2001:db8::1"]),
        ("half.test", ["192.0.2.4"]),
        ("bare.test", []),
        ("[127.0.0.1]", ["127.0.0.1"]),
        ("[IPv6:::1]", ["::1"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("2001:db8::9", ["2001:db8::9"]),
    ],
)
def test_addresses_of_a_host_are_ipv4_first(host: str, addresses: list[str]) -> None:
    assert ask(lambda resolver: resolver.addresses(host)) == addresses


def test_an_address_literal_is_its_own_host() -> None:
    hosts = ask(lambda resolver: resolver.destination("[127.0.0.1]"))
    assert hosts == [MxHost("[127.0.0.1]")]


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

    run(main())
