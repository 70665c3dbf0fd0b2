"""What MTA-STS records and policy files say (RFC 8461 §3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.send.protection.mta_sts import (
    LONGEST_AGE_S,
    MOST_PATTERNS,
    Mode,
    Policy,
    parse_policy,
    record_id,
)
from shared.errors import Malformed

GOOD = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmx: *.Backup.test\nmax_age: 86400\n"


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        (["v=STSv1;id=1"], "1"),
        (["v=STSv1 ; id=1"], "1"),
        (["v=STSv1; later=x; id=1; id=2"], "1"),
        (["v=spf1 -all", "v=STSv1; id=1;", "v=STSv11; id=9"], "1"),
        ([], None),
        (["v=STSv1; id=1;", "v=STSv1; id=2;"], None),
        (["id=1; v=STSv1"], None),
        (["v=STSv1;"], None),
        (["v=STSv1; id="], None),
        (["v=STSv1; id=a-b"], None),
        (["v=STSv1; id=" + "a" * 33], None),
    ],
)
def test_exactly_one_record_names_the_policy(texts: list[str], found: str | None) -> None:
    assert record_id(texts) == found


def test_a_policy_names_mode_hosts_and_age() -> None:
    policy = Policy(Mode.ENFORCE, 86400, ("mx.example.test", "*.backup.test"))
    assert parse_policy(GOOD) == policy
    assert parse_policy(GOOD.replace("\n", "\r\n")) == policy
    assert parse_policy(GOOD.rstrip().replace(": ", ":  \t") + "  ") == policy


@pytest.mark.parametrize("more", ["later: unknown\n", "mode: none\n", "version: STSv2\n", "\n\n"])
def test_what_is_unknown_or_repeated_is_left_out(more: str) -> None:
    assert parse_policy(GOOD + more) == parse_policy(GOOD)


def test_the_age_ends_at_a_year() -> None:
    assert parse_policy(GOOD.replace("86400", "9999999999")).max_age_s == LONGEST_AGE_S


def test_a_policy_that_takes_itself_back_names_no_hosts() -> None:
    assert parse_policy("version: STSv1\nmode: none\nmax_age: 86400\n").mode is Mode.NONE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        GOOD.replace("version: STSv1\n", ""),
        GOOD.replace("STSv1", "STSv2"),
        GOOD.replace("mode: enforce\n", ""),
        GOOD.replace("enforce", "Enforce"),
        GOOD.replace("enforce", "reject"),
        GOOD.replace("max_age: 86400\n", ""),
        GOOD.replace("86400", "-1"),
        GOOD.replace("86400", "1e9"),
        GOOD.replace("86400", "١٢"),
        GOOD.replace("86400", "12345678901"),
        GOOD.replace("mx: mx.example.test\nmx: *.Backup.test\n", ""),
        GOOD.replace("mx.example.test", ""),
        GOOD.replace("mx.example.test", "*"),
        GOOD.replace("mx.example.test", "mx.*.test"),
        GOOD.replace("mx.example.test", "*.*.test"),
        GOOD.replace("mx.example.test", "mx_.example.test, b.test"),
        GOOD.replace("mx.example.test", "-mx.example.test"),
        GOOD + "no field at all\n",
        GOOD + "mx: a.test\n" * MOST_PATTERNS,
    ],
)
def test_a_policy_that_is_malformed_is_none(text: str) -> None:
    with pytest.raises(Malformed):
        parse_policy(text)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("mx.example.test", True),
        ("MX.Example.TEST.", True),
        ("other.example.test", False),
        ("a.backup.test", True),
        ("backup.test", False),
        ("b.a.backup.test", False),
        ("xbackup.test", False),
        ("*.backup.test", True),
        ("", False),
    ],
)
def test_a_wildcard_stands_for_exactly_one_label_on_the_left(host: str, allowed: bool) -> None:
    assert parse_policy(GOOD).allows(host) is allowed


LINES = st.lists(
    st.one_of(
        st.sampled_from(GOOD.splitlines()),
        st.text(max_size=30),
        st.builds(
            "{}: {}".format, st.sampled_from(["version", "mode", "mx", "max_age"]), st.text()
        ),
    )
)


@given(LINES)
def test_any_text_is_a_policy_or_malformed(lines: list[str]) -> None:
    try:
        policy = parse_policy("\n".join(lines))
    except Malformed:
        return
    assert 0 <= policy.max_age_s <= LONGEST_AGE_S
    assert policy.mx or policy.mode is Mode.NONE
    assert all(policy.allows(pattern.replace("*", "any")) for pattern in policy.mx)


@given(st.lists(st.one_of(st.text(), st.text().map("v=STSv1;{}".format))))
def test_any_records_name_one_policy_or_none(texts: list[str]) -> None:
    found = record_id(texts)
    assert found is None or (found.isascii() and found.isalnum())
