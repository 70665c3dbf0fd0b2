"""Which limits count for a destination, and what shares them; and what a new address may send."""

import re
from datetime import date, timedelta

import pytest

from functions.send.destinations import warmup
from functions.send.destinations.limits import PROVIDERS, LimitBook, Limits
from functions.send.destinations.warmup import allowance
from functions.send.routing import patterns, route_of

DEFAULT = Limits(connections=20, messages=100)
GOOGLE = ["gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"]


def test_a_provider_is_known_by_the_name_above_its_servers() -> None:
    site, limits = LimitBook(DEFAULT).site_of(["mta5.am0.yahoodns.net", "mta6.am0.yahoodns.net"])
    assert (site, limits) == ("yahoodns.net", Limits(connections=5, messages=20))


def test_domains_that_are_hosted_together_share_a_limit() -> None:
    book = LimitBook(DEFAULT)
    one = book.site_of(["acme-com.mail.protection.outlook.com"])
    other = book.site_of(["zoo-org.mail.protection.outlook.com"])
    assert one == other == ("outlook.com", Limits(connections=10, messages=50))


def test_a_set_of_mail_exchangers_is_one_site_in_any_order_and_case() -> None:
    book = LimitBook(DEFAULT)
    one = book.site_of(["mx1.example.com", "MX2.example.com."])
    assert one == book.site_of(["mx2.example.com", "mx1.example.com"])
    assert one == ("mx1.example.com,mx2.example.com", DEFAULT)


def test_servers_of_two_providers_are_a_site_of_their_own() -> None:
    site, limits = LimitBook(DEFAULT).site_of([GOOGLE[0], "mx.web.de"])
    assert (site, limits) == (f"{GOOGLE[0]},mx.web.de", DEFAULT)


def test_a_name_is_no_suffix_of_letters() -> None:
    assert LimitBook(DEFAULT).site_of(["mx.notgoogle.com"])[1] == DEFAULT


def test_the_operators_limits_come_before_the_known_ones() -> None:
    book = LimitBook(DEFAULT, {"google.com": {"connections": 50, "per_minute": 600}})
    assert book.site_of(GOOGLE) == ("google.com", Limits(50, 100, 600))


def test_the_longest_name_wins() -> None:
    book = LimitBook(DEFAULT, {"example.com": {"connections": 7}, "a.example.com": {"messages": 3}})
    assert book.site_of(["mx.a.example.com"]) == ("a.example.com", Limits(20, 3))
    assert book.site_of(["mx.b.example.com"]) == ("example.com", Limits(7, 100))


def test_a_low_default_means_everybody_that_is_not_named() -> None:
    book = LimitBook(Limits(2, 10, 30), {"web.de": {"connections": 4}})
    assert book.site_of(["mx.gmx.net"]) == ("gmx.net", Limits(2, 10, 30))
    assert book.site_of(["mx.web.de"]) == ("web.de", Limits(4, 50, 30))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_known_provider_is_found_by_its_own_name(provider: str) -> None:
    site, limits = LimitBook(Limits(1000, 1000)).site_of([provider])
    assert site == provider
    assert limits.connections == PROVIDERS[provider]["connections"]


# Warm-up.


def test_the_table_in_the_docstring_is_what_is_computed() -> None:
    lines = (warmup.__doc__ or "").splitlines()
    days = next(line for line in lines if line.strip().startswith("day")).split()[1:]
    mails = next(line for line in lines if line.strip().startswith("mails")).split()[1:]
    table = dict(zip([each for each in days if each != "…"], mails, strict=True))
    first = date(2026, 11, 21)
    for day, number in table.items():
        allowed = allowance(first, first + timedelta(days=int(day) - 1))
        assert number == ("free" if allowed is None else str(allowed))
    assert len(table) == 12


def test_an_address_sends_nothing_before_its_first_day() -> None:
    assert allowance(date(2026, 11, 21), date(2026, 11, 20)) == 0


def test_an_old_address_is_free() -> None:
    assert allowance(date(2020, 1, 1), date(2026, 11, 21)) is None


# Routes.


def test_the_patterns_of_a_domain_from_the_most_exact_one() -> None:
    assert list(patterns("mx.example.com")) == ["mx.example.com", "*.example.com", "*.com", "*"]
    assert list(patterns("localhost")) == ["localhost", "*"]


@pytest.mark.parametrize(
    ("routes", "won"),
    [
        ({"ann@a.example.com": "1", "a.example.com": "2", "*": "9"}, "1"),
        ({"a.example.com": "2", "*.example.com": "3"}, "2"),
        ({"*.example.com": "3", "*.com": "4"}, "3"),
        ({"*.com": "4", "*": "5"}, "4"),
        ({"*": "5"}, "5"),
        ({"example.com": "6", "b.example.com": "7"}, "default"),
        ({}, "default"),
    ],
)
def test_the_most_exact_route_wins(routes: dict[str, str], won: str) -> None:
    assert route_of("ann@a.example.com", routes, {}, "default") == won
    assert route_of("ann@a.example.com", {}, routes, "default") == won


def test_the_domains_own_route_wins_at_the_same_exactness_only() -> None:
    general = {"example.com": "general"}
    assert route_of("a@example.com", {"example.com": "own"}, general, "-") == "own"
    assert route_of("a@example.com", {"*": "own"}, general, "-") == "general"


def test_case_does_not_matter() -> None:
    assert route_of("Ann@Example.COM", {"ann@example.com": "1"}, {}, "-") == "1"
    assert route_of("Ann@Example.COM", {"example.com": "1"}, {}, "-") == "1"


def test_the_example_in_the_docstring_is_what_is_looked_up() -> None:
    import functions.send.routing as routing

    line = next(line for line in (routing.__doc__ or "").splitlines() if "→" in line)
    recipient, *others, default = re.split(r"\s*→\s*", line.strip())
    assert others == list(patterns(recipient.partition("@")[2]))
    assert default == "`send.route`"
