"""What TLSA records demand, and where they count (RFC 7672 §2)."""

import asyncio

import pytest
from dns_server import SERVFAIL, SILENCE, DnsServer, Signed, Zone
from hypothesis import given
from hypothesis import strategies as st

from functions.send.protection.dane import demand_of
from functions.send.protection.tlsa import Demand, usable
from functions.send.smtp.target import Tlsa
from shared.dns import DnsUnavailable, MxResolver

KEY = Tlsa(3, 1, 1, b"\xab" * 32)
RECORD = "3 1 1 " + "ab" * 32
SIGNED: Zone = {
    ("example.test", "MX"): Signed(["10 mx.example.test."]),
    ("mx.example.test", "A"): Signed(["192.0.2.1"]),
    ("mx.example.test", "AAAA"): Signed(),
    ("_25._tcp.mx.example.test", "TLSA"): Signed([RECORD]),
}
ALIASED: Zone = {
    **SIGNED,
    ("example.test", "MX"): Signed(["10 alias.example.test."]),
    ("alias.example.test", "CNAME"): Signed(["mx.example.test."]),
}
OF_ALIAS: Zone = {("_25._tcp.alias.example.test", "TLSA"): Signed(["3 0 1 " + "cd" * 32])}
INSECURE: Zone = {("mx.example.test", "A"): ["192.0.2.1"], ("mx.example.test", "AAAA"): []}


def demand(zone: Zone) -> Demand | None:
    async def main() -> Demand | None:
        server = DnsServer(zone)
        resolver = MxResolver([await server.start()], timeout_s=0.5)
        try:
            (host,) = await resolver.destination("example.test")
            return await demand_of(resolver, host)
        finally:
            server.close()

    return asyncio.run(main())


def test_a_chain_of_signed_answers_makes_the_records_count() -> None:
    assert demand(SIGNED) == Demand("mx.example.test", (KEY,))


@pytest.mark.parametrize(
    "unsigned",
    [
        {("example.test", "MX"): ["10 mx.example.test."]},
        INSECURE,
        {("mx.example.test", "AAAA"): ["2001:db8::1"]},
        {("_25._tcp.mx.example.test", "TLSA"): [RECORD]},
        {("_25._tcp.mx.example.test", "TLSA"): Signed()},
        {("_25._tcp.mx.example.test", "TLSA"): []},
    ],
)
def test_a_link_that_is_not_signed_or_not_there_means_no_dane(unsigned: Zone) -> None:
    assert demand({**SIGNED, **unsigned}) is None


def test_a_host_that_does_not_exist_demands_nothing() -> None:
    assert demand({("example.test", "MX"): SIGNED["example.test", "MX"]}) is None


def test_a_domain_without_mx_is_its_own_host() -> None:
    zone: Zone = {
        ("example.test", "MX"): Signed(),
        ("example.test", "A"): Signed(["192.0.2.1"]),
        ("example.test", "AAAA"): Signed(),
        ("_25._tcp.example.test", "TLSA"): Signed([RECORD]),
    }
    assert demand(zone) == Demand("example.test", (KEY,))


@pytest.mark.parametrize("answer", [SERVFAIL, SILENCE])
def test_bogus_or_unreachable_records_are_no_absence(answer: str) -> None:
    with pytest.raises(DnsUnavailable):
        demand({**SIGNED, ("_25._tcp.mx.example.test", "TLSA"): answer})


def test_behind_a_signed_alias_the_records_are_those_of_the_real_name() -> None:
    assert demand({**ALIASED, **OF_ALIAS}) == Demand("mx.example.test", (KEY,))


def test_or_those_of_the_alias_where_the_real_name_has_none() -> None:
    absent: Zone = {("_25._tcp.mx.example.test", "TLSA"): Signed()}
    found = demand({**ALIASED, **OF_ALIAS, **absent})
    assert found == Demand("alias.example.test", (Tlsa(3, 0, 1, b"\xcd" * 32),))


def test_a_signed_alias_to_an_unsigned_host_counts_alone() -> None:
    found = demand({**ALIASED, **OF_ALIAS, **INSECURE})
    assert found == Demand("alias.example.test", (Tlsa(3, 0, 1, b"\xcd" * 32),))


def test_an_unsigned_alias_to_an_unsigned_host_counts_for_nothing() -> None:
    unsigned: Zone = {("alias.example.test", "CNAME"): ["mx.example.test."]}
    assert demand({**ALIASED, **OF_ALIAS, **INSECURE, **unsigned}) is None


@pytest.mark.parametrize(
    "record",
    [
        Tlsa(0, 1, 1, b"a" * 32),
        Tlsa(1, 1, 1, b"a" * 32),
        Tlsa(4, 1, 1, b"a" * 32),
        Tlsa(255, 1, 1, b"a" * 32),
        Tlsa(3, 2, 1, b"a" * 32),
        Tlsa(3, 1, 3, b"a" * 32),
        Tlsa(3, 1, 1, b"a" * 31),
        Tlsa(3, 1, 2, b"a" * 32),
        Tlsa(3, 1, 0, b""),
    ],
)
def test_records_that_cannot_be_checked_are_not_usable(record: Tlsa) -> None:
    assert usable([record, KEY]) == (KEY,)


@pytest.mark.parametrize(
    "record", [KEY, Tlsa(2, 0, 2, b"a" * 64), Tlsa(3, 1, 0, b"a key"), Tlsa(2, 0, 0, b"a cert")]
)
def test_records_of_an_authority_or_a_server_are_usable(record: Tlsa) -> None:
    assert usable([record]) == (record,)


def test_a_host_with_unusable_records_alone_still_demands_something() -> None:
    zone: Zone = {**SIGNED, ("_25._tcp.mx.example.test", "TLSA"): Signed(["1 1 1 " + "ab" * 32])}
    assert demand(zone) == Demand("mx.example.test", ())


@given(st.builds(Tlsa, *[st.integers(0, 255)] * 3, st.binary(max_size=70)))
def test_any_record_is_usable_or_not(record: Tlsa) -> None:
    assert usable([record]) in ((), (record,))
