"""What a Template can say: that of Jinja2 which a mail needs."""

import sys
from typing import Any

import pytest

from shared.sandbox import environment
from shared.template_syntax import MAX_BRACKETS, MAX_LEVELS, MAX_LOOPS
from shared.templating import TemplateFault, compiled, required

ORDER = {
    "items": [
        {"name": "Pen & ink", "price": 12.5, "count": 2},
        {"name": "Paper", "price": 3, "count": 1},
    ],
    "paid": True,
}
FIELDS: dict[str, Any] = {"name": "Ada <ada@b.example>", "order": ORDER, "words": ["b", "a", "b"]}


def html(source: str, **fields: Any) -> str:
    return compiled(source, html=True).render({**FIELDS, **fields})


def text(source: str, **fields: Any) -> str:
    return compiled(source, html=False).render({**FIELDS, **fields})


def test_a_field_is_escaped_in_html_and_not_in_text() -> None:
    assert html("{{ name }}") == "Ada &lt;ada@b.example&gt;"
    assert text("{{ name }}") == "Ada <ada@b.example>"


def test_safe_takes_the_author_s_word_for_it() -> None:
    assert html("{{ '<b>'|safe }}{{ name|e }}") == "<b>Ada &lt;ada@b.example&gt;"


def test_what_is_joined_to_safe_text_is_escaped() -> None:
    assert html("{{ '<b>'|safe ~ name }}") == "<b>Ada &lt;ada@b.example&gt;"
    assert html("{{ ['<b>'|safe, name]|join(name) }}").count("<") == 1
    assert text("{{ ['<b>'|safe, '<']|join('>') }}") == "<b>><"


