"""The filters and tests that a Template may use, each counted against its budget.

Jinja2's own, where the work depends on what goes in alone; ours, where an argument says how much
there is to do. What is not listed here does not exist: its result would be as long as an argument
says (`center`, `indent`), or different each time (`random`, `pprint`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, cast

from jinja2 import Environment, pass_environment, pass_eval_context
from jinja2.filters import FILTERS, do_round, make_attrgetter
from jinja2.nodes import EvalContext
from jinja2.tests import TESTS
from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup, escape, soft_str

from shared.template_budget import NODES_PER_STEP, SCALARS, Exceeded, current

Function = Callable[..., Any]

CHARGE = "_charge"
WEIGHED = "_weighed"

_OF_TEXTS_AND_NUMBERS = (
    "abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "forceescape",
    "int", "items", "last", "length", "lower", "reverse", "safe", "string", "striptags", "title",
    "trim", "truncate", "upper", "urlencode", "wordcount",
)  # fmt: skip
_OF_LISTS = (
    "dictsort", "groupby", "list", "map", "max", "min", "reject", "rejectattr", "select",
    "selectattr", "sort", "unique",
)  # fmt: skip
_FORMAT = re.compile(r"(?:[^%]|%[-+ #0]{0,5}\d{0,2}(?:\.\d{1,2})?[sdifeEgGxX%])*")
_MAX_FORMATTED_CHARS = 420  # a float of 308 digits, and the widest that _FORMAT lets through
_MAX_PRECISION = 300


def _guarded(function: Function, *, of_lists: bool = False) -> Function:
    """Count what goes in, and text that comes out; a list that comes out is no longer.

    Nothing stays lazy: the work is done here and now.
    """
    passed = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        budget = current()
        for subject in args[passed : passed + 1]:
            if of_lists and isinstance(subject, str):
                budget.step(len(subject))
            budget.weigh(subject)
        for argument in (*args[passed + 1 :], *kwargs.values()):
            budget.weigh_argument(argument)
        result = function(*args, **kwargs)
        if isinstance(result, str):
            budget.make(len(result))
        return list(result) if isinstance(result, Iterator) else result

    return guard


def _charge(nodes: int) -> bool:
    """One turn of a loop, or one run of a macro, with so many nodes in its body."""
    # A Template can reach this by map("_charge"): a number below zero must bring it nothing.
    current().step(1 + max(nodes, 0) // NODES_PER_STEP)
    return True


def _weighed(value: Any) -> Any:
    """The operand of an operator that Jinja2 does not let us intercept."""
    current().weigh(value)
    return value


@pass_eval_context
def _join(context: EvalContext, items: Iterable[Any], d: str = "", attribute: Any = None) -> str:
    """`a ~ b` and `|join`: the text is measured before it is made."""
    budget = current()
    budget.weigh(items)
    if isinstance(items, str):
        budget.step(len(items))
    budget.weigh_argument(attribute)
    if attribute is not None:
        items = map(make_attrgetter(context.environment, attribute), items)
    texts = [soft_str(shown(item)) for item in items]
    separator = soft_str(d)
    if context.autoescape and any(hasattr(text, "__html__") for text in (separator, *texts)):
        texts, separator = [escape(text) for text in texts], escape(separator)
    budget.make(sum(map(len, texts)) + len(texts) * len(separator))
    return separator.join(texts)


def replaced(text: str, old: str, new: str, count: int = -1) -> str:
    """`text.replace(old, new, count)`: the text is measured before it is made."""
    budget = current()
    for each in (text, old, new):
        budget.weigh(each)
    if hasattr(text, "__html__"):
        new = escape(new)
    found = text.count(old)
    times = found if count < 0 else min(count, found)
    budget.make(len(text) + times * len(new))
    return text.replace(old, new, times)


@pass_eval_context
def _replace(context: EvalContext, value: Any, old: Any, new: Any, count: int = -1) -> str:
    safe = context.autoescape and hasattr(new, "__html__")
    text = escape(shown(value)) if safe else soft_str(shown(value))
    return replaced(text, soft_str(shown(old)), soft_str(shown(new)), count)


def _format(value: Any, *args: Any) -> str:
    """`"%.2f"|format(price)`, with widths of two digits at most."""
    text, budget = soft_str(shown(value)), current()
    budget.weigh(text)
    for arg in args:
        budget.weigh(shown(arg))
    if not _FORMAT.fullmatch(text):
        raise Exceeded("this format is not for Templates: use such as %s, %d, %.2f")
    texts = sum(len(arg) for arg in args if isinstance(arg, str))
    budget.make(len(text) + texts + len(args) * _MAX_FORMATTED_CHARS)
    result = text % args
    budget.hold(len(result))
    return result


@pass_environment
def _sum(environment: Environment, items: Iterable[Any], attribute: Any = None) -> Any:
    """Of numbers alone: a sum of lists is a list that doubles."""
    getter = make_attrgetter(environment, attribute)
    numbers = [getter(item) for item in items] if attribute is not None else list(items)
    if not all(isinstance(number, int | float) for number in numbers):
        raise Exceeded("sum is for numbers")
    return sum(numbers)


def _round(value: float, precision: int = 0, method: Any = "common") -> float:
    if not -_MAX_PRECISION <= precision <= _MAX_PRECISION:
        raise Exceeded(f"round takes a precision of {_MAX_PRECISION} at most")
    return do_round(value, precision, method)


def _tojson(value: Any) -> Markup:
    return htmlsafe_json_dumps(value, sort_keys=True)


def shown(value: Any) -> Any:
    """Only scalars may be shown: a list's text is nobody's mail, a method's names an address."""
    if isinstance(value, SCALARS):
        return value
    raise Exceeded(f"a {type(value).__name__} cannot be shown: loop over it, or join it")


FILTERS_ALLOWED: Mapping[str, Function] = {
    **{name: _guarded(FILTERS[name]) for name in _OF_TEXTS_AND_NUMBERS},
    **{name: _guarded(FILTERS[name], of_lists=True) for name in _OF_LISTS},
    "format": _format,
    "join": _join,
    "replace": _replace,
    "round": _guarded(_round),
    "sum": _guarded(_sum, of_lists=True),
    "tojson": _guarded(_tojson),
}
INTERNAL_FILTERS: Mapping[str, Function] = {CHARGE: _charge, WEIGHED: _weighed}
"""What the sandbox itself puts into a Template; no source can name them."""

TESTS_ALLOWED: Mapping[str, Function] = {
    name: _guarded(function)
    for name, function in cast(Mapping[str, Function], TESTS).items()
    if name != "callable"
}
