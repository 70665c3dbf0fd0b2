"""What a Template may say: refused here, at compile time, or written over with its charge.

Jinja2 lets its sandbox intercept calls, attributes and arithmetic, but neither loops nor
comparisons nor slices: those get a filter around them that counts (`shared/template_filters.py`).
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import TemplateSyntaxError, nodes
from jinja2.lexer import Token
from jinja2.visitor import NodeTransformer

from shared.template_filters import CHARGE, FILTERS_ALLOWED, TESTS_ALLOWED, WEIGHED

MAX_TOKENS = 20_000
"""What is between `{{ }}` and `{% %}`, in words and signs. Compiling takes about 50 µs for each."""
MAX_BRACKETS = 15
MAX_LEVELS = 60
"""Of expressions and statements in each other. The parser is recursive, and so is the compiler."""
MAX_LOOPS = 15
"""Loops in each other; Python has a limit of 20."""
MAX_LINES = 100_000
MAX_BACKSLASHES = 100_000
_LONG_NUMBER = re.compile(r"[\d_]{5000}")


class Bound(NodeTransformer):
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
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "join")

    def visit_Compare(self, node: nodes.Compare) -> nodes.Compare:
        self.generic_visit(node)
        sides: list[Any] = [node, *node.ops]
        for side in sides:
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


def check_source(source: str) -> None:
    """Refuse what Jinja2's lexer takes long for, or hundreds of bytes of memory a character."""
    if source.count("\n") + source.count("\r") > MAX_LINES:
        raise TemplateSyntaxError(f"it has more than {MAX_LINES} lines", 1)
    if source.count("\\") > MAX_BACKSLASHES or _LONG_NUMBER.search(source):
        raise TemplateSyntaxError("it has a number or a text that is too long", 1)


def limited(tokens: Iterable[Token]) -> Iterator[Token]:
    """The words and signs of a Template, as long as there are not too many."""
    brackets = 0
    for number, token in enumerate(tokens):
        brackets += token.type in ("lparen", "lbracket", "lbrace")
        brackets -= token.type in ("rparen", "rbracket", "rbrace")
        if number >= MAX_TOKENS:
            raise TemplateSyntaxError(
                f"it has more than {MAX_TOKENS} words and signs", token.lineno
            )
        if brackets > MAX_BRACKETS:
            raise TemplateSyntaxError("brackets are nested too deep", token.lineno)
        yield token
