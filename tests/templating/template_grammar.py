"""Random Templates: sentences of Jinja2's grammar, and scraps that are nearly so."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from shared.template_filters import FILTERS_ALLOWED, INTERNAL_FILTERS, TESTS_ALLOWED

NAMES = ("name", "rows", "words", "deep", "n", "big", "nothing", "loop", "self", "m", "ns", "x")
ATTRIBUTES = (
    *("a", "items", "upper", "split", "replace", "format", "index", "__class__", "__globals__"),
    *("strip", "get", "keys", "join", "_func", "changed", "cycle", "append", "rsplit", "count"),
)
CONSTANTS = (
    *("0", "1", "-1", "2", "7", "1.5", "10**6", "9999999999", "''", "'a'", "'<&>'", "'a,b'", "' '"),
    *("true", "false", "none", "'%s'", "'%99d'", "'{}'", "'__class__'", "'upper'", "'駅伝'", "[]"),
    *("{}", "()", "range(3)", "range(99999)", "namespace(a=1)", "dict(a=1)", "'a.b.c'", "'\\n'"),
)
OPERATORS = (
    *("+", "-", "*", "/", "//", "%", "**", "~", "and", "or", "==", "!=", "<", ">=", "in", "not in"),
)


def _calls(args: SearchStrategy[str]) -> SearchStrategy[str]:
    named = st.dictionaries(
        st.sampled_from(("attribute", "default", "reverse", "d")), args, max_size=1
    ).map(lambda given: [f"{name}={value}" for name, value in given.items()])
    return st.builds(lambda a, b: ", ".join(a + b), st.lists(args, max_size=2), named)


def _grown(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    filters = st.sampled_from(sorted({*FILTERS_ALLOWED, *INTERNAL_FILTERS, "center", "attr"}))
    tests = st.sampled_from(sorted(name for name in TESTS_ALLOWED if name.isidentifier()))
    return st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("{}.{}".format, inner, st.sampled_from(ATTRIBUTES)),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("{}[{}:{}]".format, inner, inner, inner),
        st.builds("{}({})".format, inner, _calls(inner)),
        st.builds("{}.{}({})".format, inner, st.sampled_from(ATTRIBUTES), _calls(inner)),
        st.builds("({}|{})".format, inner, filters),
        st.builds("({}|{}({}))".format, inner, filters, _calls(inner)),
        st.builds("({}|map('{}')|list)".format, inner, filters),
        st.builds("({} is {})".format, inner, tests),
        st.builds("({} is {}({}))".format, inner, tests, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("(-{})".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("{{{}: {}}}".format, inner, inner),
    )


expressions = st.recursive(st.sampled_from((*NAMES, *CONSTANTS)), _grown, max_leaves=12)
"""Such as `(rows|map('upper')|list)[1:n]`."""

_familiar = st.sampled_from(("rows", "words", "range(5)", "deep", "[1, [2, [3]]]", "name", "x"))
_outputs = st.builds(
    "{{{{ {} }}}}".format, st.one_of(_familiar.map("{}|string".format), expressions)
)
_SCRAPS = (
    *("{{", "}}", "{%", "%}", "{#", "#}", "|", ".", "(", ")", "text", "<b>", "\r\n", "{{ '"),
    *("{% for x in words %}", "{% endfor %}", "{%- if name -%}", "{% endif %}", "{% raw %}"),
)


def _statements(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    several = st.lists(inner, min_size=1, max_size=3).map("".join)
    shapes = (
        "{{% for x in {0} %}}{1}{{% endfor %}}",
        "{{% for x in {0} recursive %}}{1}{{% if x is iterable %}}{{{{ loop(x) }}}}{{% endif %}}"
        "{{% endfor %}}",
        "{{% for x in range(50) if {0} %}}{1}{{% else %}}none{{% endfor %}}",
        "{{% if {0} %}}{1}{{% else %}}no{{% endif %}}",
        "{{% set x = {0} %}}{1}",
        "{{% set ns = namespace(a={0}) %}}{1}{{% set ns.a = [ns.a, ns.a] %}}",
        "{{% macro m(x) %}}{1}{{% endmacro %}}{{{{ m({0}) }}}}",
        "{{% macro m(x) %}}{1}{{{{ caller() }}}}{{% endmacro %}}"
        "{{% call m({0}) %}}y{{% endcall %}}",
        "{{% with x = {0} %}}{1}{{% endwith %}}",
        "{{% set x %}}{1}{{% endset %}}{{{{ x ~ {0} }}}}",
        "{{% filter upper %}}{1}{{% endfilter %}}",
        "{{% autoescape {0} %}}{1}{{% endautoescape %}}",
        "{{% block b %}}{1}{{{{ self.b() }}}}{{% endblock %}}",
    )
    values = st.one_of(_familiar, expressions)
    return st.one_of(*(st.builds(shape.format, values, several) for shape in shapes))


templates = st.lists(st.recursive(_outputs, _statements, max_leaves=5), max_size=3).map("".join)

garbage = st.lists(
    st.one_of(st.sampled_from((*_SCRAPS, *NAMES, *CONSTANTS, *OPERATORS)), st.text(max_size=5)),
    max_size=20,
).map(" ".join)
"""What is no Template, or hardly one."""
