"""docs/states.md is the table of moves."""

import re
from pathlib import Path

from states import document, meanings

from shared.outcome import MOVES, State

PAGE = Path(__file__).parents[2] / "docs" / "states.md"


def test_the_page_of_states_is_generated_from_the_table_of_moves() -> None:
    assert PAGE.read_text() == document(), (
        "docs/states.md is old: python -m tests.docs.states > docs/states.md"
    )


def test_the_diagram_has_exactly_the_moves_of_the_table() -> None:
    drawn = {(State(a), State(b)) for a, b in re.findall(r"    (\w+) --> (\w+)", document())}
    assert drawn == {(now, to) for now in State for to in MOVES[now]}


def test_every_state_is_explained() -> None:
    assert all(len(text) > 20 for text in meanings().values())
