"""Templates: compiled once, rendered for every Delivery, safe to take from strangers.

What a Template may do, and how much of it, is in `shared/sandbox.py`. `required` tells at submit
which fields a Recipient has to have.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from jinja2 import TemplateSyntaxError, meta, nodes
from jinja2.visitor import NodeTransformer

from shared.errors import Permanent
from shared.sandbox import environment
from shared.template_budget import CURRENT, Budget

MAX_STEPS = 100_000
MAX_OUTPUT_CHARS = 1024 * 1024

_TAG = re.compile(r"\{[{%#]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_MAX_EXPLANATION_CHARS = 300
_KEPT_TEMPLATES = 64
_KEPT_CHARS = 64 * 1024
"""What is longer is compiled each time, rather than kept in memory."""


class TemplateFault(Permanent):
    """The Template cannot be compiled, or not be rendered with these fields."""


class Compiled:
    """A Template, compiled once and rendered for every Delivery."""

    __slots__ = ("_blocks", "_max_chars", "_max_steps", "_run", "_sandbox", "constant")

    def __init__(self, source: str, *, html: bool, max_steps: int, max_chars: int) -> None:
        self._max_steps = max_steps
        self._max_chars = max_chars
        self.constant: str | None = None
        """What it renders to, when there is nothing to fill in."""
        if not _TAG.search(source):
            self.constant = _LINE_END.sub("\r\n", source)
            return
        sandbox = environment(html)
        with _within(Budget(max_steps, max_chars)):
            template = sandbox.from_string(source)
        self._run, self._blocks, self._sandbox = template.root_render_func, template.blocks, sandbox

    def render(self, fields: Mapping[str, Any]) -> str:
        """The text with these fields. Raises `TemplateFault`."""
        return "".join(self.pieces(fields))

    def pieces(self, fields: Mapping[str, Any]) -> list[str]:
        """The same text, cut between what the Template says and what was filled in."""
        if self.constant is not None:
            return [self.constant]
        budget = Budget(self._max_steps, self._max_chars)
        # `Template.new_context` copies the globals several times over: half of a short rendering.
        names = {**self._sandbox.globals, **fields}
        context = self._sandbox.context_class(self._sandbox, names, None, self._blocks)
        pieces: list[str] = []
        size_chars = 0
        token = CURRENT.set(budget)
        try:
            for piece in self._run(context):
                pieces.append(piece)
                size_chars += len(piece)
                if size_chars > self._max_chars:
                    budget.hold(size_chars)
        except Exception as error:  # a stranger's program may raise anything
            raise TemplateFault(_explain(error)) from error
        finally:
            CURRENT.reset(token)
        return pieces


@contextmanager
def _within(budget: Budget) -> Iterator[None]:
    """Do a stranger's work: within bounds, and whatever it raises is the stranger's fault."""
    token = CURRENT.set(budget)
    try:
        yield
    except Exception as error:  # a stranger's program may raise anything
        raise TemplateFault(_explain(error)) from error
    finally:
        CURRENT.reset(token)


def _explain(error: Exception) -> str:
    if isinstance(error, RecursionError):  # whose text depends on where it happened
        return "it is nested too deep"
    line = error.lineno if isinstance(error, TemplateSyntaxError) else None
    where = f" (line {line})" if line else ""
    return (str(error) or type(error).__name__)[:_MAX_EXPLANATION_CHARS] + where


def compiled(
    source: str, *, html: bool, max_steps: int = MAX_STEPS, max_chars: int = MAX_OUTPUT_CHARS
) -> Compiled:
    """Compile a Template; `html` escapes what is filled in. Raises `TemplateFault`.

    Batches of one Recipient come by the thousand, often with the same Template, and compiling a
    page takes as long as a hundred renderings: the last ones are remembered.
    """
    make = _compiled_before if len(source) <= _KEPT_CHARS else Compiled
    return make(source, html=html, max_steps=max_steps, max_chars=max_chars)


_compiled_before = lru_cache(_KEPT_TEMPLATES)(Compiled)


def required(source: str) -> frozenset[str]:
    """The fields without which this Template cannot be rendered. Raises `TemplateFault`.

    Those are the fields that it uses whatever is in the others. What it only asks for
    (`{% if x %}`, `x is defined`, `x|default(…)`), and what only one branch or the body of a loop
    uses, may be missing.
    """
    if not _TAG.search(source):
        return frozenset()
    with _within(Budget(MAX_STEPS, MAX_OUTPUT_CHARS)):
        tree = environment(False).parse(source)
        mentioned = meta.find_undeclared_variables(tree)
        certain = meta.find_undeclared_variables(_Certain().visit(tree))
        return frozenset(mentioned & certain)


class _Certain(NodeTransformer):
    """Leaves of a Template what is evaluated whatever the fields are."""

    def visit_If(self, node: nodes.If) -> list[nodes.Stmt]:
        """What the branches set may be set; then what is used later may be no field."""
        names = {name.name for name in node.find_all(nodes.Name) if name.ctx == "store"}
        line = node.lineno
        test = nodes.ExprStmt(self._asked(node.test), lineno=line)
        maybe = (nodes.Name(name, "store", lineno=line) for name in sorted(names))
        return [test, *(nodes.Assign(name, nodes.Const(None), lineno=line) for name in maybe)]

    def visit_CondExpr(self, node: nodes.CondExpr) -> Any:
        return self._asked(node.test)

    def visit_Or(self, node: nodes.Or) -> Any:
        return self._asked(node.left)

    def visit_And(self, node: nodes.And) -> Any:
        return self.visit(node.left)

    def visit_For(self, node: nodes.For) -> nodes.For:
        node.iter = self.visit(node.iter)
        node.test, node.body, node.else_ = None, [], []
        return node

    def visit_Macro(self, node: nodes.Macro) -> nodes.Macro:
        node.body, node.defaults = [], []
        return node

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.CallBlock:
        node.call = self.visit(node.call)
        node.body, node.defaults = [], []
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Filter:
        if node.name in ("default", "d"):
            node.node = self._asked(node.node)
            node.args, node.kwargs = [], []
            return node
        self.generic_visit(node)
        return node

    def visit_Test(self, node: nodes.Test) -> nodes.Test:
        if node.name in ("defined", "undefined"):
            node.node = self._asked(node.node)
            return node
        self.generic_visit(node)
        return node

    def _asked(self, node: Any) -> Any:
        """What is still evaluated where a missing field counts as false, or as nothing."""
        if isinstance(node, nodes.Name):
            return nodes.Const(None, lineno=node.lineno)
        if isinstance(node, nodes.Not | nodes.And | nodes.Or):
            return self._asked(node.node if isinstance(node, nodes.Not) else node.left)
        return self.visit(node)
