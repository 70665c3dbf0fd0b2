"""Tokens say what was signed, to who has the key, until they expire; and nothing else."""

import hmac
import random
import string
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.ids import batch_id, delivery_id
from shared.tracking import LEVELS, Level
from shared.tracking_tokens import (
    CLICK,
    KINDS,
    LIFETIME_DAYS,
    OPEN,
    UNSUBSCRIBE,
    Forged,
    Signer,
    SigningKey,
    domain_of,
    verified,
)

NOW = 1_800_000_000.0
BATCH = batch_id(NOW, b"0123456789")
DELIVERY = delivery_id(BATCH, 9999, 4999)
KEY = SigningKey(3, b"k" * 32)
SECRETS = {3: KEY.secret}
URL = "https://example.com/a?b=c&d=é#f"


def signer(key: SigningKey = KEY, domain: str = "example.org") -> Signer:
    return Signer(key, domain, BATCH, NOW)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", LEVELS)
def test_a_token_says_who_as_closely_as_its_level_allows(kind: str, level: Level) -> None:
    text = signer().token(kind, level, DELIVERY, URL if kind == CLICK else "")
    token = verified(text, kind, SECRETS, NOW)
    knows = kind == UNSUBSCRIBE or level in ("identified", "full")
    assert token.delivery == (DELIVERY if knows else "")
    assert bool(token.pseudonym) == (level == "pseudonymous" and kind != UNSUBSCRIBE)
    assert (token.domain, token.batch, token.kind, token.level) == (
        "example.org",
        BATCH,
        kind,
        level,
    )
    assert token.url == (URL if kind == CLICK else "")
    assert domain_of(text) == "example.org"


def test_anonymous_mails_all_have_the_same_token_and_pseudonymous_ones_their_own() -> None:
    other = delivery_id(BATCH, 0, 1)
    made = signer()
    for level, same in ((Level.ANONYMOUS, True), (Level.PSEUDONYMOUS, False)):
        first, second = (made.token(OPEN, level, each) for each in (DELIVERY, other))
        assert (first == second) is same
        assert made.token(OPEN, level, DELIVERY) == first


def test_a_pseudonym_cannot_be_derived_without_the_key() -> None:
    theirs = signer(SigningKey(3, b"x" * 32)).token(OPEN, Level.PSEUDONYMOUS, DELIVERY)
    ours = signer().token(OPEN, Level.PSEUDONYMOUS, DELIVERY)
    assert (
        verified(ours, OPEN, SECRETS, NOW).pseudonym
        != verified(theirs, OPEN, {3: b"x" * 32}, NOW).pseudonym
    )


def test_a_token_lives_for_three_months() -> None:
    text = signer().token(OPEN, Level.FULL, DELIVERY)
    end = (NOW // 86400 + LIFETIME_DAYS) * 86400
    assert verified(text, OPEN, SECRETS, end - 1)
    with pytest.raises(Forged):
        verified(text, OPEN, SECRETS, end)


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_of_one_kind_is_none_of_another(kind: str) -> None:
    text = signer().token(kind, Level.FULL, DELIVERY, URL)
    for other in KINDS:
        if other != kind:
            with pytest.raises(Forged):
                verified(text, other, SECRETS, NOW)


@pytest.mark.parametrize("secrets", [{}, {3: b"y" * 32}, {4: KEY.secret}])
def test_another_domains_key_proves_nothing(secrets: dict[int, bytes]) -> None:
    with pytest.raises(Forged):
        verified(signer().token(OPEN, Level.FULL, DELIVERY), OPEN, secrets, NOW)


def test_any_change_of_any_character_is_found() -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    text = signer().token(CLICK, Level.FULL, DELIVERY, URL)
    for place in range(len(text)):
        letter = rng.choice([c for c in string.ascii_letters + "-_" if c != text[place]])
        with pytest.raises(Forged):
            verified(text[:place] + letter + text[place + 1 :], CLICK, SECRETS, NOW)
    for end in range(len(text)):
        with pytest.raises(Forged):
            verified(text[:end], CLICK, SECRETS, NOW)


@given(st.text(max_size=300))
def test_any_text_is_answered(text: str) -> None:
    with pytest.raises(Forged):
        verified(text, OPEN, SECRETS, NOW)


@pytest.mark.parametrize("more", ["=", "==", "A", "\n", " ", "."])
def test_a_token_has_one_spelling(more: str) -> None:
    with pytest.raises(Forged):
        verified(signer().token(OPEN, Level.FULL, DELIVERY) + more, OPEN, SECRETS, NOW)


def test_a_token_is_short_and_shows_no_address() -> None:
    text = signer().token(OPEN, Level.FULL, DELIVERY)
    assert len(text) <= 72


@given(st.binary(min_size=1, max_size=64), st.text(max_size=100))
def test_a_token_ends_with_the_first_96_bits_of_hmac_sha256(secret: bytes, path: str) -> None:
    text = signer(SigningKey(3, secret)).token(CLICK, Level.FULL, DELIVERY, f"https://x/{path}")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert data[-12:] == hmac.digest(secret, data[:-12], "sha256")[:12]
