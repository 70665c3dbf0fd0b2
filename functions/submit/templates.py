"""What submit asks of Templates: which fields they need, and that looking for them takes no time.

Submit only parses them, `dispatch` renders them within its own bounds. Parsing costs 20 µs a token
and holds up everybody else's calls, so there is a bound here, too. Pure.
"""

from functools import lru_cache
from itertools import islice

from jinja2 import Environment, TemplateError

from shared.http import Problem
from shared.templating import TemplateFault, required

MAX_TOKENS = 10_000
"""Names, operators and brackets of all tags together. A page with a hundred fields has 500."""
KEPT_CHARS = 256 * 1024
"""Longer ones are parsed each time, rather than kept in memory."""

_LEXER = Environment(autoescape=False)  # only splits, renders nothing
_SPACE = frozenset({"data", "whitespace"})


def needed(*sources: str) -> frozenset[str]:
    """The fields without which these Templates cannot be rendered. Raises `Problem`."""
    try:
        return frozenset().union(*map(_needed, sources))
    except (TemplateFault, TemplateError, RecursionError) as error:
        raise Problem(422, "invalid_template", str(error)) from error


def _needed(source: str) -> frozenset[str]:
    return (_remembered if len(source) <= KEPT_CHARS else _read)(source)


def _read(source: str) -> frozenset[str]:
    if "{" not in source:
        return frozenset()
    code = (kind for _, kind, _ in _LEXER.lex(source) if kind not in _SPACE)
    if next(islice(code, MAX_TOKENS, None), None) is not None:
        raise TemplateFault(f"its tags have more than {MAX_TOKENS} names, operators and brackets")
    return required(source)


_remembered = lru_cache(maxsize=64)(_read)
"""Apps send the same Template again and again; parsing a page takes a millisecond or two."""
