"""What a stranger may try in a Template, by what is tried. Every one has to end in `TemplateFault`.

As a program this tries them all, in a process with little memory and a bound on CPU time for each,
and prints a JSON line for each: its name, and what it ended in. An attack that gets through ends
the program, so the last line names it.
"""

import json
import resource
import signal
import sys

from shared.templating import TemplateFault, compiled

MEMORY_BYTES = 400 * 1024 * 1024
CPU_S = 5.0
"""Many times of what any of them takes, in CPU time: a busy machine changes nothing."""

FIELDS = {
    "name": "Ada",
    "page": "a-" * 100_000,
    "kanji": "駅" * 100_000,
    "angles": "<" * 100_000,
    "tags": "<a>" * 30_000,
    "entities": "&zz" * 30_000,
    "needle": "a" * 500 + "b" + "a" * 499,
    "rows": [{"a": str(n % 7), "b": n, "c": "x"} for n in range(300)],
    "words": [f"w{n}" for n in range(300)],
    "deep": {"a": {"a": {"a": {"a": {"a": ""}}}}},
    "collisions": [[n * (2**61 - 1), 1] for n in range(5000)],
    "empty": "",
}


def turns(body: str) -> str:
    return "{% for i in range(100000) %}" + body + "{% endfor %}"


def doubled(name: str, times: int = 60) -> str:
    return f"{{% set {name} = [1] %}}" + f"{{% set {name} = [{name}, {name}] %}}" * times


