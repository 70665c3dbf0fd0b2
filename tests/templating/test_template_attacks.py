"""No Template does more than it may, wherever it comes from."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from template_attacks import ATTACKS

ROOT = Path(__file__).parents[2]


def attack(hash_seed: int) -> "subprocess.Popen[str]":
    """All attacks, in a process of its own."""
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)}
    program = [sys.executable, str(Path(__file__).with_name("template_attacks.py"))]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True, env=environ)


@pytest.fixture(scope="module")
def endings() -> list[dict[str, str]]:
    """What each attack ended in: two processes, in which hashes differ."""
    both = [attack(1), attack(2)]
    return [
        dict(json.loads(line) for line in child.communicate()[0].splitlines()) for child in both
    ]


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_a_fault_with_little_memory_and_time(
    name: str, endings: list[dict[str, str]]
) -> None:
    assert endings[0].get(name, "was not reached").startswith("fault: ")


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_in_the_same_way_in_every_process(
    name: str, endings: list[dict[str, str]]
) -> None:
    assert endings[0].get(name) == endings[1].get(name)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_said_of_an_attack_is_short_and_names_no_address(
    name: str, endings: list[dict[str, str]]
) -> None:
    said = endings[0].get(name, "")
    assert len(said) < 400
    assert "0x" not in said
    assert "MemoryError" not in said
