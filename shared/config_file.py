"""The YAML file as a source of values, with its references to environment variables.

Every scalar is taken as the text that stands there: `off` is no boolean and `10:30` no number of
minutes, as they would be by YAML's own rules; the option's kind reads the text.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from shared.config_kinds import Raw
from shared.config_sources import LIKE_A_REFERENCE, SEE, Given, Layer, suggest
from shared.errors import Misconfigured

_REFERENCE = r"(?s)env://([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?"


class FileReader:
    """Reads one YAML file into a layer, and remembers which variables it refers to."""

    def __init__(self, path: str, known: Collection[str], environ: Mapping[str, str]) -> None:
        self.layer: Layer = {}
        self.referenced: set[str] = set()
        self._path = path
        self._known = known
        self._environ = environ

    def read(self, body: bytes) -> Layer:
        """The layer of this file. Raises `Misconfigured` with the line."""
        root = self._compose(body)
        if root is None:
            return self.layer
        if root.id != "mapping":
            raise Misconfigured(f"{self._at(root)}: expected sections such as `send:` {SEE}")
        sections = {name.partition(".")[0] for name in self._known}
        for section, content in self._pairs(root, ""):
            if section not in sections:
                raise Misconfigured(
                    f"{section} ({self._at(content)}): no such section"
                    f"{suggest(section, sections)} {SEE}"
                )
            self._read_section(section, content)
        return self.layer

    def _compose(self, body: bytes) -> Any:
        import yaml  # 40 ms that a start without a file does not pay

        try:
            return yaml.compose(body, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        except yaml.YAMLError as error:
            # The error's own text quotes the line, and the line may hold a password.
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or "not readable as text"
            if isinstance(error, yaml.composer.ComposerError):
                problem = problem.partition("'")[0].rstrip()  # `*` and `&` before a password
            raise Misconfigured(f"{self._path}{line}: this is no YAML: {problem}") from None

    def _read_section(self, section: str, node: Any) -> None:
        if node.id == "scalar" and not node.value:
            return  # all its options are commented out
        if node.id != "mapping":
            raise Misconfigured(
                f"{section} ({self._at(node)}): a section; indent its options below"
            )
        for option, value in self._pairs(node, f"{section}."):
            name = f"{section}.{option}"
            if name not in self._known:
                raise Misconfigured(
                    f"{name} ({self._at(value)}): no such option{suggest(name, self._known)} {SEE}"
                )
            self.layer[name] = Given(self._raw(name, value), "file", self._at(value))

    def _pairs(self, mapping: Any, prefix: str) -> list[tuple[str, Any]]:
        pairs: dict[str, Any] = {}
        for key, value in mapping.value:
            name = str(key.value)
            if name in pairs:
                raise Misconfigured(f"{prefix}{name} ({self._at(key)}): stands here a second time")
            pairs[name] = value
        return list(pairs.items())

    def _raw(self, name: str, node: Any) -> Raw:
        if node.id == "sequence":
            return [self._text(name, item) for item in node.value]
        return self._text(name, node)

    def _text(self, name: str, node: Any) -> str:
        if node.id != "scalar":
            raise Misconfigured(f"{name} ({self._at(node)}): expected one value, not a {node.id}")
        if not node.style and node.value in ("", "~", "null", "Null", "NULL"):
            raise Misconfigured(
                f'{name} ({self._at(node)}): no value; leave the line out for the default, or "" '
                "for an empty text"
            )
        try:
            text, variable = resolve(node.value, self._environ)
        except ValueError as error:
            raise Misconfigured(f"{name} ({self._at(node)}): {error}") from None
        if variable:
            self.referenced.add(variable)
        return text

    def _at(self, node: Any) -> str:
        return f"{self._path}, line {node.start_mark.line + 1}"


def resolve(text: str, environ: Mapping[str, str]) -> tuple[str, str | None]:
    """(value, the variable that it was taken from or None) of one value of the file.

    Raises ValueError where the variable is not set, and where a reference is misspelled.
    """
    if text.startswith("\\") and re.match(LIKE_A_REFERENCE, text[1:]):
        return text[1:], None
    if not re.match(LIKE_A_REFERENCE, text):
        return text, None
    match = re.fullmatch(_REFERENCE, text)
    if not match:
        raise ValueError(
            "a misspelled reference; write env://NAME or env://NAME:-default, NAME of letters, "
            "digits and _, or \\env://… for a text that begins like this"
        )
    variable, default = match[1], match[2]
    if default is not None:
        return environ.get(variable) or default, variable
    if variable not in environ:
        raise ValueError(
            f"the environment variable {variable} is not set; set it, or write "
            f"env://{variable}:-default"
        )
    return environ[variable], variable
