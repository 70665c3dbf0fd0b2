"""Does DMARC stand, and does our mail align with it?"""

from dataclasses import replace

import pytest
from dns_server import SERVFAIL, Zone
from domain_scene import DOMAIN, HOST, SUBJECT, looked, quoted
from hypothesis import given
from hypothesis import strategies as st

from shared.domain_check.dmarc import Facts, Walk, dmarc_texts, judge, report_hosts, walked
from shared.domain_check.model import Check, PasteRecord, State


def found_for(*texts: str, **of_subject: str) -> Check:
    zone: Zone = {(f"_dmarc.{DOMAIN}", "TXT"): [quoted(each) for each in texts]}
    return looked(zone, only="dmarc", subject=replace(SUBJECT, **of_subject))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v=DMARC1; p=none", "p=none by _dmarc.example.com; DKIM and SPF align; without rua="),
        ("v=DMARC1;p=REJECT;rua=mailto:a@example.com", "p=reject by _dmarc.example.com; DKIM and"),
        ("v=DMARC1; p=quarantine; pct=50; t=y; fo=1; x=y", "p=quarantine, t=y: in test"),
        ("v=DMARC1; p=none; adkim=s; aspf=r; rua=mailto:a@sub.example.com!10m", "SPF align"),
    ],
)
def test_records_that_are_well(text: str, said: str) -> None:
    found = found_for(text, "something else")
    assert (found.state, said in found.found) == (State.OK, True), found.found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("v=DMARC1", "no p="),
        ("v=DMARC1; p=maybe", "p=maybe"),
        ("v=DMARC1; p=none; sp=x", "sp=x"),
        ("v=DMARC1; p=none; aspf=x", "aspf=x"),
        ("v=DMARC1; p=none; p=reject", "cannot be read"),
        ("v=DMARC1; nonsense", "cannot be read"),
        ("v=DMARC2; p=none", "there is no DMARC record"),
        ("p=none; v=DMARC1", "there is no DMARC record"),
        ("v=DMARC1; p=none; aspf=s", "aspf=s: SPF of bounce.example.com does not count"),
        ("v=DMARC1; p=none; rua=reports@example.com", "write mailto:"),
        ("v=DMARC1; p=none; rua=mailto:a@reports.example", "reports.example does not say"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    found = found_for(text)
    assert (found.state, said in found.found) == (State.WARNING, True), found.found


def test_without_a_record_one_is_proposed() -> None:
    assert found_for().paste == (PasteRecord("TXT", "_dmarc.example.com", "v=DMARC1; p=none"),)


def test_two_records_count_as_none() -> None:
    found = found_for("v=DMARC1; p=none", "v=DMARC1; p=reject")
    assert (found.state, "2 records" in found.found) == (State.WARNING, True)


def test_a_policy_from_above_counts_with_its_word_for_subdomains() -> None:
    found = found_for("v=DMARC1; p=reject; sp=none", domain="a.news.example.com")
    assert (found.state, "sp=none by _dmarc.example.com" in found.found) == (State.OK, True)
    found = found_for("v=DMARC1; p=reject", domain="a.news.example.com", host="a.news.example.com")
    assert "p=reject" in found.found


def test_a_return_path_elsewhere_does_not_align() -> None:
    found = found_for("v=DMARC1; p=none", host="bounces.provider.example")
    assert (found.state, "does not align" in found.found) == (State.WARNING, True)


def test_siblings_align_below_one_organisation() -> None:
    assert found_for("v=DMARC1; p=none", domain="news.example.com").state is State.OK
    apart = found_for("v=DMARC1; p=none; psd=y", domain="news.example.com")
    assert "bounce.example.com is not news.example.com" in apart.found


def test_who_wants_reports_about_others_says_so() -> None:
    zone: Zone = {
        (f"_dmarc.{DOMAIN}", "TXT"): [quoted("v=DMARC1; p=none; rua=mailto:a@reports.example")],
        (f"{DOMAIN}._report._dmarc.reports.example", "TXT"): ['"v=DMARC1;"'],
    }
    assert looked(zone, only="dmarc").state is State.OK


def test_what_nobody_answers_is_unknown() -> None:
    assert looked({(f"_dmarc.{DOMAIN}", "TXT"): SERVFAIL}, only="dmarc").state is State.UNKNOWN


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("example.com", ["example.com", "com"]),
        ("a.example.com", ["a.example.com", "example.com", "com"]),
        (
            "a.b.c.d.e.f.g.h.i.example",
            [
                *("a.b.c.d.e.f.g.h.i.example", "d.e.f.g.h.i.example", "e.f.g.h.i.example"),
                *("f.g.h.i.example", "g.h.i.example", "h.i.example", "i.example", "example"),
            ],
        ),
    ],
)
def test_the_tree_is_walked_as_rfc_9989_says(name: str, asked: list[str]) -> None:
    assert walked(name) == asked


@pytest.mark.parametrize(
    ("records", "organisation"),
    [
        ({}, "a.b.example.com"),
        ({"example.com": "v=DMARC1; p=none"}, "example.com"),
        ({"b.example.com": "v=DMARC1; p=none", "com": "v=DMARC1; psd=y"}, "example.com"),
        ({"b.example.com": "v=DMARC1; psd=n", "com": "v=DMARC1; p=none"}, "b.example.com"),
        ({"a.b.example.com": "v=DMARC1; p=none"}, "a.b.example.com"),
    ],
)
def test_whose_mail_it_is(records: dict[str, str], organisation: str) -> None:
    found = tuple((name, (text,)) for name, text in records.items())
    assert Walk("a.b.example.com", found).organisation == organisation


@given(st.lists(st.text(max_size=100), max_size=3))
def test_any_record_is_judged(texts: list[str]) -> None:
    for each in (texts, [f"v=DMARC1; p=none; {text}" for text in texts]):
        found = dmarc_texts(each)
        walk = Walk(DOMAIN, ((DOMAIN, found),) if found else ())
        report_hosts(walk)
        assert judge(Facts(walk, Walk(HOST))).state in (State.OK, State.WARNING)
