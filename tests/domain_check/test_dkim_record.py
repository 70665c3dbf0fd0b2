"""Is the published DKIM key ours?"""

from dataclasses import replace

import pytest
from dns_server import SERVFAIL, Zone
from domain_scene import DOMAIN, SUBJECT, checked, looked, public_key, quoted
from hypothesis import given
from hypothesis import strategies as st

from shared.domain_check.dkim import judge, old_selectors
from shared.domain_check.model import PasteRecord, State
from shared.domain_check.tags import parse_tags

KEY = public_key()
P = KEY.text.partition("p=")[2]
OTHER = public_key("other").text.partition("p=")[2]
SHORT = (
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFC"
    "jxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf"
    "6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
)
"""The key of RFC 6376, Appendix C: 1024 bits."""


def test_our_key_is_well_and_needs_no_paste() -> None:
    found = looked(only="dkim")
    assert (found.state, found.about, found.paste) == (State.OK, "ekiden2", ())


@pytest.mark.parametrize(
    "text",
    [
        f"v=DKIM1; k=rsa; p={P}",
        f"p={P}",
        f"v=DKIM1;k=rsa;p={P};",
        f" v = DKIM1 ; p = {P[:50]} {P[50:]} ",
        f"v=DKIM1; h=sha1:sha256; s=*; t=s; n=some notes; x=y; p={P}",
        f"v=DKIM1; s=email; p={P}",
        f"v=DKIM1; k=RSA; p={P}",
    ],
)
def test_ways_to_write_our_key(text: str) -> None:
    assert judge(KEY, [text, "something else"]).state is State.OK


@pytest.mark.parametrize(
    ("texts", "state", "said"),
    [
        ([], State.FAILED, "has no DKIM record"),
        (["hello"], State.FAILED, "has no DKIM record; there is 'hello'"),
        (["v=DKIM1; p="], State.FAILED, "revoked"),
        ([f"v=DKIM1; p={OTHER}"], State.FAILED, "another key than ours"),
        ([f"v=DKIM1; p={SHORT}"], State.FAILED, "another key than ours"),
        (["v=DKIM1; p=!!"], State.FAILED, "no base 64"),
        ([f"v=DKIM1; p={P[:-1]}"], State.FAILED, "no base 64"),
        ([f"v=DKIM1; k=ed25519; p={P}"], State.FAILED, "ed25519, not rsa"),
        ([f"v=DKIM2; p={P}"], State.FAILED, "not DKIM1"),
        ([f"p={P}; v=DKIM1"], State.FAILED, "not the first"),
        ([f"v=DKIM1; h=sha1; p={P}"], State.FAILED, "does not allow SHA-256"),
        ([f"v=DKIM1; s=chat; p={P}"], State.FAILED, "not for mail"),
        ([f"v=DKIM1; p={P}; p={P}"], State.FAILED, "cannot be read"),
        (["v=DKIM1; nonsense"], State.FAILED, "cannot be read"),
        ([f"v=DKIM1; p={P}", f"v=DKIM1; p={OTHER}"], State.FAILED, "only one may be"),
        ([f"v=DKIM1; p={P}", f"p={P}"], State.OK, "ours"),
        ([f"v=DKIM1; t=y:s; p={P}"], State.WARNING, "t=y"),
    ],
)
def test_what_is_wrong_is_said(texts: list[str], state: State, said: str) -> None:
    found = judge(KEY, texts)
    assert (found.state, said in found.found) == (state, True), found.found
    assert found.paste == (() if state is State.OK else (PasteRecord("TXT", KEY.name, KEY.text),))


def test_our_own_key_of_1024_bits_is_weak() -> None:
    found = judge(replace(KEY, text=f"v=DKIM1; k=rsa; p={SHORT}"), [f"p={SHORT}"])
    assert (found.state, "1024 bits" in found.found) == (State.WARNING, True)


def test_ed25519_keys_are_compared_too() -> None:
    key = public_key("ed", "ed25519-sha256")
    assert judge(key, [key.text]).state is State.OK
    assert judge(key, [KEY.text]).state is State.FAILED


def test_a_key_that_does_not_sign_may_be_unpublished_but_not_another() -> None:
    idle = replace(KEY, signs=False)
    assert judge(idle, [KEY.text]).state is State.OK
    assert judge(idle, []).state is State.OK
    assert judge(idle, []).paste
    assert judge(idle, [f"v=DKIM1; p={OTHER}"]).state is State.WARNING


def test_selectors_of_before_are_guessed_by_their_number() -> None:
    assert old_selectors([replace(KEY, selector="ekiden3"), KEY]) == ["ekiden1"]
    assert old_selectors([replace(KEY, selector="mail12")]) == ["mail11", "mail10", "mail9"]
    assert old_selectors([replace(KEY, selector="mail")]) == []


def test_an_old_key_that_is_still_published_is_noted() -> None:
    old: Zone = {(f"ekiden1._domainkey.{DOMAIN}", "TXT"): [quoted(f"v=DKIM1; p={OTHER}")]}
    ours, noted = checked(old, only="dkim")
    assert (ours.about, ours.state) == ("ekiden2", State.OK)
    assert (noted.about, noted.state) == ("ekiden1", State.WARNING)
    revoked: Zone = {(f"ekiden1._domainkey.{DOMAIN}", "TXT"): [quoted("v=DKIM1; p=")]}
    assert looked(revoked, only="dkim").about == "ekiden2"


def test_what_nobody_answers_is_unknown_for_that_selector_alone() -> None:
    keys = (public_key("ekiden2"), public_key("other"))
    found = checked(
        {(keys[0].name, "TXT"): SERVFAIL}, only="dkim", subject=replace(SUBJECT, keys=keys)
    )
    assert [(each.about, each.state) for each in found] == [
        ("ekiden2", State.UNKNOWN),
        ("other", State.FAILED),
    ]


@given(st.lists(st.text(max_size=80), max_size=3))
def test_any_record_is_judged(texts: list[str]) -> None:
    for each in (texts, [f"v=DKIM1; {text}" for text in texts], [f"p={text}" for text in texts]):
        assert judge(KEY, each).state in (State.OK, State.FAILED, State.WARNING)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("a=1; b = 2 ;", {"a": "1", "b": "2"}),
        ("a=", {"a": ""}),
        ("a=x=y", {"a": "x=y"}),
        ("a=1; a=2", None),
        ("a=1;;b=2", None),
        ("", None),
        (";", None),
        ("1a=x", None),
        ("a", None),
    ],
)
def test_tag_lists(text: str, tags: dict[str, str] | None) -> None:
    assert parse_tags(text) == tags
