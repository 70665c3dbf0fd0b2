"""What is made of a Template: MJML compiled, CSS inlined, a text part; Jinja2 survives it all.

The proof of survival: rendering the result with data gives what making it of rendered data gives.
"""

import random
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from functions.admin.templates.build import Bounds, TemplateWish, build, wish_of
from functions.admin.templates.css import inlined
from functions.admin.templates.fault import Fault
from functions.admin.templates.marks import mark
from functions.admin.templates.mjml import html_of
from functions.admin.templates.plain import text_of
from shared.templating import TemplateFault, compiled

BOUNDS = Bounds(10_000_000, 100_000, 1_000_000)
FIELDS: dict[str, Any] = {
    "name": "Ann",
    "url": "https://x.example/?a=1",
    "colour": "red",
    "wide": 40,
    "vip": True,
    "rows": [{"what": "Tea", "price": 3}, {"what": "Cup", "price": 5}],
}
PAGE = """\
<!DOCTYPE html>
<html><head><title>For {{ name }}</title><style>
.note { color: {{ colour }}; }
td { padding: 1px }
a:hover { color: blue }
@media (max-width: 600px) { .note { color: black } }
</style></head><body>
{% if vip %}<p class="note">Dear {{ name }},</p>{% else %}<p>Hello,</p>{% endif %}
<table>{% for row in rows %}<tr><td style="width: {{ wide }}px">{{ row.what }}</td>\
<td>{{ row.price }} €</td></tr>{% endfor %}</table>
<ul>{% for row in rows %}<li>{{ row.what|upper }}</li>{% endfor %}</ul>
<p><a href="{{ url }}" class="{% if vip %}gold{% endif %}">Look</a></p>
{# nobody sees this #}</body></html>
"""
LETTER = """\
<mjml><mj-head><mj-title>For {{ name }}</mj-title><mj-preview>{{ name }}</mj-preview></mj-head>
<mj-body>
{% for row in rows %}<mj-section background-color="{{ colour }}"><mj-column>
{% if row.price < 4 %}<mj-text>{{ row.what }} &amp; more</mj-text>{% endif %}
<mj-table><tr><td>{{ row.price }}</td></tr></mj-table>
<mj-button href="{{ url }}">Go</mj-button>
</mj-column></mj-section>{% endfor %}
</mj-body></mjml>
"""


def rendered(source: str, **fields: Any) -> str:
    made = compiled(source, html=False)
    return made.render(FIELDS | fields)


def squeezed(text: str) -> str:
    """Without what no reader sees: space, and bodies of tables that are understood."""
    return re.sub(r"\s+|</?tbody>|;(?=\")", "", text)


def refused(make: Callable[[str], str], source: str) -> Fault:
    with pytest.raises(Fault) as caught:
        make(source)
    return caught.value


# CSS.


def test_rules_are_written_into_the_elements() -> None:
    html = rendered(inlined(PAGE))
    assert '<p class="note" style="color: red;">Dear Ann,</p>' in html
    assert re.search(r'<td style="padding: 1px;\s*width: 40px;?">Tea</td>', html)


def test_what_no_attribute_can_say_stays_in_the_style() -> None:
    style = rendered(inlined(PAGE)).partition("</style>")[0]
    assert "a:hover" in style
    assert "@media (max-width: 600px)" in style
    assert "padding" not in style


@pytest.mark.parametrize("vip", [True, False])
@pytest.mark.parametrize("rows", [FIELDS["rows"], []], ids=["two rows", "no row"])
def test_inlining_and_filling_in_can_be_done_in_any_order(vip: bool, rows: Any) -> None:
    later = rendered(inlined(PAGE), vip=vip, rows=rows)
    earlier = inlined(rendered(PAGE, vip=vip, rows=rows))
    assert body(later) == body(earlier)


def body(html: str) -> str:
    """From the body on: in the style, rules may stay that no element needs."""
    return squeezed(html[html.index("<body") :])