def test_line_ends_become_breaks_without_letting_markup_through() -> None:
    source = r"{{ note|replace('\n', '<br>'|safe) }}"
    assert html(source, note="a<b\nc") == "a&lt;b<br>c"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{% if order.paid %}paid{% else %}open{% endif %}", "paid"),
        ("{% if words|length > 5 %}a{% elif order.paid %}b{% endif %}", "b"),
        ("{{ 'paid' if order.paid else 'open' }}", "paid"),
        ("{% if missing %}a{% else %}b{% endif %}", "b"),
        ("{% if missing is defined and missing > 3 %}a{% endif %}", ""),
        ("{{ missing|default('there') }}, {{ missing or 'you' }}", "there, you"),
        ("{% for item in order.items %}{{ loop.index }}. {{ item.name }}; {% endfor %}",
         "1. Pen & ink; 2. Paper; "),
        ("{% for w in words %}{{ w }}{% if not loop.last %}, {% endif %}{% endfor %}", "b, a, b"),
        ("{% for w in words if w != 'a' %}{{ w }}{{ loop.length }}{% endfor %}", "b2b2"),
        ("{% for w in [] %}x{% else %}none{% endfor %}", "none"),
        ("{% for w in words %}{{ loop.cycle('odd', 'even') }} {% endfor %}", "odd even odd "),
        ("{% for w in words %}{{ loop.previtem|d('<') }}{{ loop.nextitem|d('>') }}{% endfor %}",
         "<abba>"),
        ("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }} {% endfor %}", "a=1 b=2 "),
        ("{% for x in [1, [2, [3]]] recursive %}{{ x if x is number else loop(x) }}{% endfor %}",
         "123"),
        ("{% set total = namespace(sum=0) %}{% for i in order.items %}"
         "{% set total.sum = total.sum + i.price * i.count %}{% endfor %}{{ total.sum }}", "28.0"),
        ("{% macro button(label, url='#') %}[{{ label }}]({{ url }}){% endmacro %}"
         "{{ button('Go', url='/x') }}{{ button('Stay') }}", "[Go](/x)[Stay](#)"),
        ("{% macro box() %}<{{ caller() }}>{% endmacro %}{% call box() %}in{% endcall %}", "<in>"),
        ("{% macro m(n) %}{% if n %}{{ n }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(9) }}",
         "987654321"),
        ("{% set greeting %}Hello {{ words[0] }}{% endset %}{{ greeting|upper }}", "HELLO B"),
        ("{% filter upper %}a{{ words[1] }}{% endfilter %}", "AA"),
        ("{% with x = 2 %}{{ x * 3 }}{% endwith %}", "6"),
        ("{% block a %}in place{% endblock %}", "in place"),
        ("{% raw %}{{ name }}{% endraw %}{# a comment #}", "{{ name }}"),
        ("a\n{%- if true -%}\n b{% endif %}", "ab"),
    ],
)  # fmt: skip
def test_statements(source: str, shown: str) -> None:
    assert text(source) == shown


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("order.items[0].name", "Pen & ink"),
        ("order['items'][1]['name']", "Paper"),
        ("order.get('note', 'none')", "none"),
        ("words|length", "3"),
        ("words|join(', ')", "b, a, b"),
        ("words|unique|sort|join", "ab"),
        ("words|map('upper')|join('-')", "B-A-B"),
        ("words|select('equalto', 'b')|list|length", "2"),
        ("words|first ~ words|last", "bb"),
        ("words[1:]|reverse|join", "ba"),
        ("order.items|map(attribute='name')|join(' + ')", "Pen & ink + Paper"),
        ("order.items|join(' + ', attribute='name')", "Pen & ink + Paper"),
        ("order.items|sum(attribute='price')", "15.5"),
        ("order.items|sort(attribute='price')|map(attribute='count')|join", "12"),
        ("(order.items|max(attribute='price')).name", "Pen & ink"),
        ("order.items|rejectattr('count', 'gt', 1)|map(attribute='name')|first", "Paper"),
        ("(order.items|groupby('count')|first).grouper", "1"),
        ("'%.2f €'|format(12.5)", "12.50 €"),
        ("'%s has %d'|format('Ada', 3)", "Ada has 3"),
        ("12.345|round(1)", "12.3"),
        ("7 // 2 + 7 % 2 - 1", "3"),
        ("2 ** 10", "1024"),
        ("'ab' * 3", "ababab"),
        ("'ada lovelace'|title", "Ada Lovelace"),
        ("'ada'.capitalize() + 'B'.lower()", "Adab"),
        ("'a,b'.split(',')[1]", "b"),
        ("'Ada King'.rsplit(' ', 1)[0]", "Ada"),
        ("'x-y'.replace('-', '+')", "x+y"),
        ("'a b'|urlencode", "a%20b"),
        ("'a long sentence'|truncate(9, true, '…')", "a long s…"),
        ("' a '|trim", "a"),
        ("'a'.startswith('a') and 'b' in 'abc'", "True"),
        ("{'b': 1, 'a': '<'}|tojson", '{"a": "\\u003c", "b": 1}'),
        ("'<b>x</b> y'|striptags", "x y"),
        ("'3'|int + '1.5'|float", "4.5"),
        ("{'a': 2}|dictsort|first|first", "a"),
        ("range(3)|join", "012"),
        ("[1, 2] == [1, 2]", "True"),
        ("(1, 2) < (1, 3)", "True"),
        ("dict(a=1).a", "1"),
        ("5 is odd and 4 is divisibleby 2 and 'a' is string", "True"),
    ],
)  # fmt: skip
def test_expressions(expression: str, shown: str) -> None:
    assert text("{{ " + expression + " }}") == shown


@pytest.mark.parametrize("value", ["[1]", "{'a': 1}", "(1, 2)", "range(3)", "words", "order"])
def test_only_what_has_one_text_can_be_shown(value: str) -> None:
    for show in (html, text):
        with pytest.raises(TemplateFault, match="cannot be shown: loop over it, or join it"):
            show("{{ " + value + " }}")


def test_data_come_before_methods_of_the_same_name() -> None:
    data = {"items": "the items", "get": "the get", "copy": "the copy"}
    assert (
        text("{{ d.items }}, {{ d.get }}, {{ d.copy }}", d=data) == "the items, the get, the copy"
    )


def test_a_missing_field_is_a_fault_that_names_it() -> None:
    with pytest.raises(TemplateFault, match="'missing' is undefined"):
        text("{{ missing }}")


def test_a_missing_attribute_is_a_fault_that_names_it() -> None:
    with pytest.raises(TemplateFault, match="has no attribute 'missing'"):
        text("{{ order.missing }}")


def test_a_fault_in_the_source_says_in_which_line() -> None:
    with pytest.raises(TemplateFault, match=r"line 3"):
        text("a\nb\n{{ }}")


