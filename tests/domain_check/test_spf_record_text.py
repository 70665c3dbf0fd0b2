"""SPF records are read as RFC 7208 writes them, and nothing else is."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain_check.spf_macros import Circumstances, expand, is_domain_spec
from shared.domain_check.spf_record import PermError, parse, spf_texts


def kinds(text: str) -> list[tuple[str, str]]:
    return [(each.kind, each.result) for each in parse(text).mechanisms]


def test_mechanisms_come_with_what_they_say() -> None:
    text = "v=spf1 a  MX/24 ?include:x.example ~ip4:192.0.2.0/24 +ip6:2001:db8::/32 -ALL"
    assert kinds(text) == [
        ("a", "pass"),
        ("mx", "pass"),
        ("include", "neutral"),
        ("ip4", "softfail"),
        ("ip6", "pass"),
        ("all", "fail"),
    ]


def test_prefix_lengths_are_read() -> None:
    first, second, third = parse("v=spf1 a:x.example/0//64 mx//0 a/8").mechanisms
    assert (first.domain, first.prefix_v4, first.prefix_v6) == ("x.example", 0, 64)
    assert (second.prefix_v4, second.prefix_v6) == (32, 0)
    assert (third.prefix_v4, third.prefix_v6) == (8, 128)


def test_modifiers_that_nobody_knows_are_passed_over() -> None:
    record = parse("v=spf1 foo=bar redirect=_spf.example.com exp=why.example.com")
    assert (record.mechanisms, record.redirect) == ((), "_spf.example.com")


@pytest.mark.parametrize(
    "terms",
    [
        *("all:x", "all/8", "include", "include:", "exists", "foo", "a:", "a/33", "a/08", "a//129"),
        *("a///8", "mx/x", "ip4", "ip4:", "ip4:1.2.3", "ip4:1.2.3.4/33", "ip4:1.2.3.4/", "ip4:::1"),
        *("ip4:01.2.3.4", "ip6:1.2.3.4", "ip6:::1/129", "ip6:fe80::1%eth0", "ip4/1.2.3.4"),
        *("ip4:1.2.3.4/255.255.255.0", "redirect=", "redirect=a.example redirect=b.example"),
        *("exp=x.example exp=y.example", "a:%{x}.example", "a:%", "a:example", "include:a.123"),
        *("a:%{d0}", "foo=%", "--all", "a b", "é", "include:exa mple.com", "a:x..", "\x00"),
    ],
)
def test_what_is_no_record_is_refused(terms: str) -> None:
    with pytest.raises(PermError):
        parse(f"v=spf1 {terms}")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("v=spf1", True),
        ("V=SPF1 -all", True),
        ("v=spf1 ", True),
        ("v=spf10 -all", False),
        (" v=spf1 -all", False),
        ("v=spf1;-all", False),
        ("spf2.0/pra -all", False),
        ("", False),
    ],
)
def test_what_counts_as_an_spf_record(text: str, is_one: bool) -> None:
    assert spf_texts([text]) == ([text] if is_one else [])


WHERE = Circumstances(
    ipaddress.ip_address("192.0.2.3"),
    "strong-bad@email.example.com",
    "mail.example.com",
    "email.example.com",
)
SIX = Circumstances(ipaddress.ip_address("2001:db8::cb01"), "@a.example", "h.example", "a.example")


@pytest.mark.parametrize(
    ("spec", "name"),
    [  # RFC 7208 §7.4
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{h}.%%%_%-.x", "mail.example.com.% %20.x"),
        ("%{p}.x.example", "unknown.x.example"),
        ("%{S}", "strong-bad%40email.example.com"),
    ],
)
def test_macros_are_expanded(spec: str, name: str) -> None:
    assert expand(spec, WHERE) == name


def test_ipv6_addresses_are_written_in_nibbles() -> None:
    nibbles = ".".join("20010db800000000000000000000cb01")
    assert expand("%{i}.%{v}", SIX) == f"{nibbles}.ip6"
    assert expand("%{l}", SIX) == "postmaster"


def test_long_names_lose_labels_from_the_left() -> None:
    assert expand("x" * 200 + "." + "y" * 60 + ".example.com", WHERE) == "y" * 60 + ".example.com"


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    for record in (text, f"v=spf1 {text}", f"v=spf1 a:{text}", f"v=spf1 ip4:{text}"):
        try:
            parse(record)
        except PermError:
            continue


@given(st.text(alphabet="%{}slodiphv0123456789r.-+,/_=Aa", max_size=60))
def test_any_domain_spec_expands_to_a_name_of_bounded_length(spec: str) -> None:
    if is_domain_spec(spec):
        expanded = expand(spec, WHERE)
        assert len(expanded) <= 253 or "." not in expanded
