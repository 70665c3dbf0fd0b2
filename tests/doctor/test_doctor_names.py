"""The checks of DNS, against a name server on the loopback."""

import asyncio
import time

import pytest
from dns_server import FORMERR, REFUSED, SERVFAIL, SILENCE, DnsServer, Zone
from examination import Prepare, check, one, only

from ekiden.doctor.finding import Finding, Scene, State
from shared.config import load
from shared.provision import add_dkim_key, add_domain, dns_records, read_dkim
from shared.store import open_store
from shared.store.base import Store

NAME = "example.com"
ROOT: Zone = {(".", "NS"): ["a.root-servers.net."]}
HOST: Zone = {
    ("mail.example.com", "A"): ["192.0.2.10"],
    ("10.2.0.192.in-addr.arpa", "PTR"): ["mail.example.com."],
}


def asked(always: str = "", zone: Zone = ROOT, second: str = "", **options: str) -> Finding:
    """What `resolver` says about one or two name servers."""

    async def run() -> Finding:
        servers = [DnsServer(zone, always), DnsServer(zone, second)]
        try:
            places = [await each.start() for each in servers][: 2 if second else 1]
            flags = {"send.nameservers": ",".join(places)}
            config = load(
                None, {}, {**flags, **{k.replace("__", "."): v for k, v in options.items()}}
            )
            return only(await one("resolver", Scene(config, open_store("memory:"), time.time)))
        finally:
            for each in servers:
                each.close()

    return asyncio.run(run())


def test_name_servers_that_know_the_root_are_well() -> None:
    assert asked().state is State.OK


@pytest.mark.parametrize("answer", [SERVFAIL, REFUSED, FORMERR])
def test_name_servers_that_refuse_fail(answer: str) -> None:
    assert asked(answer).state is State.FAILED


def test_name_servers_that_know_nothing_of_the_internet_fail() -> None:
    finding = asked(zone={})
    assert finding.state is State.FAILED
    assert "nothing of the internet" in finding.seen


def test_one_dead_name_server_of_two_is_a_warning() -> None:
    assert asked(second=REFUSED).state is State.WARNING


def test_with_a_smarthost_dns_is_no_must() -> None:
    assert asked(SERVFAIL, send__route="smtp://192.0.2.1").state is State.WARNING


def test_name_servers_that_are_silent_are_given_up() -> None:
    finding = only(check("resolver", timeout_s=0.2, zone={(".", "NS"): SILENCE}))
    assert (finding.state, finding.seen) == (State.FAILED, "no answer within 0.2 s")


async def published(store: Store, names: tuple[str, ...] = (NAME,)) -> Zone:
    """Domains in the store, and the zone that `ekiden domain dns` asks for."""
    zone: Zone = {**ROOT, **HOST}
    for name in names:
        record, dkim = await add_domain(
            store, name, ["rsa-sha256"], 0.0, return_path_host=f"b.{name}"
        )
        for kind, where, value in dns_records(record, dkim):
            if kind == "TXT":
                half = len(value) // 2
                zone[where, kind] = [f'"{value[:half]}" "{value[half:]}"']
        zone[f"b.{name}", "MX"] = ["10 mail.example.com."]
    return zone


def domains(change: Zone | None = None, gone: tuple[tuple[str, str], ...] = ()) -> list[Finding]:
    zone: Zone = {}

    async def prepare(store: Store) -> None:
        zone.update(await published(store))
        zone.update(change or {})
        for each in gone:
            del zone[each]

    return looked_at(prepare, zone)


def looked_at(prepare: Prepare, zone: Zone) -> list[Finding]:
    return check("domains", prepare=prepare, zone=zone, send__hostname="mail.example.com")


def test_a_domain_with_all_its_records_is_well() -> None:
    assert only(domains()).seen == "1 of 1 Domains have their records"


def test_without_a_domain_there_is_nothing_to_look_at() -> None:
    assert only(check("domains")).state is State.SKIPPED


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ('"v=DKIM1; k=rsa; p=MIIBIjAN"', "another key"),
        ('"v=DKIM1; k=rsa; p=MIIBIjANBg"', "no base 64"),
        ('"v=DKIM1; k=rsa; p="', "revoked"),
        ('"hello"', "no DKIM record"),
        ('";;=;p="', "cannot be read"),
    ],
)
def test_a_wrong_dkim_record_fails(record: str, said: str) -> None:
    finding = only(domains({("ekiden1._domainkey.example.com", "TXT"): [record]}))
    assert finding.state is State.FAILED
    assert said in finding.seen
    assert finding.about == NAME
    assert "ekiden domain check example.com" in finding.advice