@pytest.mark.parametrize(
    "source",
    [
        "{% if vip %}<p>a</p>{% endif %}",
        "<p>a</p>{% if vip %}b{% endif %}",
        "{% set x = 1 %}<p>{{ x }}</p>",
        "<table><thead><tr><th>x</th></tr></thead>{% for r in rows %}<tr><td>y</td></tr>"
        "{% else %}<tr><td>none</td></tr>{% endfor %}</table>",
        "<table><tr>{% for r in rows %}<td>{{ r.what }}</td>{% endfor %}</tr></table>",
        "<select>{% for r in rows %}<option>{{ r.what }}</option>{% endfor %}</select>",
        "<p>{% raw %}{{ no field }}{% endraw %}</p>",
        "<p>a {{- name -}} b</p>",
        '<!--[if mso]>{% if vip %}<b>{{ name }}</b>{% endif %}<![endif]--><a title="{{ name }}">',
        "<title>{% if vip %}a{% endif %}</title><p>x</p>",
    ],
)
@pytest.mark.parametrize("vip", [True, False])
def test_tags_may_stand_anywhere_between_elements(source: str, vip: bool) -> None:
    fields = {"vip": vip, "rows": FIELDS["rows"] if vip else []}
    later, earlier = rendered(inlined(source), **fields), inlined(rendered(source, **fields))
    assert body(later) == body(earlier)


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ('<p\n {% if vip %}class="a"{% endif %}>x</p>', 2, 2),
        ("<p {{ name }}>x</p>", 1, 4),
        ("<h{{ wide }}>x</h{{ wide }}>", 1, 3),
        ("<style>\n{% if vip %}p { color: red }{% endif %}</style><p>x</p>", 2, 1),
        ("<b>{% if vip %}<p>x</b>{% endif %}</p>", 1, 24),
        ("{% macro m() %}<b>x</b>{% endmacro %}<!DOCTYPE html><html><body>x</body></html>", 1, 24),
    ],
)
def test_what_inlining_would_break_is_refused(source: str, line: int, column: int) -> None:
    fault = refused(inlined, source)
    assert (fault.line, fault.column) == (line, column)
    assert "inline_css" in fault.why


def test_nothing_is_loaded_from_anywhere(tmp_path: Any) -> None:
    secret = tmp_path / "secret.css"
    secret.write_text("p { color: leaked }")
    for place in (str(secret), secret.as_uri(), "http://127.0.0.1:1/x.css"):
        page = f'<link rel="stylesheet" href="{place}"><style>@import "{place}";</style><p>x</p>'
        assert "leaked" not in inlined(page)


# MJML.


def test_mjml_becomes_html() -> None:
    html = rendered(html_of(LETTER))
    assert html.lower().startswith("<!doctype html>")
    assert html.count("Tea &amp; more") == 1
    assert "Cup &amp; more" not in html
    assert "background-color:red" in html
    assert html.count('href="https://x.example/?a=1"') == 2


@pytest.mark.parametrize("rows", [FIELDS["rows"], []], ids=["two rows", "no row"])
def test_compiling_and_filling_in_can_be_done_in_any_order(rows: Any) -> None:
    later, earlier = rendered(html_of(LETTER), rows=rows), html_of(rendered(LETTER, rows=rows))
    assert body(later) == body(earlier)


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("hello", 1, 1),
        ("<mjml>", 1, 1),
        ("<mjml>\n<mj-body>\n<mj-section>\n</mj-body></mjml>", 3, 1),
        ("<mjml>\n  <mj-body><mj-include path='x'/></mj-body></mjml>", 2, 13),
        ("<mjml>\n<mj-body><mj-column width='{{ w }}'></mj-column></mj-body></mjml>", 2, 28),
        (
            "<mjml><mj-head><mj-title>{% if x %}a{% endif %}</mj-title></mj-head>"
            "<mj-body></mj-body></mjml>",
            1,
            26,
        ),
        (
            "<mjml><mj-body><mj-raw>{{ é }} é</mj-raw>\n  <mj-include path='x'/></mj-body></mjml>",
            2,
            4,
        ),
        ("<mjml>{{ x", 1, 7),
        ("<mjml>" + "<mj-raw>" * 10_000, 1, 1599),
        ("<mjml><mj-raw>" + "x" * 600_000 + "</mj-raw></mjml>", 0, 0),
        ("<mjml>\n\x00</mjml>", 2, 1),
    ],
    ids=lambda each: ascii(each)[:60],
)
def test_wrong_mjml_is_refused_with_its_place(source: str, line: int, column: int) -> None:
    fault = refused(html_of, source)
    assert (fault.line, fault.column) == (line, column), fault


def test_mjml_reads_no_files(tmp_path: Any) -> None:
    other = tmp_path / "other.mjml"
    other.write_text("<mjml><mj-body><mj-raw>leaked</mj-raw></mj-body></mjml>")
    for place in (str(other), other.as_uri()):
        source = f'<mjml><mj-body><mj-include path="{place}"/></mj-body></mjml>'
        assert "leaked" not in str(refused(html_of, source))


# The text.


def test_the_text_says_what_the_page_says() -> None:
    assert rendered(text_of(PAGE)).replace("\r\n", "\n") == (
        "Dear Ann,\n\nTea  3 €\nCup  5 €\n\n  * TEA\n  * CUP\n\n[Look](https://x.example/?a=1)\n"
    )


def test_the_text_leaves_out_what_the_page_leaves_out() -> None:
    text = rendered(text_of(PAGE), vip=False, rows=[])
    assert "Hello," in text
    assert "Dear" not in text
    assert "€" not in text


