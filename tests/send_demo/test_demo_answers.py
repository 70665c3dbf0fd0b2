"""Which answer the demo sender gives to which Recipient."""

import pytest
from demo_parts import Post, envelope

from functions.send.demo.answers import MAGIC, Magic, answer_to, magic_of, verdict_of
from shared.bounce_classes import CLASSES, classify
from shared.outcome import State

REFUSED = [magic for magic in MAGIC.values() if magic.bounce_class and not magic.after]


def test_every_bounce_class_has_a_magic_recipient() -> None:
    assert {name.removeprefix("bounced+") for name in MAGIC if "+" in name} == (
        CLASSES.keys() - {"greylisted"}
    )
    assert MAGIC["greylisted"].bounce_class == "greylisted"


def test_the_table_is_written_for_a_reader() -> None:
    for name, magic in MAGIC.items():
        assert magic.name == name
        assert magic.meaning.endswith(".")


@pytest.mark.parametrize("name", MAGIC)
def test_neither_domain_nor_case_nor_label_matter(name: str) -> None:
    for recipient in (f"{name}@a.example", f"{name.upper()}@b.example", f"{name}+7@c.example"):
        assert magic_of(recipient) is MAGIC[name]


@pytest.mark.parametrize("plain", ["ann@x.example", "delivereds@x.example", "opened.ann@x.example"])
def test_everybody_else_is_delivered(plain: str) -> None:
    assert magic_of(plain) is MAGIC["delivered"]


@pytest.mark.parametrize("odd", ["", "@", "++@x.example", "+@", "bounced+", '"a@b"@x.example'])
def test_what_is_no_address_is_delivered_too(odd: str) -> None:
    assert magic_of(odd) is MAGIC["delivered"]


@pytest.mark.parametrize("magic", REFUSED, ids=lambda magic: magic.name)
def test_every_refusal_ends_in_its_class(magic: Magic) -> None:
    verdict = verdict_of(magic.answers[0])
    found = classify(verdict.code, verdict.enhanced, verdict.text, verdict.stage)
    assert found.name == magic.bounce_class


def test_the_second_try_of_a_deferred_one_succeeds_whatever_the_bags_attempt() -> None:
    """The Envelope counts its own tries: a Bag's attempt also counts those that held it back."""
    assert answer_to(envelope("deferred@x.example")).code == 451
    assert answer_to(envelope("deferred@x.example", tries=1)).code == 250
    assert answer_to(envelope("deferred@x.example", tries=9)).code == 250


@pytest.mark.parametrize("name", ["deferred", "greylisted"])
def test_a_deferred_one_is_delivered_when_it_comes_back(name: str) -> None:
    post = Post(f"{name}@x.example")
    post.send()
    assert post.outcomes()[f"{name}@x.example"].outcome == State.DEFERRED
    post.wait(400)
    post.send()
    assert post.outcomes()[f"{name}@x.example"].outcome == State.DELIVERED


def test_all_others_have_their_outcome_at_once() -> None:
    post = Post(*(f"{name}@x.example" for name in MAGIC))
    post.send()
    for name, magic in MAGIC.items():
        code = magic.answers[0].code or 400
        state = {2: State.DELIVERED, 4: State.DEFERRED, 5: State.BOUNCED}[code // 100]
        outcome = post.outcomes()[f"{name}@x.example"]
        assert outcome.outcome == state, name
        assert outcome.bounce_class == ("" if magic.after else magic.bounce_class), name


def test_who_never_answers_fails_when_the_window_closes() -> None:
    post = Post("bounced+unreachable@x.example")
    for _ in range(20):
        post.send()
        post.wait(12 * 3600)
    assert post.outcomes()["bounced+unreachable@x.example"].outcome == State.FAILED


def test_a_bag_larger_than_the_recorder_takes_at_once_is_worked_off() -> None:
    post = Post(*(f"r{n}@x.example" for n in range(1500)))
    post.send()
    assert len(post.outcomes()) == 1500


def test_an_outcome_says_that_nothing_was_sent() -> None:
    post = Post("ann@x.example")
    post.send()
    outcome = post.outcomes()["ann@x.example"]
    assert outcome.host == "demo.invalid"
    assert "nothing was sent" in outcome.text