ATTACKS = {
    # Loops and calls without an end.
    "a range of a thousand million": "{% for i in range(10**9) %}{% endfor %}",
    "loops in loops": turns(turns("")),
    "fifteen loops in each other": "{% for x in rows %}" * 15 + "{% endfor %}" * 15,
    "sixteen loops in each other": "{% for x in rows %}" * 16 + "{% endfor %}" * 16,
    "a loop that takes nothing": "{% for i in range(100000) if false %}{% endfor %}" * 3,
    "a loop over the letters of a text": "{% for x in page %}{% endfor %}",
    "a body of many outputs": turns("{{ empty }}" * 300),
    "a body of many attributes": turns("{% if deep.a.a.a.a.a %}{% endif %}"),
    "a loop that calls itself": "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "a loop that calls itself widely": "{% for x in [1] recursive %}{% if loop.depth < 3 %}"
    "{{ loop(range(100000)) }}{% endif %}{% endfor %}",
    "a macro that calls itself": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a macro that calls itself twice": "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}"
    "{% endif %}{% endmacro %}{{ m(29) }}",
    "a macro that is called often": "{% macro m() %}{% endmacro %}" + turns("{{ m() }}"),
    "a caller that calls": "{% macro m() %}{{ caller() }}{% endmacro %}"
    + turns("{% call m() %}{% endcall %}"),
    "a macro given to itself": "{% macro m(f) %}{{ f(f) }}{% endmacro %}{{ m(m) }}",
    "a block that shows itself": "{% block b %}{{ self.b() }}{% endblock %}",
    "a block that shows itself by item": "{% block b %}{{ self['b']() }}{% endblock %}",
    "variable arguments that double": "{% macro m(n) %}{% if n %}{{ m(n - 1, varargs, varargs) }}"
    "{% else %}{{ varargs|string }}{% endif %}{% endmacro %}{{ m(28, 1) }}",
    # Values that grow.
    "a text times a thousand million": "{{ 'a' * 10**9 }}",
    "a thousand million times a text": "{{ 10**9 * 'a' }}",
    "a list times a thousand million": "{{ ([0] * 10**9)|length }}",
    "a tower of powers": "{{ 9**9**9**9**9 }}",
    "a large power": "{{ 2**500000 }}",
    "squares of squares": "{% set x = 10 %}" + "{% set x = x * x %}" * 40 + "{{ x }}",
    "a negative number to a large power": "{{ (-7)**99999999 }}",
    "text doubled by ~": "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
    "text doubled by +": "{% set x = 'ab' %}" + "{% set x = x + x %}" * 60 + "{{ x }}",
    "text doubled by join": "{% set x = 'ab' %}" + "{% set x = [x, x]|join %}" * 60 + "{{ x }}",
    "text doubled by replace": "{% set x = 'aa' %}" + "{% set x = x|replace('a', x) %}" * 60,
    "text doubled by capture": "{% set x = 'ab' %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 60,
    "lists doubled by +": "{% set x = [1] %}" + "{% set x = x + x %}" * 60 + "{{ x|length }}",
    "lists doubled by nesting": doubled("x") + "{{ x|string }}",
    "lists doubled, then compared": doubled("x") + doubled("y") + "{{ x == y }}",
    "lists doubled, then ordered": doubled("x") + doubled("y") + "{{ x < y }}",
    "lists doubled, then searched": doubled("x") + doubled("y") + "{{ x in [y] }}",
    "lists doubled, then tested": doubled("x") + doubled("y") + "{{ x is eq y }}",
    "lists doubled, then joined": doubled("x") + "{{ x|join }}",
    "lists doubled, then put into JSON": doubled("x") + "{{ x|tojson }}",
    "lists doubled, then concatenated": doubled("x") + "{{ x ~ '' }}",
    "tuples doubled, then hashed": "{% set x = (1,) %}"
    + "{% set x = (x, x) %}" * 60
    + "{{ {x: 1}|length }}",
    "tuples doubled, then looked up": "{% set x = (1,) %}"
    + "{% set x = (x, x) %}" * 60
    + "{{ {1: 1}[x] }}{{ {1: 1}.get(x) }}",
    "lists nested deeply": "{% set x = [1] %}" + "{% set x = [x] %}" * 2000 + "{{ x == [x] }}",
    "a macro's output": "{% macro m() %}{% for i in range(5000) %}{{ page }}{% endfor %}"
    "{% endmacro %}{{ m()|length }}",
    "a captured output": "{% set x %}{% for i in range(5000) %}{{ page }}{% endfor %}{% endset %}"
    "{{ x|length }}",
    "a filtered output": "{% filter length %}{% for i in range(5000) %}{{ page }}{% endfor %}"
    "{% endfilter %}",
    "output that escaping makes five times as long": "{{ angles * 9 }}{{ angles * 9 }}",
    "a mail without an end": turns("{{ page }}"),
    # Filters and methods that pad, multiply, or take long.
    "center": "{{ 'a'|center(10**9) }}",
    "indent": "{{ 'a\n'|indent(10**9) }}",
    "wordwrap": "{{ 'a b'|wordwrap(1, wrapstring=page) }}",
    "batch": "{{ [1]|batch(10**9, 0)|length }}",
    "slice": "{{ [1]|slice(10**9)|list|length }}",
    "format with a width": "{{ '%999999999d'|format(1) }}",
    "format with a star": "{{ '%*d'|format(10**9, 1) }}",
    "format with a precision": "{{ '%.999999999f'|format(1.5) }}",
    "the % operator": "{{ '%999999999d' % 1 }}",
    "str.format with a width": "{{ '{:>999999999}'.format(1) }}",
    "str.format with a nested width": "{{ '{:>{}}'.format(1, 999999999) }}",
    "str.format_map": "{{ '{x:>999999999}'.format_map({'x': 1}) }}",
    "str.center": "{{ 'a'.center(10**9) }}",
    "str.ljust": "{{ 'a'.ljust(10**9) }}",
    "str.zfill": "{{ 'a'.zfill(10**9) }}",
    "str.expandtabs": "{{ '\t'.expandtabs(10**9) }}",
    "str.translate": "{{ 'aaaa'.translate({97: page}) }}",
    "str.join": "{{ page.join(words) }}",
    "bytes by encode": "{{ 'a'.encode().center(10**9)|length }}",
    "bytes of a number": "{{ (1).to_bytes(10**9, 'big')|length }}",
    "replace by a long text": "{{ page|replace('a', page)|length }}",
    "replace of nothing": "{{ page.replace('', page)|length }}",
    "replace for every item": "{{ words|map('replace', 'w', page)|list|length }}",
    "join by a long text": "{{ words|join(page) }}",
    "JSON indented": "{{ [1]|tojson(indent=10**9) }}",
    "round to a thousand million digits": "{{ 1|round(10**9, 'floor') }}",
    "round to minus a thousand million digits": "{{ 5|round(-10**9) }}",
    "sum of lists": "{{ [[1], [2]]|sum(start=[]) }}",
    "a long attribute path": "{{ rows|map(attribute='a.' * 100000, default='')|list|length }}",
    "many attribute paths": (
        "{{ rows|map(attribute='" + "a." * 499 + "', default='')|list|length }}"
    )
    * 100,
    "title of a page": turns("{% set x = page|title %}"),
    "urlencode of kanji": turns("{% set x = (kanji[:900])|urlencode %}"),
    "striptags of tags": turns("{% set x = tags|striptags %}"),
    "striptags of entities": turns("{% set x = entities|striptags %}"),
    "upper of a page": turns("{% set x = page.upper() %}"),
    "a page backwards": turns("{% set x = page[::-1] %}"),
    "a page searched": turns("{% if needle in page %}{% endif %}"),
    "a page searched from behind": turns("{% set x = page.rfind(needle) %}"),
    "a page split from behind": turns("{% set x = page.rsplit(needle) %}"),
    "a page split into letters": turns("{% set x = page|list %}"),
    "a page stripped of many letters": "{{ page.strip(page) }}",
    "a page trimmed of many letters": "{{ page|trim(page) }}",
    "a page sorted": turns("{% set x = page|sort %}"),
    "a page of JSON": turns("{% set x = rows|tojson %}"),
    "rows sorted": turns("{% set x = rows|sort(attribute='a,b,c') %}"),
    "rows grouped": turns("{% set x = rows|groupby('a') %}"),
    "rows compared": turns("{% set x = rows == rows %}"),
    "words selected among words": turns("{% set x = words|select('in', words) %}"),
    "filters by name": turns("{% set x = words|map('upper')|map('lower') %}"),
    "ranges sorted": turns("{% set x = range(99999)|sort %}"),
    "ranges of ranges": "{{ ([range(99999)] * 1000)|map('max')|list|length }}",
    "numbers of one hash": "{{ range(0, 99999 * (2**61 - 1), 2**61 - 1)|unique|list|length }}",
    "keys of one hash": turns("{% set x = dict(collisions) %}"),
    "a change watched": turns("{% if loop.changed(rows) %}{% endif %}"),
    # Ways to the interpreter.
    "__class__": "{{ name.__class__ }}",
    "__class__ by item": "{{ name['__class__'] }}",
    "__class__ by attr": "{{ name|attr('__class__') }}",
    "__class__ put together": "{{ name['__cla' ~ 'ss__'] }}",
    "__class__ by map": "{{ [name]|map(attribute='__class__')|list|first }}",
    "__class__ by sort": "{{ [name]|sort(attribute='__class__.__name__')|first.x }}",
    "__class__ by groupby": "{{ ([name]|groupby('__class__'))[0].grouper.x }}",
    "__class__ by format": "{{ '{0.__class__}'.format(name) }}",
    "__class__ by safe format": "{{ ('{0.__class__}'|safe).format(name) }}",
    "__mro__": "{{ ().__class__.__mro__[1].__subclasses__() }}",
    "__globals__ of a macro": "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "_func of a macro": "{% macro m() %}{% endmacro %}{{ m._func }}",
    "the name of a macro": "{% macro m() %}{% endmacro %}{{ m.name }}",
    "__init__ of self": "{{ self.__init__.__globals__ }}",
    "the context of self": "{{ self._TemplateReference__context }}",
    "the iterable of a loop": "{% for x in [1] %}{{ loop._iterable }}{% endfor %}",
    "the environment": "{{ environment.globals }}",
    "the context": "{{ context.environment }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "joiner": "{{ joiner() }}",
    "a namespace": "{{ namespace(x=1) }}",
    "the class of a namespace": "{{ namespace(x=1).__class__ }}",
    "the inside of a namespace": "{{ namespace(x=1)._Namespace__attrs }}",
    "the address of a namespace": "{{ namespace(x=1) ~ '' }}",
    "a namespace that holds itself": "{% set n = namespace() %}{% set n.x = [n] %}{{ n.x == n.x }}",
    "a namespace whose text doubles": "{% set n = namespace(x='ab') %}"
    + turns("{% set n.x = n.x ~ n.x %}"),
    "a namespace whose list doubles": "{% set n = namespace(x=[1]) %}"
    + "{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|string }}",
    "lipsum": "{{ lipsum() }}",
    "the caller": "{% macro m() %}{{ caller._func }}{% endmacro %}{% call m() %}{% endcall %}",
    "caller without a call": "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}",
    "gi_frame of a filter's result": "{{ (words|map('upper')).gi_frame }}",
    "mro of dict": "{{ dict.mro() }}",
    "dict.fromkeys": "{{ dict.fromkeys(words) }}",
    "a change to a field": "{{ rows.append(1) }}",
    "a change to a row": "{{ rows[0].update(a=1) }}",
    "eval of a text": "{{ eval('1') }}",
    "import": "{% import 'os' as os %}{{ os }}",
    "from import": "{% from 'os' import system %}",
    "include": "{% include '/etc/passwd' %}",
    "extends": "{% extends 'x' %}",
    # What would differ from run to run.
    "the address of a method": "{{ name.upper }}",
    "the address of a method, concatenated": "{{ name.upper ~ '' }}",
    "the address of a method, joined": "{{ [name.upper]|join }}",
    "the address of a method, as a string": "{{ name.upper|string }}",
    "the address of a method, in a list": "{{ [[name.upper]]|string }}",
    "the address of a method, formatted": "{{ '%s'|format(name.upper) }}",
    "the address of a method, defaulted": "{{ nothing|default(name.upper) }}",
    "the address of a method, mapped": "{{ ['a']|map(attribute='upper')|join }}",
    "the address of a constant's method": "{{ ''.upper }}",
    "the address of a constant's method, in a list": "{{ [''.upper] }}",
    "the order of a set": "{{ {'a': 1}.keys() - [] }}",
    "a random word": "{{ words|random }}",
    "a pretty picture of a range": "{{ range|pprint }}",
    # Sources that are hard to read.
    "a million fields": "{{ name }}" * 1_000_000,
    "brackets in brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "lists in lists": "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "conditions in conditions": "{% if name %}" * 3000 + "{% endif %}" * 3000,
    "not not not": "{{ " + "not " * 5000 + "1 }}",
    "one else after the other": "{{ " + "1 if name else " * 5000 + "1 }}",
    "attributes of attributes": "{{ deep" + ".a" * 4000 + " }}",
    "a long sum": "{{ 1" + " + 1" * 4000 + " }}",
    "a number of a million digits": "{{ " + "1" * 1_000_000 + " }}",
    "a text of a million escapes": "{{ '" + "\\x41" * 1_000_000 + "' }}",
    "a million lines": "{{ name }}" + "\n" * 1_000_000,
    "a tag that never ends": "{{ name " * 100_000,
    "a comment that never ends": "{# " * 100_000,
    "raw that never ends": "{% raw %}" * 100_000,
    "a filter of our own": "{{ -100000|_charge }}",
    "a filter of our own, by name": "{{ [-100000]|map('_charge')|list }}"
    + turns("{{ [-100000]|map('_charge')|first }}"),
    "a budget filled up": turns("{{ (-10000000)|abs }}{% set x = [-99]|map('_charge')|list %}"),
    "an unknown filter": "{{ name|no_such_filter }}",
    "an unknown filter, by name": "{{ words|map('no_such_filter')|list }}",
    "an unknown filter that is never reached": "{% if false %}{{ 1|no_such_filter }}{% endif %}",
    "an unknown test": "{{ name is no_such_test }}",
    "an unknown tag": "{% do words %}",
    "a field that is not there": "{{ nothing }}",
    "an attribute of nothing": "{{ nothing.at.all }}",
    "division by zero": "{{ 1 / 0 }}",
    "a call of a text": "{{ name() }}",
}


def ending(source: str) -> str:
    """What it came to: what the fault says, or the length of a text that should not be."""
    try:
        text = compiled(source, html=True).render(FIELDS)
    except TemplateFault as fault:
        return f"fault: {fault}"
    return f"a text of {len(text)} characters"


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for name, source in ATTACKS.items():
        signal.setitimer(signal.ITIMER_VIRTUAL, CPU_S)  # ends the process by SIGVTALRM
        print(json.dumps([name, "did not end"]))
        sys.stdout.flush()
        print(json.dumps([name, ending(source)]))


if __name__ == "__main__":
    main()
