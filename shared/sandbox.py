"""Where Templates from strangers run: Jinja2's sandbox, closed further, and with a budget.

Four things keep a Template within its bounds, each where it can be seen:

- what it may say (`_Bound`, at compile time): so many tokens and levels, known filters and tests,
  no other files;
- what it may touch: the fields, and the attributes listed in `_ATTRIBUTES`. Nothing else of an
  object exists, so there is no way from a text to its class;
- what it repeats: every turn of a loop and every run of a macro or block is charged with the
  number of nodes in its body, because `_Bound` writes the charge into it;
- what it does to values: operators, comparisons, filters, tests, methods and captured output weigh
  what goes in, and what comes out, before or as it is made (`shared/template_budget.py`).
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.filters import _GroupTuple
from jinja2.lexer import Token, TokenStream
from jinja2.runtime import Context, LoopContext, Macro, Undefined
from jinja2.sandbox import SandboxedEnvironment
from jinja2.visitor import NodeTransformer

from shared.template_budget import MAX_NUMBER_BITS, Exceeded, current
from shared.template_filters import (
    CHARGE,
    FILTERS_ALLOWED,
    INTERNAL_FILTERS,
    JOIN,
    TESTS_ALLOWED,
    WEIGHED,
    replaced,
    shown,
)

MAX_TOKENS = 20_000
"""What is between `{{ }}` and `{% %}`, in words and signs. Compiling takes about 50 µs for each."""
MAX_BRACKETS = 15
MAX_LEVELS = 40
"""Of expressions and statements in each other. The parser is recursive, and so is the compiler."""
MAX_LOOPS = 15
"""Loops in each other; Python has a limit of 20."""

_ATTRIBUTES: tuple[tuple[type, frozenset[str]], ...] = (
    (
        str,
        frozenset(
            "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal"
            " isdigit islower isnumeric isspace istitle isupper lower lstrip partition"
            " removeprefix removesuffix replace rfind rindex rpartition rsplit rstrip split"
            " splitlines startswith strip swapcase title upper".split()
        ),
    ),
    (dict, frozenset({"get", "items", "keys", "values"})),
    (_GroupTuple, frozenset({"grouper", "list"})),
    (
        LoopContext,
        frozenset(
            "changed cycle depth depth0 first index index0 last length nextitem previtem revindex"
            " revindex0".split()
        ),
    ),
)


class _Missing(StrictUndefined):
    """A field that is not there: an error where it is shown, false where it is asked for."""

    __slots__ = ()
    __bool__ = Undefined.__bool__  # type: ignore[assignment]


class _Bound(NodeTransformer):
    """Refuses what no Template may say, and puts the budget into the rest."""

    def __init__(self) -> None:
        self._nodes = 0
        self._level = 0
        self._loops = 0

    def visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> Any:
        self._nodes += 1
        self._level += 1
        if self._level > MAX_LEVELS:
            raise TemplateSyntaxError(f"it has more than {MAX_LEVELS} levels", node.lineno)
        visited = super().visit(node, *args, **kwargs)
        self._level -= 1
        return visited

    def _refuse(self, node: nodes.Node) -> None:
        raise TemplateSyntaxError("a Template cannot load others", node.lineno)

    visit_Extends = visit_Include = visit_Import = visit_FromImport = _refuse

    def visit_Filter(self, node: nodes.Filter) -> nodes.Filter:
        if node.name not in FILTERS_ALLOWED:
            raise TemplateSyntaxError(f"there is no filter {node.name!r}", node.lineno)
        self.generic_visit(node)
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Test:
        if node.name not in TESTS_ALLOWED:
            raise TemplateSyntaxError(f"there is no test {node.name!r}", node.lineno)
        self.generic_visit(node)
        return node

    def visit_For(self, node: nodes.For) -> nodes.For:
        self._loops += 1
        if self._loops > MAX_LOOPS:
            raise TemplateSyntaxError(f"more than {MAX_LOOPS} loops in each other", node.lineno)
        charge = self._charge_for(node)
        self._loops -= 1
        if node.test is not None:
            node.test = nodes.And(charge, node.test, lineno=node.lineno)
        else:
            node.body.insert(0, nodes.ExprStmt(charge, lineno=node.lineno))
        return node

    def _visit_body(self, node: Any) -> Any:
        charge = self._charge_for(node)
        node.body.insert(0, nodes.ExprStmt(charge, lineno=node.lineno))
        return node

    visit_Macro = visit_CallBlock = visit_Block = _visit_body

    def _charge_for(self, node: nodes.Node) -> nodes.Filter:
        before = self._nodes
        self.generic_visit(node)
        return _filtered(nodes.Const(self._nodes - before, lineno=node.lineno), CHARGE)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), JOIN)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:
        self.generic_visit(node)
        for side in (node, *node.ops):
            side.expr = _filtered(side.expr, WEIGHED)
        return node

    def visit_Dict(self, node: nodes.Dict) -> nodes.Dict:
        self.generic_visit(node)
        for pair in node.items:
            pair.key = _filtered(pair.key, WEIGHED)
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Getitem:
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _filtered(node.node, WEIGHED)
        return node


def _filtered(node: nodes.Expr, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _limited(tokens: Iterable[Token]) -> Iterator[Token]:
    brackets = 0
    for number, token in enumerate(tokens):
        brackets += token.type in ("lparen", "lbracket", "lbrace")
        brackets -= token.type in ("rparen", "rbracket", "rbrace")
        if number > MAX_TOKENS or brackets > MAX_BRACKETS:
            raise TemplateSyntaxError("it is too long, or its brackets are too deep", token.lineno)
        yield token


def _captured(pieces: Iterable[str]) -> str:
    """What a macro, a block or `{% set %}` has written."""
    texts = list(pieces)
    current().make(sum(map(len, texts)))
    return "".join(texts)


class Sandbox(SandboxedEnvironment):
    """Renders within `shared.template_budget.CURRENT`, which has to be set."""

    intercepted_binops = frozenset(["+", "-", "*", "/", "//", "%", "**"])
    concat = staticmethod(_captured)  # type: ignore[assignment]

    def _tokenize(
        self, source: str, name: str | None, filename: str | None = None, state: str | None = None
    ) -> TokenStream:
        tokens = super()._tokenize(source, name, filename, state)
        return TokenStream(_limited(tokens), name, filename)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Bound().visit(super()._parse(source, name, filename))
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
        return any(isinstance(obj, kind) and attr in names for kind, names in _ATTRIBUTES)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja2 would give out `format` here without asking `is_safe_attribute`."""

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        budget = current()
        owner = getattr(called, "__self__", None)
        if isinstance(owner, str) and called.__name__ == "replace":
            return replaced(owner, *args)
        if isinstance(owner, str):
            budget.weigh(owner)
        if not isinstance(called, Macro | LoopContext):  # whose bodies are charged
            for argument in (*args, *kwargs.values()):
                budget.weigh_argument(argument)
        budget.enter()
        result = super().call(context, called, *args, **kwargs)
        budget.leave()
        if isinstance(owner, str):
            budget.weigh(result)
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


@cache
def environment(autoescape: bool) -> Sandbox:
    sandbox = Sandbox(
        autoescape=autoescape,
        undefined=_Missing,
        finalize=shown,
        optimized=False,
        keep_trailing_newline=True,
        # SMTP's own line ends (RFC 5321 §2.3.8): nothing has to be converted per Delivery.
        newline_sequence="\r\n",
        cache_size=0,
        auto_reload=False,
    )
    sandbox.globals = {name: sandbox.globals[name] for name in ("dict", "range")}
    sandbox.filters = {**FILTERS_ALLOWED, **INTERNAL_FILTERS}
    sandbox.tests = dict(TESTS_ALLOWED)
    return sandbox
