"""Which fields a Recipient has to have, as submit is told."""

from itertools import product
from typing import Any

import pytest

from shared.templating import TemplateFault, compiled, required

NEEDED = [
    ("Hello {{ name }}", "name"),
    ("{{ a }}{{ b.c }}{{ d[e] }}", "a b d e"),
    ("no fields, { not } even {", ""),
    ("{# {{ name }} #}{% raw %}{{ name }}{% endraw %}", ""),
    ("{{ name|upper }}{{ a ~ b }}{{ [c, d]|join }}", "a b c d name"),
    ("{{ price * count + 1 }}", "count price"),
    # Asked for, not needed.
    ("{% if name %}{{ name }}{% endif %}", ""),
    ("{% if not name %}x{% endif %}", ""),
    ("{{ name|default('you') }}{{ title|d }}", ""),
    ("{{ name or 'you' }}", ""),
    ("{{ name if name else 'you' }}", ""),
    ("{% if name is defined %}{{ name }}{% endif %}", ""),
    ("{% if name is defined and name == 'Ada' %}x{% endif %}", ""),
    ("{% if name and name.first %}{{ name.first }}{% endif %}", ""),
    # Asked in a way that needs it.
    ("{% if kind == 'b2b' %}x{% endif %}", "kind"),
    ("{% if customer.vat %}x{% endif %}", "customer"),
    ("{{ customer.name|default('you') }}", "customer"),
    ("{% if customer.name is defined %}x{% endif %}", "customer"),
    ("{% if name %}x{% endif %}{{ name }}", "name"),
    ("{{ 'x' if kind == 1 else 'y' }}", "kind"),
    ("{{ name|upper|default('x') }}", "name"),
    # What only one way needs.
    ("{% if kind == 'b2b' %}{{ vat }}{% else %}{{ name }}{% endif %}", "kind"),
    ("{% for item in items %}{{ item.name }}{{ shop }}{% endfor %}", "items"),
    ("{% for item in items|default([]) %}{{ item }}{% endfor %}", ""),
    ("{{ a if b else c }}", ""),
    # What the Template brings along.
    ("{% set name = 'Ada' %}{{ name }}", ""),
    ("{% set a = b %}{{ a }}", "b"),
    ("{% if k %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}", ""),
    ("{% if k %}{% set a = 1 %}{% endif %}{{ a }}", ""),
    ("{{ a }}{% if k %}{% set a = 1 %}{% endif %}", "a"),
    ("{% macro m(x) %}{{ x }}{{ y }}{% endmacro %}{{ m(z) }}", "z"),
    ("{% for i in range(3) %}{{ i }}{{ loop.index }}{% endfor %}", ""),
    ("{% with a = b %}{{ a }}{{ c }}{% endwith %}", "b c"),
    ("{% filter upper %}{{ a }}{% endfilter %}", "a"),
    ("{% set a %}{{ b }}{% endset %}{{ a }}", "b"),
]


@pytest.mark.parametrize(("source", "names"), NEEDED)
def test_exactly_the_fields_that_are_used_whatever_the_others_are(source: str, names: str) -> None:
    assert required(source) == frozenset(names.split())


@pytest.mark.parametrize(("source", "names"), NEEDED)
def test_no_rendering_can_do_without_a_required_field(source: str, names: str) -> None:
    """Whatever is in the other fields."""
    values: list[Any] = [
        "",
        "b2b",
        1,
        {"c": 1, "vat": 1, "name": "x", "first": "y"},
        [{"name": "x"}],
    ]
    fields = [
        "a",
        "b",
        "c",
        "d",
        "e",
        "y",
        "kind",
        "name",
        "items",
        "shop",
        "vat",
        "price",
        "count",
    ]
    for missing, value in product(names.split(), values):
        given = {name: value for name in (*fields, "customer", "z") if name != missing}
        with pytest.raises(TemplateFault):
            compiled(source, html=True).render(given)


@pytest.mark.parametrize(
    "source",
    [
        "{{ name", "{% for x in y %}", "{{ name|no_such_filter }}", "{{ name is no_such_test }}",
        "{% include 'x' %}", "{% no_such_tag %}", "{{ a b }}", "{{ " + "(" * 999 + ")" * 999 + "}}",
    ],
)  # fmt: skip
def test_what_cannot_be_compiled_is_a_fault_already_here(source: str) -> None:
    with pytest.raises(TemplateFault):
        required(source)
