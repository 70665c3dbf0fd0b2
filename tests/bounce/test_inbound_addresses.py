"""Which addresses port 25 takes mail for."""

import pytest
from post_office import FEEDBACK, Office, do

from shared import keys
from shared.domains import Directory
from shared.inbound_addresses import InboundAddresses
from shared.return_paths import ReturnPaths
from shared.store.base import Store
from shared.store.wrap import CountingStore


def addresses(office: Office, store: Store | None = None) -> InboundAddresses:
    used = store or office.store
    directory = Directory(used, lambda: office.now)
    return InboundAddresses(used, directory, ReturnPaths(used, directory), (FEEDBACK,))


@pytest.fixture
def office() -> Office:
    here = Office()
    here.sent("ann@sink.example")
    here.add_domain(
        "other.example",
        return_path_host="bounces.elsewhere.example",
        receives=["Help@other.example", "@inbox.other.example", "jörg@bücher.example"],
    )
    return here


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (FEEDBACK, "feedback"),
        (FEEDBACK.upper(), "feedback"),
        ("postmaster", "postmaster"),
        ("Postmaster@Example.ORG", "postmaster"),
        ("abuse@other.example", "abuse"),
        ("postmaster@bounces.elsewhere.example", "postmaster"),
        ("abuse@inbox.other.example", "abuse"),
        ("help@other.example", "routed"),
        ("HELP@OTHER.EXAMPLE", "routed"),
        ("anybody@inbox.other.example", "routed"),
        ("jörg@xn--bcher-kva.example", "routed"),
        ("help@example.org", None),
        ("anybody@other.example", None),
        ("postmaster@unknown.example", None),
        ("anybody@sub.inbox.other.example", None),
        ("@inbox.other.example", None),
        ("@", None),
        ("", None),
        ("abuse", None),
        ("postmaster@", None),
        ("a@b@inbox.other.example", "routed"),
    ],
)
def test_an_address_has_its_kind(office: Office, address: str, kind: str | None) -> None:
    assert do(addresses(office).accepts(address)) == kind


def test_a_return_path_that_we_made_is_for_bounces(office: Office) -> None:
    assert do(addresses(office).accepts(office.return_path(0).upper())) == "bounce"


def test_a_forged_return_path_is_refused_even_where_all_is_received(office: Office) -> None:
    office.add_domain("all.example", receives=["@all.example"])
    mac = office.return_path(0).partition("@")[0]
    assert do(addresses(office).accepts(f"{mac}@all.example")) is None
    assert do(addresses(office).accepts("anything-else@all.example")) == "routed"


def test_mail_is_for_the_domain_that_bears_the_name_whoever_claims_it(office: Office) -> None:
    office.add_domain("aaa.example", receives=["abuse@example.org", "@other.example"])
    found = do(addresses(office).look_up("abuse@example.org"))
    assert found is not None
    assert found.domain == "example.org"


def test_long_lists_of_a_domain_are_jumped_over(office: Office) -> None:
    for number in range(3000):
        do(office.store.put(keys.suppression("example.org", f"{number:040x}", "0"), b""))
    counting = CountingStore(office.store)
    assert do(addresses(office, counting).accepts("abuse@other.example")) == "abuse"
    assert counting.counts["list_page"] == 2


def test_a_domain_that_has_not_changed_is_not_read_again(office: Office) -> None:
    counting = CountingStore(office.store)
    looking = addresses(office, counting)
    do(looking.accepts("abuse@other.example"))
    before = counting.counts["get"]
    office.now += 60
    assert do(looking.accepts("abuse@other.example")) == "abuse"
    assert counting.counts["get"] == before


def test_a_new_domain_is_known_within_seconds(office: Office) -> None:
    looking = addresses(office)
    assert do(looking.accepts("abuse@new.example")) is None
    office.add_domain("new.example")
    office.now += 11
    assert do(looking.accepts("abuse@new.example")) == "abuse"


def test_one_broken_record_stops_no_other(office: Office) -> None:
    do(office.store.put(keys.domain_record("broken.example"), b"{"))
    assert do(addresses(office).accepts("abuse@other.example")) == "abuse"
    assert do(addresses(office).accepts("abuse@broken.example")) is None
