"""Templates from strangers: Jinja2 in its sandbox, with a bound on work and on output.

The bound counts steps and characters, not seconds: whether a Template renders must not depend on
how busy the machine is (same input, same bytes). Three things can make a Template endless, and
each is bounded where it happens:

- loops, macros and calls: every turn and every call is a step (`_Budget.step`);
- operators that multiply (`*`, `**`, `%`, `~`, `+`): the result's size is foreseen;
- filters and methods: what goes in is weighed, what comes out is measured, and those whose
  result is as long as an argument says are taken away.

`required` tells at submit which fields a Recipient has to have.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

from jinja2 import StrictUndefined, TemplateError, meta, nodes
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from shared.errors import Permanent

MAX_STEPS = 100_000
MAX_OUTPUT_CHARS = 1024 * 1024


class TemplateFault(Permanent):
    """The Template cannot be compiled, or not be rendered with these fields."""


_CHARS_PER_STEP = 100
"""A filter over a long text is work, too."""


class _Exceeded(Exception):
    """The Template did more than it may."""


class _Budget:
    """What one rendering may still do."""

    __slots__ = ("chars", "steps")

    def __init__(self, steps: int, chars: int) -> None:
        self.steps = steps
        self.chars = chars

    def step(self, size: int = 0) -> None:
        """Count one turn, call or filter over a text of `size` characters."""
        self.steps -= 1 + size // _CHARS_PER_STEP
        if self.steps < 0:
            raise _Exceeded("it takes more steps than a Template may")

    def hold(self, size: int) -> None:
        """Refuse a value of this many characters or digits."""
        if size > self.chars:
            raise _Exceeded("it makes more text than a Template may")


_budget: ContextVar[_Budget] = ContextVar("template budget")

_SCALARS = (str, int, float, bool, type(None), Undefined)
# Longer than their input by an argument's choice, or different each time.
_REFUSED_FILTERS = (
    "batch", "center", "filesizeformat", "format", "indent", "pprint", "random", "slice",
    "sum", "urlize", "wordwrap", "xmlattr",
)  # fmt: skip
_REFUSED_METHODS = frozenset(
    ("center", "expandtabs", "format", "format_map", "join", "ljust", "rjust", "translate", "zfill")
)
_REFUSED_GLOBALS = ("lipsum", "cycler", "joiner", "namespace")


class _Missing(StrictUndefined):
    """A field that is not there: an error where it is shown, false where it is asked for."""

    __slots__ = ()
    __bool__ = Undefined.__bool__  # type: ignore[assignment]


def _weigh(value: Any) -> None:
    """Spend steps for everything inside a nested value, as printing it would."""
    budget = _budget.get()
    open_values = [value]
    while open_values:
        inner = open_values.pop()
        if isinstance(inner, Mapping):
            open_values.extend(inner.values())
        elif isinstance(inner, list | tuple):
            open_values.extend(inner)
        budget.step(len(inner) if isinstance(inner, str) else 0)


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that weighs what goes in and measures what comes out."""

    @wraps(function)
    def guard(*args: Any, **kwargs: Any) -> Any:
        for arg in args:
            _weigh(arg)
        result = function(*args, **kwargs)
        if isinstance(result, str):
            _budget.get().hold(len(result))
        return result

    return guard


def _counted(items: Iterable[Any]) -> Iterator[Any]:
    budget = _budget.get()
    for item in items:
        budget.step()
        yield item


def _joined(items: Iterable[Any], separator: str = "") -> str:
    """What `a ~ b` and `|join` do, but measured on the way."""
    budget = _budget.get()
    texts: list[str] = []
    size = 0
    for item in _counted(items):
        _weigh(item)
        # Escaped text stays escaped: Markup.join escapes the others.
        texts.append(item if hasattr(item, "__html__") else str(item))
        size += len(texts[-1]) + len(separator)
        budget.hold(size)
    escaped = any(hasattr(text, "__html__") for text in texts)
    return (Markup(separator) if escaped else separator).join(texts)


def _replaced(text: Any, old: str, new: str, count: int = -1) -> str:
    text, old, new = str(text), str(old), str(new)
    found = text.count(old)
    times = found if count < 0 else min(count, found)
    _budget.get().hold(len(text) + times * len(new))
    return str(text.replace(old, new, times))


