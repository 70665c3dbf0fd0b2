"""Would a receiver let the address pass? Asked of a real name server."""

import asyncio

import pytest
from dns_server import SERVFAIL, SILENCE, DnsServer, Zone
from hypothesis import given
from hypothesis import strategies as st

from shared.domain_check.lookups import Lookups
from shared.domain_check.spf_evaluation import MOST_LOOKUPS, Verdict, evaluate

HOST = "bounce.example.com"
NAMES: Zone = {
    (HOST, "A"): ["192.0.2.1"],
    (HOST, "AAAA"): ["2001:db8::1"],
    (HOST, "MX"): ["10 mx1.example.com.", "20 mx2.example.com."],
    ("mx1.example.com", "A"): ["192.0.2.11"],
    ("mx2.example.com", "A"): ["192.0.2.12"],
    ("1.2.0.192.in-addr.arpa", "PTR"): ["liar.example.com.", "bounce.example.com."],
    ("_spf.example.com", "TXT"): ['"v=spf1 ip4:198.51.100.0/24 ?all"'],
    ("_no.example.com", "TXT"): ['"v=spf1 -all"'],
    ("_loop.example.com", "TXT"): ['"v=spf1 include:_loop.example.com -all"'],
    ("3.2.0.192.ok.example.com", "A"): ["127.0.0.2"],
    ("down.example.com", "A"): SERVFAIL,
}


def verdict(
    record: str | list[str], address: str = "192.0.2.1", zone: Zone | None = None
) -> Verdict:
    async def run() -> Verdict:
        texts = [record] if isinstance(record, str) else record
        published: Zone = {(HOST, "TXT"): [f'"{each}"' for each in texts]}
        server = DnsServer({**NAMES, **(zone or {}), **published})
        dns = Lookups([await server.start()], 2)
        try:
            return await evaluate(dns, address, HOST, "mail.example.com")
        finally:
            server.close()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("record", "address", "result"),
    [
        ("v=spf1 a -all", "192.0.2.1", "pass"),
        ("v=spf1 a -all", "192.0.2.2", "fail"),
        ("v=spf1 a -all", "2001:db8::1", "pass"),
        ("v=spf1 a -all", "::ffff:192.0.2.1", "pass"),
        ("v=spf1 a/24 -all", "192.0.2.2", "pass"),
        ("v=spf1 a//64 -all", "2001:db8::ffff", "pass"),
        ("v=spf1 mx -all", "192.0.2.12", "pass"),
        ("v=spf1 mx:nomx.example.com -all", "192.0.2.12", "fail"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.255", "pass"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "2001:db8::1", "fail"),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8:1::", "pass"),
        ("v=spf1 include:_spf.example.com -all", "198.51.100.9", "pass"),
        ("v=spf1 include:_spf.example.com -all", "192.0.2.1", "fail"),
        ("v=spf1 include:_no.example.com +all", "192.0.2.1", "pass"),
        ("v=spf1 redirect=_spf.example.com", "192.0.2.1", "neutral"),
        ("v=spf1 redirect=_spf.example.com", "198.51.100.9", "pass"),
        ("v=spf1 ~all redirect=_spf.example.com", "198.51.100.9", "softfail"),
        ("v=spf1 exists:%{ir}.ok.example.com -all", "192.0.2.3", "pass"),
        ("v=spf1 exists:%{ir}.ok.example.com -all", "192.0.2.4", "fail"),
        ("v=spf1 ptr -all", "192.0.2.1", "pass"),
        ("v=spf1 ptr:elsewhere.example -all", "192.0.2.1", "fail"),
        ("v=spf1", "192.0.2.1", "neutral"),
        ("v=spf1 ?all", "192.0.2.1", "neutral"),
        ("", "192.0.2.1", "none"),
        ("v=spf1 include:nobody.example -all", "192.0.2.1", "permerror"),
        ("v=spf1 redirect=nobody.example", "192.0.2.1", "permerror"),
        ("v=spf1 include:_loop.example.com -all", "192.0.2.1", "permerror"),
        ("v=spf1 a:down.example.com -all", "192.0.2.1", "temperror"),
        ("v=spf1 nonsense -all", "192.0.2.1", "permerror"),
    ],
)
def test_what_a_receiver_comes_to(record: str, address: str, result: str) -> None:
    assert verdict(record, address).result == result


