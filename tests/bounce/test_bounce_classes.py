"""What replies of real providers mean. `provider_replies.txt` is the table, for a postmaster."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.bounce_classes import CLASSES, BounceClass, classify
from shared.bounce_rules import CODES, TEXTS

TABLE = Path(__file__).with_name("provider_replies.txt")
_REPLY = re.compile(r"(\d{3}|-) (?:([245]\.\d+\.\d+) )?(.*)")


def rows() -> list[tuple[str, str, str]]:
    lines = [line for line in TABLE.read_text().splitlines() if line and line[0] != "#"]
    return [tuple(part.strip() for part in line.split("|", 2)) for line in lines]  # type: ignore[misc]


def class_of(reply: str, stage: str = "") -> BounceClass:
    match = _REPLY.fullmatch(reply)
    assert match, reply
    code = None if match[1] == "-" else int(match[1])
    return classify(code, match[2] or "", match[3], stage)


@pytest.mark.parametrize(("expected", "stage", "reply"), rows(), ids=lambda part: part[:60])
def test_a_reply_has_its_class(expected: str, stage: str, reply: str) -> None:
    assert class_of(reply, stage) == BounceClass(expected.rstrip("!"), expected.endswith("!"))


def test_silence_is_unreachable() -> None:
    assert classify(None, "", "Connection timed out", "connect") == ("unreachable", False)


def test_silence_at_starttls_is_tls() -> None:
    assert classify(None, "", "handshake failure", "starttls") == ("tls", False)


def test_a_mailbox_that_does_not_exist_today_may_exist_tomorrow() -> None:
    assert classify(450, "4.1.1", "User unknown") == ("invalid_recipient", False)


def test_every_class_of_the_rules_is_explained() -> None:
    assert {name for name, _ in TEXTS + CODES} | {"other"} == set(CLASSES)


def test_ids_and_addresses_do_not_make_a_reply_another_one() -> None:
    from shared import bounce_classes

    class_of("550 5.1.1 <a@b.example> no such user 1234567890abcdef12 - gsmtp")
    before = bounce_classes._classify.cache_info().misses
    class_of("550 5.1.1 <c@d.example> no such user abcdef12345678901a - gsmtp")
    assert bounce_classes._classify.cache_info().misses == before


@given(
    st.none() | st.integers(200, 599),
    st.sampled_from(["", "5.1.1", "4.7.1", "5.7.999", "nonsense"]),
    st.text(max_size=3000),
    st.sampled_from(["", "connect", "rcpt", "starttls", "nonsense"]),
)
def test_any_text_has_a_class_and_only_a_refused_recipient_is_hard(
    code: int | None, enhanced: str, text: str, stage: str
) -> None:
    name, hard = classify(code, enhanced, text, stage)
    assert name in CLASSES
    assert not hard or name == "invalid_recipient"


@pytest.mark.parametrize("piece", ["a" * 16, "user ", "rejected ", "1.", "<", "spam exceeds "])
def test_a_long_reply_takes_no_long_time(piece: str) -> None:
    name, _ = classify(550, "5.0.0", piece * 100_000)
    assert name in CLASSES
