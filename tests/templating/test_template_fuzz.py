"""Whatever a Template says: a text within the bounds, or `TemplateFault`. Nothing else."""

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from template_grammar import garbage, templates

from shared.templating import TemplateFault, compiled, required

MAX_STEPS = 3000
MAX_CHARS = 5000
FIELDS: dict[str, Any] = {
    "name": "Ada <ada@b.example>",
    "n": 3,
    "big": "a-" * 2000,
    "words": ["b", "a", "", "駅"],
    "rows": [{"a": n, "items": [n, [n, "x"]]} for n in range(20)],
    "deep": {"a": {"a": {"a": None}}},
}

thorough = settings(
    max_examples=200,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def rendered(source: str, html: bool) -> str:
    """The text, or what the fault says."""
    try:
        template = compiled(source, html=html, max_steps=MAX_STEPS, max_chars=MAX_CHARS)
        text = template.render(fields := copy.deepcopy(FIELDS))
    except TemplateFault as fault:
        return f"fault: {fault}"
    assert len(text) <= max(MAX_CHARS, 2 * len(source))
    assert fields == FIELDS, "the fields were changed"
    assert " at 0x" not in text
    return text


@thorough
@given(source=st.one_of(templates, garbage), html=st.booleans())
def test_a_random_template_is_a_text_within_bounds_or_a_fault(source: str, html: bool) -> None:
    assert rendered(source, html) == rendered(source, html)


@thorough
@given(source=st.one_of(templates, garbage))
def test_what_submit_refuses_is_what_dispatch_could_not_render(source: str) -> None:
    try:
        needed = required(source)
    except TemplateFault:
        assert rendered(source, True).startswith("fault: ")
    else:
        assert all(name in source for name in needed)