def test_a_fault_never_says_more_than_fits_in_a_record() -> None:
    with pytest.raises(TemplateFault) as fault:
        text("{{ order['x' * 900] }}")
    assert len(str(fault.value)) <= 300


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("field", ["", "{{ '' }}"])
def test_line_ends_become_those_of_smtp(end: str, field: str) -> None:
    assert text(f"a{end}b{field}{end}") == "a\r\nb\r\n"


def test_only_line_ends_are_touched_in_a_text_without_fields() -> None:
    assert text("a\x0cb\x85c\u2028d") == "a\x0cb\x85c\u2028d"


def test_what_a_template_says_does_not_change_the_fields() -> None:
    fields = {"words": ["b", "a"], "order": {"a": 1}}
    compiled("{% set words = words|sort %}{{ words|join }}", html=False).render(fields)
    assert fields == {"words": ["b", "a"], "order": {"a": 1}}


def test_a_template_renders_alike_each_time() -> None:
    template = compiled("{% set n = namespace(x=0) %}{% set n.x = n.x + 1 %}{{ n.x }}", html=True)
    assert [template.render({}) for _ in range(3)] == ["1", "1", "1"]


def test_each_rendering_has_the_whole_budget() -> None:
    template = compiled("{% for i in range(600) %}{% endfor %}", html=True, max_steps=1000)
    assert [template.render({}) for _ in range(3)] == ["", "", ""]


def test_the_bounds_are_those_that_were_asked_for() -> None:
    turns = "{% for i in range(600) %}x{% endfor %}"
    with pytest.raises(TemplateFault, match="more steps"):
        compiled(turns, html=True, max_steps=599).render({})
    with pytest.raises(TemplateFault, match="more text"):
        compiled(turns, html=True, max_chars=599).render({})
    assert len(compiled(turns, html=True, max_steps=1500, max_chars=600).render({})) == 600


def test_a_bill_of_two_thousand_rows_is_within_the_bounds() -> None:
    rows = [{"name": f"Article {n}", "price": n / 7, "count": n % 5} for n in range(2000)]
    source = (
        "{% for row in rows|sort(attribute='price') %}<tr><td>{{ loop.index }}</td>"
        "<td>{{ row.name|upper }}</td><td>{{ '%.2f'|format(row.price * row.count) }}</td>"
        "{% if row.count == 0 %}<td>gone</td>{% endif %}</tr>{% endfor %}"
    )
    assert html(source, rows=rows).count("<tr>") == 2000


NESTED = {
    "brackets": (MAX_BRACKETS, "{{ " + "(" * MAX_BRACKETS + "1" + ")" * MAX_BRACKETS + " }}"),
    "terms": (MAX_LEVELS, "{{ " + " + ".join(["1"] * (MAX_LEVELS - 2)) + " }}"),
    "conditions": (
        MAX_LEVELS,
        "{% if 1 %}" * (MAX_LEVELS - 3) + "x" + "{% endif %}" * (MAX_LEVELS - 3),
    ),
    "loops": (
        MAX_LOOPS,
        "{% for x in [1] %}" * MAX_LOOPS + "x" + "{% endfor %}" * MAX_LOOPS,
    ),
    "macros": (
        30,
        "{% macro m(n) %}{% if n > 1 %}{{ m(n - 1)|upper }}{% endif %}{% endmacro %}{{ m(30) }}",
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_what_is_nested_within_bounds_renders_however_deep_the_caller_is(name: str) -> None:
    source = NESTED[name][1]

    def deep(levels: int) -> str:
        if levels:
            return deep(levels - 1)
        assert required(source) == frozenset()
        return compiled(source, html=True, max_steps=99_999 - deep_calls).render({})

    for deep_calls in (0, sys.getrecursionlimit() // 3):
        assert isinstance(deep(deep_calls), str)


def test_only_listed_filters_and_globals_exist() -> None:
    sandbox = environment(True)
    assert set(sandbox.globals) == {"dict", "namespace", "range"}
    assert not {"attr", "random", "pprint", "center", "xmlattr", "urlize"} & set(sandbox.filters)


def test_a_template_is_remembered_unless_it_is_long() -> None:
    assert compiled("{{ a }}", html=True) is compiled("{{ a }}", html=True)
    assert compiled("{{ a }}", html=True) is not compiled("{{ a }}", html=False)
    long = "{{ a }}" + "x" * 100_000
    assert compiled(long, html=True) is not compiled(long, html=True)