class _Bound(NodeTransformer):
    """Puts the budget into every loop and every concatenation of a Template."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = self._filtered(node.iter, "_counted")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Filter:
        self.generic_visit(node)
        return self._filtered(nodes.List(node.nodes, lineno=node.lineno), "join")

    def _filtered(self, node: Any, name: str) -> nodes.Filter:
        return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


class _Sandbox(ImmutableSandboxedEnvironment):
    """No attributes with underscores, no changes to the fields, no unbounded operators."""

    intercepted_binops = frozenset(["*", "**", "%", "+"])

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = _Bound().visit(super()._parse(source, name, filename))
        tree.set_environment(self)
        return tree

    def call(self, context: Any, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        _budget.get().step()
        owner = getattr(called, "__self__", None)
        if isinstance(owner, str) and called.__name__ == "replace":
            return _replaced(owner, *args, **kwargs)
        return super().call(context, called, *args, **kwargs)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str) and attr in _REFUSED_METHODS:
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        budget = _budget.get()
        budget.step()
        if operator == "%" and isinstance(left, str):
            raise _Exceeded("a text cannot be formatted with %")
        budget.hold(_foreseen(operator, left, right))
        return super().call_binop(context, operator, left, right)


def _foreseen(operator: str, left: Any, right: Any) -> int:
    """How large the result is at most, in characters, items or bits."""
    if operator == "**":
        return _size(left) * int(max(right, 0))
    if operator == "*" and not (isinstance(left, int | float) and isinstance(right, int | float)):
        text, times = (right, left) if isinstance(left, int) else (left, right)
        return _size(text) * int(max(times, 0))
    return _size(left) + _size(right)


def _size(value: Any) -> int:
    if isinstance(value, int):
        return value.bit_length()
    return len(value) if hasattr(value, "__len__") else 0


def _shown(value: Any) -> Any:
    """Only scalars may be shown: a list's text is nobody's mail, a method's names an address."""
    if isinstance(value, _SCALARS):
        return value
    raise TemplateError(f"a {type(value).__name__} cannot be shown: loop over it, or join it")


@cache
def _environment(autoescape: bool) -> _Sandbox:
    environment = _Sandbox(
        autoescape=autoescape,
        undefined=_Missing,
        finalize=_shown,
        optimized=False,
        keep_trailing_newline=True,
        # SMTP's own line ends (RFC 5321 §2.3.8): nothing has to be converted per Delivery.
        newline_sequence="\r\n",
        cache_size=0,
        auto_reload=False,
    )
    for name in _REFUSED_GLOBALS:
        del environment.globals[name]
    environment.filters = {
        name: _guarded(function)
        for name, function in environment.filters.items()
        if name not in _REFUSED_FILTERS
    } | {"_counted": _counted, "join": _joined, "replace": _replaced}
    return environment


class Compiled:
    """A Template, compiled once and rendered for every Delivery."""

    __slots__ = ("_max_chars", "_max_steps", "_template", "constant")

    def __init__(self, source: str, *, html: bool, max_steps: int, max_chars: int) -> None:
        self._max_steps = max_steps
        self._max_chars = max_chars
        self.constant: str | None = None
        """What it renders to, when there is nothing to fill in."""
        if not any(mark in source for mark in ("{{", "{%", "{#")):
            self.constant = "\r\n".join(source.splitlines())
            self.constant += "\r\n" if source.endswith("\n") else ""
            return
        token = _budget.set(_Budget(max_steps, max_chars))
        try:
            self._template = _environment(html).from_string(source)
        except Exception as error:  # a stranger's program may raise anything
            raise TemplateFault(_explain(error)) from error
        finally:
            _budget.reset(token)

    def render(self, fields: Mapping[str, Any]) -> str:
        """The text with these fields. Raises `TemplateFault`."""
        if self.constant is not None:
            return self.constant
        budget = _Budget(self._max_steps, self._max_chars)
        token = _budget.set(budget)
        pieces: list[str] = []
        size = 0
        try:
            for piece in self._template.root_render_func(self._template.new_context(dict(fields))):
                pieces.append(piece)
                size += len(piece)
                budget.hold(size)
        except Exception as error:  # a stranger's program may raise anything
            raise TemplateFault(_explain(error)) from error
        finally:
            _budget.reset(token)
        return "".join(pieces)


def _explain(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    where = f" (line {line})" if line else ""
    return f"{error or type(error).__name__}{where}"


def compiled(
    source: str, *, html: bool, max_steps: int = MAX_STEPS, max_chars: int = MAX_OUTPUT_CHARS
) -> Compiled:
    """Compile a Template; `html` escapes what is filled in. Raises `TemplateFault`."""
    return Compiled(source, html=html, max_steps=max_steps, max_chars=max_chars)


def required(source: str) -> frozenset[str]:
    """The fields without which this Template cannot be rendered. Raises `TemplateFault`.

    A field that the Template asks for (`{% if x %}`, `x is defined`, `x|default(…)`) is not
    required.
    """
    if "{" not in source:
        return frozenset()
    try:
        tree = _environment(False).parse(source)
    except Exception as error:  # a stranger's program may raise anything
        raise TemplateFault(_explain(error)) from error
    asked: list[nodes.Node] = []
    asked += [b.test for b in tree.find_all(nodes.If)]
    asked += [b.test for b in tree.find_all(nodes.CondExpr)]
    asked += [f for f in tree.find_all(nodes.Filter) if f.name in ("default", "d")]
    asked += [t for t in tree.find_all(nodes.Test) if t.name in ("defined", "undefined")]
    optional = {name.name for node in asked for name in node.find_all(nodes.Name)}
    return frozenset(meta.find_undeclared_variables(tree)) - optional
