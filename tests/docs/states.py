"""Generates docs/states.md: python -m tests.docs.states > docs/states.md"""

import ast
import inspect

from shared import outcome
from shared.outcome import MOVES, OPEN, State


def meanings() -> dict[State, str]:
    """What `shared/outcome.py` says below each state."""
    tree = ast.parse(inspect.getsource(outcome))
    body = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "State").body
    texts = [n.value.value for n in body if isinstance(n, ast.Expr)][1:]  # type: ignore[attr-defined]
    return {state: " ".join(text.split()) for state, text in zip(State, texts, strict=True)}


def diagram() -> str:
    lines = ["stateDiagram-v2", "    [*] --> queued"]
    lines += [f"    {now} --> {to}" for now in State for to in State if to in MOVES[now]]
    lines += [f"    {state} --> [*]" for state in State if state not in OPEN]
    return "\n".join(lines)


def table() -> str:
    rows = ["| from | to |", "|---|---|"]
    for now in State:
        after = ", ".join(f"`{to}`" for to in State if to in MOVES[now])
        rows.append(f"| `{now}` | {after or 'nothing: it stays'} |")
    return "\n".join(rows)


def document() -> str:
    explained = "\n".join(f"- `{state}`: {text}" for state, text in meanings().items())
    return f"""\
# The states of a Delivery

Generated from `MOVES` in `shared/outcome.py` by `python -m tests.docs.states > docs/states.md`; a
test holds it.

```mermaid
{diagram()}
```

{explained}

{table()}

Every state but `queued` is an Outcome, recorded once for each attempt. Records that may not follow
what is there, as after a crash, are passed over when they are read: the first final one counts, and
only a late bounce can change `delivered`.
"""


if __name__ == "__main__":
    print(document(), end="")
