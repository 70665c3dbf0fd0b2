"""Bounces, replies, and the names of sending addresses."""

from dataclasses import replace

import pytest
from dns_server import SERVFAIL, Zone
from domain_scene import ADDRESS, DOMAIN, HOST, MAIL, POINTER, SENDER, SUBJECT, checked, looked

from shared.config_network import Route
from shared.domain_check.model import PasteRecord, State
from shared.domain_check.subject import Sender, Source

WITHOUT_A_HOST = replace(SUBJECT, host=DOMAIN)
OURS = (PasteRecord("MX", HOST, f"10 {MAIL}."),)


@pytest.mark.parametrize(
    "servers",
    [
        [f"10 {MAIL}."],
        [f"10 {MAIL}.", "20 mx.elsewhere.example."],
        ["10 other-name.example."],
    ],
)
def test_bounces_that_come_to_us_are_well(servers: list[str]) -> None:
    zone: Zone = {(HOST, "MX"): list(servers), ("other-name.example", "A"): [ADDRESS]}
    assert looked(zone, only="bounces").state is State.OK


@pytest.mark.parametrize(
    ("records", "state", "said"),
    [
        ([], State.FAILED, "no mail server"),
        (["0 ."], State.FAILED, "takes no mail"),
        (["10 nobody.example."], State.FAILED, "has no address"),
        (["10 mx.elsewhere.example."], State.WARNING, "not to us"),
        (["10 mx.elsewhere.example.", f"20 {MAIL}."], State.WARNING, "first, and to us"),
    ],
)
def test_bounces_that_go_elsewhere(records: list[str], state: State, said: str) -> None:
    found = looked({(HOST, "MX"): list(records)}, only="bounces")
    assert (found.state, said in found.found, found.paste) == (state, True, OURS), found.found


def test_nobody_is_told_to_give_up_the_mail_servers_of_its_people() -> None:
    found = looked(only="bounces", subject=WITHOUT_A_HOST)
    assert (found.state, found.paste) == (State.WARNING, ())
    assert "a return-path host of its own" in found.found


def test_a_host_without_mx_takes_mail_at_its_address() -> None:
    assert looked({(HOST, "MX"): [], (HOST, "A"): [ADDRESS]}, only="bounces").state is State.OK


def test_who_does_not_know_its_own_name_cannot_tell() -> None:
    assert looked(only="bounces", sender=Sender("localhost")).state is State.UNKNOWN


def test_where_nobody_answers_is_unknown() -> None:
    assert looked({(HOST, "MX"): SERVFAIL}, only="bounces").state is State.UNKNOWN


def test_replies_may_go_anywhere_but_not_nowhere() -> None:
    assert looked(only="mx").state is State.OK
    found = looked({(DOMAIN, "MX"): ["0 ."]}, only="mx")
    assert (found.state, found.about) == (State.WARNING, DOMAIN)


def test_what_the_domain_receives_has_to_come_to_us() -> None:
    receiving = replace(SUBJECT, receives=(DOMAIN, "in.example.com"))
    zone: Zone = {("in.example.com", "MX"): [f"10 {MAIL}."]}
    first, second = checked(zone, only="mx", subject=receiving)
    assert (first.about, first.state) == (DOMAIN, State.WARNING)
    assert (second.about, second.state) == ("in.example.com", State.OK)


def test_without_a_return_path_host_one_look_is_enough() -> None:
    assert [each.name for each in checked(only=("mx", "bounces"), subject=WITHOUT_A_HOST)] == [
        "bounces"
    ]


def test_an_address_with_its_name_is_well() -> None:
    assert looked(only="reverse-dns").state is State.OK


PTR = (PasteRecord("PTR", POINTER, f"{MAIL}."),)
FORWARD = (PasteRecord("A", MAIL, ADDRESS),)


@pytest.mark.parametrize(
    ("zone", "state", "said", "paste"),
    [
        ({(POINTER, "PTR"): []}, State.FAILED, "has no name", PTR),
        ({(POINTER, "PTR"): ["liar.example."]}, State.FAILED, "does not lead to it", PTR),
        (
            {(POINTER, "PTR"): ["host.example."], ("host.example", "A"): [ADDRESS]},
            *(State.WARNING, "is called host.example", PTR),
        ),
        (
            {(POINTER, "PTR"): ["sender.example."], ("sender.example", "A"): [ADDRESS]},
            *(State.OK, "and back", ()),
        ),
        ({(MAIL, "A"): []}, State.WARNING, "has no address", FORWARD),
        ({(MAIL, "A"): ["192.0.2.99"]}, State.FAILED, "leads to 192.0.2.99, not to", FORWARD),
        ({(POINTER, "PTR"): SERVFAIL}, State.UNKNOWN, "no answer", ()),
        ({(POINTER, "PTR"): [r"a\027\000b.example."]}, State.FAILED, "does not lead", PTR),
    ],
)
def test_an_address_and_its_name(
    zone: Zone, state: State, said: str, paste: tuple[PasteRecord, ...]
) -> None:
    found = looked(zone, only="reverse-dns")
    assert (found.state, said in found.found, found.paste) == (state, True, paste), found.found
    assert found.found.isprintable()


def test_ipv6_addresses_are_looked_at_too() -> None:
    pointer = "a.0.0.0." + "0." * 20 + "8.b.d.0.1.0.0.2.ip6.arpa"
    zone: Zone = {(MAIL, "AAAA"): ["2001:db8::a"], (pointer, "PTR"): [f"{MAIL}."]}
    sender = Sender(MAIL, (Source(ADDRESS, MAIL), Source("2001:db8::a", MAIL)))
    found = checked(zone, only="reverse-dns", sender=sender)
    assert [(each.about, each.state) for each in found] == [
        (ADDRESS, State.OK),
        ("2001:db8::a", State.OK),
    ]


@pytest.mark.parametrize(
    ("sender", "state", "said"),
    [
        (Sender("localhost"), State.WARNING, "no full name"),
        (Sender("nobody.example"), State.WARNING, "does not exist"),
        (Sender(MAIL, (Source(ADDRESS, "box"),)), State.WARNING, "no full name"),
        (replace(SENDER, route=Route("smart.example", 25, False)), State.OK, "smart.example"),
        (replace(SENDER, sources=(), is_demo=True), State.OK, "nothing leaves"),
    ],
)
def test_senders_without_a_name_or_an_address(sender: Sender, state: State, said: str) -> None:
    if sender.by_others:
        sender = replace(sender, sources=())
    found = looked(only="reverse-dns", sender=sender)
    assert (found.state, said in found.found) == (state, True), found.found