def test_a_missing_dkim_record_fails() -> None:
    finding = only(domains(gone=(("ekiden1._domainkey.example.com", "TXT"),)))
    assert "ekiden1._domainkey.example.com has no DKIM record" in finding.seen


def test_a_key_that_does_not_sign_need_not_be_published() -> None:
    zone: Zone = {}

    async def prepare(store: Store) -> None:
        zone.update(await published(store))
        await add_dkim_key(store, NAME, "ed25519-sha256", "s2", 0.0)
        assert len((await read_dkim(store, NAME))[0].keys) == 2

    assert only(looked_at(prepare, zone)).state is State.OK


def test_two_spf_records_fail() -> None:
    finding = only(domains({("b.example.com", "TXT"): ['"v=spf1 a -all"', '"v=spf1 -all"', '"x"']}))
    assert finding.state is State.FAILED
    assert "2 SPF records" in finding.seen


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (("b.example.com", "TXT"), "no SPF record"),
        (("_dmarc.example.com", "TXT"), "DMARC"),
    ],
)
def test_what_makes_mail_weaker_is_a_warning(missing: tuple[str, str], said: str) -> None:
    finding = only(domains(gone=(missing,)))
    assert finding.state is State.WARNING
    assert said in finding.seen


def test_bounces_that_cannot_come_back_fail() -> None:
    finding = only(domains({("b.example.com", "MX"): ["0 ."]}))
    assert finding.state is State.FAILED
    assert "b.example.com has no mail server" in finding.seen


def test_a_policy_of_the_domain_above_counts() -> None:
    zone: Zone = {}

    async def prepare(store: Store) -> None:
        zone.update(await published(store, ("news.example.com",)))
        del zone["_dmarc.news.example.com", "TXT"]
        zone["_dmarc.example.com", "TXT"] = ['"v=DMARC1; p=reject"']

    assert only(looked_at(prepare, zone)).state is State.OK


def test_each_domain_with_a_fault_has_its_line() -> None:
    zone: Zone = {}

    async def prepare(store: Store) -> None:
        zone.update(await published(store, ("a.example", "b.example", "c.example")))
        del zone["ekiden1._domainkey.b.example", "TXT"]
        await store.put("domains/torn.example/domain.json", b"{torn")

    findings = looked_at(prepare, zone)
    assert findings[0].seen == "2 of 4 Domains have their records"
    assert [each.about for each in findings[1:]] == ["b.example", "torn.example"]
    assert {each.state for each in findings[1:]} == {State.FAILED}


def test_name_servers_that_do_not_answer_say_nothing_about_a_domain() -> None:
    finding = only(domains({("b.example.com", "TXT"): SERVFAIL}))
    assert finding.state is State.WARNING
    assert "no answer about b.example.com" in finding.seen


def sending(zone: Zone, **options: str) -> list[Finding]:
    return check("sending-name", zone=zone, **{"send__hostname": "mail.example.com", **options})


def test_a_name_that_leads_to_its_address_and_back_is_well() -> None:
    assert only(sending(HOST)).state is State.OK


def test_a_name_without_an_address_is_a_warning() -> None:
    assert only(sending({})).state is State.WARNING


@pytest.mark.parametrize("back", [[], ["host-10.provider.example."]])
def test_an_address_that_does_not_lead_back_fails(back: list[str]) -> None:
    finding = only(sending({**HOST, ("10.2.0.192.in-addr.arpa", "PTR"): back}))
    assert finding.state is State.FAILED
    assert "publish 10.2.0.192.in-addr.arpa PTR mail.example.com." in finding.advice


def test_an_address_about_which_nobody_answers_is_a_warning() -> None:
    finding = only(sending({**HOST, ("10.2.0.192.in-addr.arpa", "PTR"): SERVFAIL}))
    assert finding.state is State.WARNING


def test_each_address_of_a_pool_is_looked_at() -> None:
    zone: Zone = {**HOST, ("m2.example.com", "A"): ["192.0.2.99"]}
    pools = "default=192.0.2.10,bulk=192.0.2.20/m2.example.com"
    first, second = sending(zone, send__pools=pools)
    assert first.state is State.OK
    assert second.state is State.FAILED
    assert "leads to 192.0.2.99, not to 192.0.2.20" in second.seen


def test_a_name_of_one_label_is_a_warning() -> None:
    assert "set send.hostname" in only(sending({}, send__hostname="mail")).advice


def test_with_a_smarthost_the_name_does_not_matter() -> None:
    assert only(sending({}, send__route="smtp://192.0.2.1")).state is State.SKIPPED