def test_values_stand_in_the_text_as_they_are() -> None:
    text = text_of("<p>{{ name }} &amp; {{ url }}</p>")
    assert rendered(text, name="<Ann>").strip() == "<Ann> & https://x.example/?a=1"


def test_what_only_looks_like_a_tag_is_none() -> None:
    page = rendered(inlined("<p>&#123;&#123; name }} {{ name }}</p>"))
    assert "<p>{{ name }} Ann</p>" in page
    assert rendered(text_of("<p>&#123;&#123; name }} {<b>{{ name }}</b></p>")).strip() == (
        "{{ name }} {Ann"
    )


def test_a_statement_in_what_is_hidden_is_refused() -> None:
    fault = refused(text_of, '<p>a</p>\n<div style="display:none">{% if vip %}b{% endif %}</div>')
    assert (fault.line, fault.column) == (2, 27)


def test_a_value_in_what_is_hidden_is_hidden() -> None:
    assert text_of('<div style="display:none">{{ name }}</div><p>b</p>').strip() == "b"


# All of it.


def test_a_letter_is_compiled_inlined_and_told() -> None:
    wish = TemplateWish(subject="Hi {{ name }}", mjml=LETTER, inline_css=True, auto_text=True)
    made = build("letter", wish, BOUNDS)
    assert wish_of(made) == wish
    assert build("letter", wish_of(made), BOUNDS) == made
    assert "Tea & more" in rendered(made.text)
    assert "border-collapse: collapse" in rendered(made.html)


@pytest.mark.parametrize(
    "wish",
    [
        TemplateWish(html=PAGE),
        TemplateWish(html=PAGE, inline_css=True, text="own"),
        TemplateWish(html=PAGE, auto_text=True),
        TemplateWish(html="<p>x</p>", inline_css=True, auto_text=True),
        TemplateWish(mjml=LETTER),
        TemplateWish(text="only"),
    ],
)
def test_what_was_wished_for_is_kept(wish: TemplateWish) -> None:
    assert wish_of(build("a", wish, BOUNDS)) == wish


def test_a_place_in_html_that_nobody_wrote_is_not_named() -> None:
    mjml = LETTER.replace(
        "<mj-table>", "<mj-text><style>{% if vip %}a{}{% endif %}</style></mj-text><mj-table>"
    )
    with pytest.raises(Fault) as caught:
        build("a", TemplateWish(mjml=mjml, inline_css=True), BOUNDS)
    assert (caught.value.part, caught.value.line) == ("mjml", 0)
    assert "inline_css" in str(caught.value)


# Strangers.


def test_marks_are_put_back_whatever_is_around_them() -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    pieces = [
        "j0m00000z",
        "j1m",
        " ",
        "\n",
        "\r\n",
        "{",
        "}",
        "<p>",
        "é",
        "%",
        "{{ a }}",
        "{{- a -}}",
    ]
    pieces += ["{% if a %}", "{%- endif %}", "{# c #}", "{% raw %}{{{% endraw %}", '{{ "}}" }}']
    for _ in range(500):
        source = "".join(rng.choices(pieces, k=rng.randrange(12)))
        try:
            marked = mark(source)
            whole = compiled(source, html=False)
        except (Fault, TemplateFault):
            continue
        again = compiled(marked.restored(marked.text), html=False)
        assert again.render({"a": "A"}) == whole.render({"a": "A"}), source


@pytest.mark.parametrize(
    "source",
    [
        "<" * 200_000,
        "<a " * 100_000,
        "<!--" * 100_000,
        "<style>" * 50_000,
        "<p>" * 100_000,
        "<td>" * 100_000,
        "<div>" * 100_000,
        "</div>" * 80_000,
        "<a b='" * 80_000,
        "=" * 300_000,
        "<a " + "= " * 200_000,
        "{{ x }}<b>" * 3_000,
        "<table><tr><td>" * 30_000,
        "&" * 200_000,
        "<style>" + "a{" * 100_000 + "</style><p>",
        "<style>" + ":not(" * 50_000 + "</style><p>",
    ],
    ids=lambda each: each[:12],
)
def test_hostile_pages_are_made_or_refused_and_nothing_dies(source: str) -> None:
    for make in (inlined, text_of, html_of):
        with suppress(Fault):
            make(source)


def test_nothing_of_this_is_loaded_before_it_is_wanted() -> None:
    code = (
        "import sys, functions.admin.assemble, functions.admin.resources.templates as t;"
        "from functions.admin.templates.build import *;"
        "build('a', TemplateWish(html='<p>{{ x }}</p>'), Bounds(10**6, 10**5, 10**6));"
        "print({'mjml', 'css_inline', 'inscriptis', 'lxml', 'requests'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