def test_the_term_that_decided_is_named() -> None:
    assert verdict("v=spf1 mx -all", "192.0.2.12").by == "mx"
    assert verdict("v=spf1 redirect=_no.example.com").by == "-all of _no.example.com"


def test_several_records_are_an_error() -> None:
    assert verdict(["v=spf1 a", "v=spf1 mx"]).by == f"{HOST} has 2 SPF records; only one may be"


def test_ten_lookups_are_allowed_and_eleven_are_not() -> None:
    ten = " ".join(f"a:h{each}.example.com" for each in range(MOST_LOOKUPS))
    zone: Zone = {(f"h{each}.example.com", "A"): ["192.0.2.99"] for each in range(MOST_LOOKUPS)}
    assert verdict(f"v=spf1 {ten} -all", zone=zone) == Verdict("fail", "-all", 10)
    over = verdict(f"v=spf1 {ten} a -all", zone=zone)
    assert (over.result, over.lookups) == ("permerror", 11)
    assert "more than 10 lookups" in over.by


def test_names_that_lead_nowhere_are_allowed_twice() -> None:
    assert verdict("v=spf1 a:no1.example a:no2.example -all").result == "fail"
    assert verdict("v=spf1 a:no1.example a:no2.example a:no3.example -all").result == "permerror"


def test_more_than_ten_mail_servers_are_an_error() -> None:
    zone: Zone = {(HOST, "MX"): [f"10 m{each}.example.com." for each in range(11)]}
    assert verdict("v=spf1 mx -all", zone=zone).result == "permerror"


def test_a_silent_name_server_is_a_temporary_error() -> None:
    zone: Zone = {("slow.example.com", "TXT"): SILENCE}
    assert verdict("v=spf1 include:slow.example.com -all", zone=zone).result == "temperror"


def test_a_circle_of_aliases_ends() -> None:
    zone: Zone = {
        ("x.example.com", "CNAME"): ["y.example.com."],
        ("y.example.com", "CNAME"): ["x.example.com."],
    }
    assert verdict("v=spf1 a:x.example.com -all", zone=zone).result in ("temperror", "fail")


TERMS = st.sampled_from(
    [
        *("a", "mx", "ptr", "all", "-all", "include:r0.example", "include:r1.example", "a/24"),
        *("redirect=r0.example", "exists:%{i}.r1.example", "ip4:192.0.2.1", "mx:r1.example//64"),
        *("include:%{d}", "a:%{l}.%{o}", "ip6:2001:db8::1", "?include:r2.example", "nonsense"),
    ]
)
RECORDS = st.lists(TERMS, max_size=12).map(lambda terms: " ".join(["v=spf1", *terms]))


class Table:
    """Answers from memory."""

    def __init__(self, records: list[str]) -> None:
        self.records = {f"r{n}.example": text for n, text in enumerate(records)}
        self.asked = 0

    async def txt(self, name: str) -> list[str]:
        self.asked += 1
        return [self.records[name]] if name in self.records else []

    async def of_family(self, host: str, version: int) -> list[str]:
        self.asked += 1
        return ["192.0.2.7"] if version == 4 and host in self.records else []

    async def exchanges(self, domain: str) -> list[str]:
        self.asked += 1
        return [*self.records] if domain in self.records else []

    async def names_of(self, address: str) -> list[str]:
        self.asked += 1
        return ["r0.example"]


@given(st.lists(RECORDS, min_size=3, max_size=3))
def test_however_records_lead_to_each_other_it_ends_within_its_bounds(records: list[str]) -> None:
    table = Table(records)
    found = asyncio.run(evaluate(table, "192.0.2.7", "r0.example", "h.example"))
    assert found.result in {"none", "neutral", "pass", "fail", "softfail", "permerror"}
    assert found.lookups <= MOST_LOOKUPS + 1
    assert table.asked <= 1 + MOST_LOOKUPS * 12
