"""Where Templates from strangers run: Jinja2's sandbox, closed further, and with a budget.

Four things keep a Template within its bounds, each where it can be seen:

- what it may say (`Bound`, at compile time): so many tokens and levels, known filters and tests,
  no other files;
- what it may touch: the fields, what it has made itself, and the attributes in `_ATTRIBUTES`.
  Nothing else of an object exists, so there is no way from a text to its class;
- what it repeats: every turn of a loop and every run of a macro or block is charged with the
  number of nodes in its body, because `Bound` writes the charge into it;
- what it does to values: operators, comparisons, filters, tests, methods and captured output weigh
  what goes in, and what comes out, before or as it is made (`shared/template_budget.py`).
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, nodes, pass_context
from jinja2.lexer import TokenStream
from jinja2.runtime import Context, LoopContext, Macro, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import Namespace

from shared.template_budget import CHARS_PER_STEP, MAX_NUMBER_BITS, Exceeded, current
from shared.template_filters import (
    FILTERS_ALLOWED,
    INTERNAL_FILTERS,
    TESTS_ALLOWED,
    replaced,
    shown,
)
from shared.template_syntax import Bound, check_source, limited

_TEXT_METHODS = """
    capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit islower
    isnumeric isspace istitle isupper lower lstrip partition removeprefix removesuffix replace rfind
    rindex rpartition rsplit rstrip split splitlines startswith strip swapcase title upper
"""
_LOOP_ATTRIBUTES = """
    changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0
"""
_ATTRIBUTES: tuple[tuple[type, frozenset[str]], ...] = (
    (str, frozenset(_TEXT_METHODS.split())),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (tuple, frozenset({"grouper", "list"})),  # what |groupby makes
    (LoopContext, frozenset(_LOOP_ATTRIBUTES.split())),
)


class _Missing(StrictUndefined):
    """A field that is not there: an error where it is shown, false where it is asked for."""

    __slots__ = ()
    __bool__ = Undefined.__bool__  # type: ignore[assignment]


def _captured(pieces: Iterable[str]) -> str:
    """What a macro, a block or `{% set %}` has written."""
    texts = list(pieces)
    current().make(sum(map(len, texts)))
    return "".join(texts)


class Sandbox(SandboxedEnvironment):
    """Renders within `shared.template_budget.CURRENT`, which has to be set."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])
    concat = staticmethod(_captured)

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        check_source(source)
        tokens = super()._tokenize(source, name, filename, state)
        return TokenStream(limited(tokens), name, filename)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = Bound().visit(super()._parse(source, name, filename))
        tree.set_environment(self)
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Data before methods: `order.items` is the items of the order, if it has some."""
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        current().weigh_argument(argument)
        return super().getitem(obj, argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, Namespace):
            return not attr.startswith("_")
        return any(isinstance(obj, kind) and attr in names for kind, names in _ATTRIBUTES)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja2 would give out `format` here without asking `is_safe_attribute`."""

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        budget = current()
        budget.enter()
        owner = getattr(called, "__self__", None)
        if isinstance(owner, str):
            result = self._call_of_text(context, called, owner, args, kwargs)
        else:
            if not isinstance(called, Macro | LoopContext):  # whose bodies are charged
                _weigh_arguments(args, kwargs)
            result = super().call(context, called, *args, **kwargs)
        budget.leave()
        return result

    def _call_of_text(
        self, context: Context, method: Any, text: str, args: Any, kwargs: dict[str, Any]
    ) -> Any:
        if method.__name__ == "replace":
            return replaced(text, *args)
        current().weigh(text)
        _weigh_arguments(args, kwargs)
        result = super().call(context, method, *args, **kwargs)
        current().weigh(result)
        return result

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        budget = current()
        budget.weigh(left)
        budget.weigh(right)
        if operator == "%" and isinstance(left, str):
            raise Exceeded("a text is formatted with |format")
        if isinstance(left, int | float) and isinstance(right, int | float):
            if _bits_of_result(operator, left, right) > MAX_NUMBER_BITS:
                raise Exceeded("it makes a larger number than a Template may")
        elif operator == "*":
            sequence, times = (right, left) if isinstance(left, int) else (left, right)
            budget.make(len(sequence) * max(times, 0))
        result = super().call_binop(context, operator, left, right)
        budget.weigh(result)
        return result


def _bits_of_result(operator: str, left: float, right: float) -> float:
    """At most. Floats have 64 bits whatever is done to them."""
    if not isinstance(left, int) or not isinstance(right, int):
        return 64
    if operator == "**":
        return left.bit_length() * max(right, 0)
    return left.bit_length() + right.bit_length()


def _weigh_arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    # Compiled Templates hand these two on; `Context.call` takes them away again.
    told = [kwargs[name] for name in kwargs if name not in ("_loop_vars", "_block_vars")]
    for argument in (*args, *told):
        current().weigh_argument(argument)


@pass_context  # or Jinja2 would show constants when it compiles, and not ask us
def _written(_: Context, value: Any) -> Any:
    """A value on its way into the text. Short ones are counted with the body they stand in."""
    if isinstance(value, str) and len(value) > CHARS_PER_STEP:
        current().make(len(value))
    return shown(value)


@cache
def environment(autoescape: bool) -> Sandbox:
    sandbox = Sandbox(
        autoescape=autoescape,
        undefined=_Missing,
        finalize=_written,
        optimized=False,
        keep_trailing_newline=True,
        # SMTP's own line ends (RFC 5321 §2.3.8): nothing has to be converted per Delivery.
        newline_sequence="\r\n",
        cache_size=0,
        auto_reload=False,
    )
    sandbox.globals = {name: sandbox.globals[name] for name in ("dict", "namespace", "range")}
    sandbox.filters = {**FILTERS_ALLOWED, **INTERNAL_FILTERS}
    sandbox.tests = dict(TESTS_ALLOWED)
    return sandbox
