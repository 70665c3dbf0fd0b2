"""What a server said, as a sentence that a person understands."""

import pytest

from functions.admin.mail import words
from shared.bounce_classes import CLASSES
from shared.feedback import KINDS, Event
from shared.outcome import Outcome, State
from shared.vocabulary import REASONS


def outcome(state: State, code: int | None = None, enhanced: str = "", **more: object) -> Outcome:
    given = {"text": "", "at": 1.0, **more}
    return Outcome(
        delivery="d",
        recipient="ann@example.com",
        outcome=state,
        code=code,
        enhanced=enhanced,
        **given,  # type: ignore[arg-type]
    )


B, D = State.BOUNCED, State.DEFERRED


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            outcome(B, 550, "5.1.1", bounce_class="invalid_recipient", reason="rcpt"),
            "The server of example.com does not know this mailbox (550 5.1.1)",
        ),
        (
            outcome(D, 452, "4.2.2", bounce_class="mailbox_full"),
            "The server of example.com says that the mailbox has no room left (452 4.2.2)",
        ),
        (
            outcome(D, 450, "", bounce_class="greylisted"),
            "The server of example.com wants to see a second attempt, "
            "and will be asked again (450)",
        ),
        (
            outcome(B, 554, "5.7.1", bounce_class="policy", reason="body"),
            "The server of example.com refused it by a rule of its own, "
            "after it had seen the message (554 5.7.1)",
        ),
        (
            outcome(D, text="timed out", bounce_class="unreachable", reason="connect"),
            "No mail server of example.com could be reached (timed out)",
        ),
        (
            outcome(State.DELIVERED, 250, "2.0.0", text="queued"),
            "The server of example.com took it (250 2.0.0)",
        ),
        (
            outcome(State.FAILED, text="timed out"),
            "No mail server of example.com ever answered, and the time is over",
        ),
        (
            outcome(State.REJECTED, reason="suppressed"),
            "Ekiden refused it: The Domain must not write to this address",
        ),
        (outcome(State.REJECTED, reason="new_word"), "Ekiden refused it: new_word"),
        (outcome(State.REJECTED), "Ekiden refused it: no reason is known"),
        (
            outcome(D, reason="held", text="paused by Anna"),
            "It was held back here: paused by Anna",
        ),
        (
            outcome(State.CANCELLED, reason="cancelled"),
            "The app took it back before it was transmitted",
        ),
    ],
)
def test_an_outcome_is_told_in_one_sentence(told: Outcome, said: str) -> None:
    assert words.of_outcome(told) == said


def test_every_state_has_a_meaning_and_a_place() -> None:
    assert set(words.MEANING) == set(words.ORDER) == set(State)


def test_every_class_of_bounces_is_told_in_words_of_its_own() -> None:
    said = {words.of_outcome(outcome(B, 550, bounce_class=each)) for each in CLASSES}
    assert len(said) == len(CLASSES)
    assert not any("{" in each for each in said)


def test_every_reason_of_a_rejection_is_told() -> None:
    for reason, meaning in REASONS.items():
        told = words.of_outcome(outcome(State.REJECTED, reason=reason))
        assert meaning.rstrip(".") in told


def test_every_kind_of_event_is_told_and_machines_are_not_people() -> None:
    for kind in KINDS:
        event = Event(delivery="d", recipient="a@b.example", kind=kind, at=1.0)
        assert words.of_event(event) != kind
    proxy = Event(delivery="d", recipient="a@b.example", kind="opened", at=1.0, by="proxy")
    assert "Somebody" not in words.of_event(proxy)
    unknown = Event(delivery="d", recipient="a@b.example", kind="new_kind", at=1.0)
    assert words.of_event(unknown) == "new_kind"


def test_braces_of_a_stranger_are_no_place_for_words() -> None:
    told = outcome(B, 550, text="{server} {0} {x!r}", bounce_class="other")
    assert words.verbatim(told) == "550 {server} {0} {x!r}"
    words.of_outcome(told)


def test_what_may_have_arrived_twice_is_said() -> None:
    assert any("twice" in each for each in words.notes_of(outcome(D, ambiguous=True)))


def test_what_was_not_encrypted_is_said() -> None:
    assert words.notes_of(outcome(State.DELIVERED, 250)) == ["Not encrypted on its way there"]
    sent = outcome(State.DELIVERED, 250, tls="TLSv1.3", tls_proof="pki")
    assert words.notes_of(sent) == ["Encrypted with TLSv1.3; a certificate proved its name"]
