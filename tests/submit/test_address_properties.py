"""Addresses and URLs from strangers: whatever comes in, nothing dangerous comes out."""

import re
import string
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared import unsubscribe
from shared.address import (
    domain_of,
    identity,
    is_printable,
    mailboxes_of,
    normal,
    normal_domain,
    normal_mailbox,
)

checked = settings(deadline=None, max_examples=100, print_blob=True)

PIECES = [
    "@",
    ".",
    '"',
    "\\",
    "\r\n",
    "\x00",
    " ",
    "<",
    ">",
    "é",
    "例え",
    "xn--",
    "a",
    "-",
    "\u202e",
]
NEARLY = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join)
"""Texts that have the parts of an address in any order."""
LABEL = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)
DOMAINS = st.lists(LABEL, min_size=1, max_size=3).map(lambda labels: ".".join([*labels, "example"]))
LOCALS = st.text(
    string.ascii_letters + string.digits + "!#$%&'*+/=?^_`{|}~-éß例", min_size=1, max_size=9
)
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS)

# Letters that a header or an SMTP command would end at.
DANGEROUS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@checked
@given(NEARLY | st.text() | ADDRESSES)
def test_a_normal_address_has_no_control_character_and_one_line(text: str) -> None:
    address = normal(text)
    if address is not None:
        assert not DANGEROUS.search(address)
        assert " " not in address or address.startswith('"')


@checked
@given(NEARLY | st.text() | ADDRESSES)
def test_making_an_address_normal_twice_changes_nothing(text: str) -> None:
    address = normal(text)
    if address is not None:
        assert normal(address) == address


@checked
@given(NEARLY | st.text() | ADDRESSES)
def test_a_normal_address_has_a_domain_of_lower_case_a_labels(text: str) -> None:
    address = normal(text)
    if address is not None:
        domain = domain_of(address)
        assert re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", domain)
        assert len(domain) <= 255
        assert all(len(label) <= 63 for label in domain.split("."))


@checked
@given(ADDRESSES)
def test_a_sound_address_is_accepted_and_keeps_its_local_part(text: str) -> None:
    address = normal(text)
    assert address is not None
    assert address.rpartition("@")[0] == text.rpartition("@")[0]


@checked
@given(ADDRESSES)
def test_spellings_that_differ_in_case_are_one_identity(text: str) -> None:
    assert identity(text.upper()) == identity(text.lower()) == identity(text)


@checked
@given(ADDRESSES)
def test_so_are_spellings_that_differ_in_quotation_marks_or_composed_letters(text: str) -> None:
    local, _, domain = text.rpartition("@")
    for form in ("NFC", "NFD"):
        composed = normalize(form, local)
        for spelling in (composed, f'"{composed}"', '"\\' + f'{composed}"'):
            assert identity(f"{spelling}@{domain}") == identity(text)


def test_what_needs_its_quotation_marks_is_still_somebody_else() -> None:
    spellings = ('"a b"@x.example', '"ab"@x.example', '"a@b"@x.example', '"a\\"b"@x.example')
    assert len(set(map(identity, spellings))) == 4
    assert identity('"a@b"@x.example') != identity("b@x.example")


@checked
@given(NEARLY | st.text())
def test_a_normal_domain_stays_so(text: str) -> None:
    domain = normal_domain(text)
    assert domain is None or normal_domain(domain) == domain


@checked
@given(NEARLY | st.text() | ADDRESSES)
def test_a_mailbox_has_a_printable_name_and_a_normal_address(text: str) -> None:
    mailbox = normal_mailbox(text)
    if mailbox is not None:
        name, address = mailbox
        assert is_printable(name)
        assert normal(address) == address


@checked
@given(st.text(), ADDRESSES)
def test_a_name_in_quotes_may_be_anything_printable(name: str, address: str) -> None:
    quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    mailbox = normal_mailbox(f"{quoted} <{address}>")
    if is_printable(name) and len(name) < 300:
        assert mailbox == (name.strip(), normal(address))
    elif not is_printable(name):
        assert mailbox is None


@checked
@given(st.lists(ADDRESSES, max_size=5))
def test_a_list_of_mailboxes_is_taken_apart_as_it_was_put_together(addresses: list[str]) -> None:
    written = [f'"a, b" <{each}>' if place % 2 else each for place, each in enumerate(addresses)]
    found = [normal_mailbox(member) for member in mailboxes_of(", ".join(written))]
    assert [mailbox and mailbox[1] for mailbox in found] == [normal(each) for each in addresses]


@checked
@given(NEARLY | st.text())
def test_taking_a_list_apart_adds_nothing(text: str) -> None:
    joined = "".join(mailboxes_of(text))
    assert set(joined) <= set(text) | {" "}


# Unsubscribe URLs.

URL_CHARACTERS = re.compile(
    r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-F]{2})+"
)  # RFC 3986 §2
VALUES = st.text(min_size=1, max_size=20) | st.integers() | st.floats(allow_nan=False)


@checked
@given(VALUES, VALUES)
def test_a_filled_url_has_only_url_characters(first: object, second: object) -> None:
    template = "https://example.org/{{ first }}?x={{second}}#{{ first }}"
    url = unsubscribe.fill(template, {"first": first, "second": second})
    assert URL_CHARACTERS.fullmatch(url)
    assert url.startswith("https://example.org/")
    assert (url.count("/"), url.count("?"), url.count("#")) == (3, 1, 1)


@checked
@given(st.text(max_size=30).map("https://example.org/".__add__))
def test_a_url_template_that_passes_the_check_has_only_url_characters(template: str) -> None:
    try:
        unsubscribe.check(template)
    except unsubscribe.Unresolved:
        return
    bare = re.sub(r"\{\{.*?\}\}", "x", template)
    assert re.fullmatch(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+", bare)


@checked
@given(VALUES)
def test_a_field_cannot_change_the_host_of_a_url(value: object) -> None:
    url = unsubscribe.fill("https://{{ host }}.example.org/", {"host": value})
    assert re.fullmatch(r"https://[A-Za-z0-9._~%-]+\.example\.org/", url)


@pytest.mark.parametrize("value", [None, "", True, [], {}, ["a"]])
def test_a_field_without_a_text_resolves_nothing(value: object) -> None:
    with pytest.raises(unsubscribe.Unresolved, match=r"no value for \{\{ id \}\}"):
        unsubscribe.fill("https://example.org/{{ id }}", {"id": value})
