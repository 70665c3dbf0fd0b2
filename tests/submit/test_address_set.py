"""The compact set of addresses says what Python's own would say."""

import random

from shared.address import identity
from shared.address_set import AddressSet


def test_it_agrees_with_a_set() -> None:
    chance = random.Random(7)
    ours, reference = AddressSet(), set[str]()
    for _ in range(20_000):
        address = f"user{chance.randrange(9_000)}@{chance.choice(['A', 'b'])}.example"
        assert (address in ours) == (identity(address) in reference)
        ours.add(address)
        reference.add(identity(address))


def test_it_forgets_when_told() -> None:
    ours = AddressSet()
    ours.add("a@b.example")
    ours.clear()
    assert "a@b.example" not in ours
