"""What the check says about a Domain's SPF, and what to paste."""

import pytest
from dns_server import SERVFAIL, SILENCE, Zone
from domain_scene import ADDRESS, HOST, MAIL, SENDER, looked

from shared.config_network import Route
from shared.domain_check.model import Check, PasteRecord, State
from shared.domain_check.subject import Sender, Source


def spf(record: str | list[str], zone: Zone | None = None, sender: Sender = SENDER) -> Check:
    texts = [record] if isinstance(record, str) else record
    published: Zone = {(HOST, "TXT"): [f'"{each}"' for each in texts]}
    return looked({**(zone or {}), **published}, only="spf", sender=sender)


def test_a_record_with_our_address_is_well() -> None:
    found = spf(f"v=spf1 ip4:{ADDRESS} -all")
    assert (found.state, found.paste, found.about) == (State.OK, (), HOST)


@pytest.mark.parametrize(
    ("record", "state", "said"),
    [
        ("v=spf1 -all", State.FAILED, "192.0.2.10: fail by -all"),
        ("v=spf1 ~all", State.WARNING, "192.0.2.10: softfail by ~all"),
        ("v=spf1 ?all", State.WARNING, "neutral"),
        ("hello", State.WARNING, "no SPF record"),
        ("v=spf1 ip4:192.0.2.10 +all", State.FAILED, "everybody passes, by +all"),
        ("v=spf1 ip4:192.0.2.10 ip4:0.0.0.0/0 -all", State.FAILED, "everybody passes"),
        ("v=spf1 redirect=nobody.example", State.FAILED, "permerror"),
        ("v=spf1 ip5:1 -all", State.FAILED, "cannot be read: ip5:1 is no mechanism"),
    ],
)
def test_what_is_wrong_is_said(record: str, state: State, said: str) -> None:
    found = spf(record)
    assert (found.state, said in found.found) == (state, True), found.found
    assert found.paste


def test_several_records_fail() -> None:
    found = spf(["v=spf1 a -all", "v=spf1 mx -all", "other"])
    assert (found.state, "2 SPF records" in found.found) == (State.FAILED, True)
    assert found.paste == (PasteRecord("TXT", HOST, f"v=spf1 ip4:{ADDRESS} ~all"),)


def test_our_address_is_put_in_front_of_what_decides_about_others() -> None:
    found = spf("v=spf1 include:_spf.other.example -all", {})
    assert found.paste[0].value == f"v=spf1 include:_spf.other.example ip4:{ADDRESS} -all"
    found = spf("v=spf1 redirect=nobody.example")
    assert found.paste[0].value == f"v=spf1 ip4:{ADDRESS} redirect=nobody.example"


def test_each_address_of_a_pool_has_to_pass() -> None:
    pool = (Source(ADDRESS, MAIL), Source("2001:db8::25", MAIL))
    found = spf(f"v=spf1 ip4:{ADDRESS} ~all", sender=Sender(MAIL, pool))
    assert "2001:db8::25: softfail" in found.found
    assert found.paste[0].value == f"v=spf1 ip4:{ADDRESS} ip6:2001:db8::25 ~all"


def test_without_pools_the_address_of_our_name_counts() -> None:
    assert spf("v=spf1 ip4:192.0.2.10 -all", sender=Sender(MAIL)).state is State.OK
    assert spf("v=spf1 ip4:192.0.2.11 -all", sender=Sender(MAIL)).state is State.FAILED


@pytest.mark.parametrize("name", ["", "localhost", "nobody.example"])
def test_with_unknown_addresses_nobody_can_say(name: str) -> None:
    assert spf("v=spf1 ip4:192.0.2.10 -all", sender=Sender(name)).state is State.UNKNOWN


def test_behind_a_smarthost_its_addresses_count() -> None:
    found = spf("v=spf1 -all", sender=Sender(MAIL, route=Route("smart.example", 25, False)))
    assert (found.state, "smart.example" in found.found) == (State.OK, True)


def test_too_many_lookups_are_found_though_our_own_address_comes_first() -> None:
    many = " ".join(f"a:h{each}.example.com" for each in range(11))
    zone: Zone = {(f"h{each}.example.com", "A"): ["192.0.2.99"] for each in range(11)}
    found = spf(f"v=spf1 ip4:{ADDRESS} {many} -all", zone)
    assert found.state is State.WARNING
    assert "more than 10 lookups" in found.found


@pytest.mark.parametrize("answer", [SERVFAIL, SILENCE])
def test_what_nobody_answers_is_unknown(answer: str) -> None:
    found = looked({(HOST, "TXT"): answer}, only="spf", timeout_s=0.2)
    assert (found.state, found.paste) == (State.UNKNOWN, ())
    zone: Zone = {("_spf.other.example", "TXT"): answer}
    record: Zone = {(HOST, "TXT"): ['"v=spf1 include:_spf.other.example -all"']}
    assert looked({**zone, **record}, only="spf", timeout_s=0.2).state is State.UNKNOWN


def test_control_characters_are_shown_escaped() -> None:
    found = spf(r"v=spf1 \027[31m -all")
    assert "\x1b" not in found.found
    assert "\\x1b[31m" in found.found
    assert all(record.value.isprintable() for record in found.paste)
