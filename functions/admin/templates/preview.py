"""A Template rendered with somebody's fields, within the bounds of `dispatch`."""

from collections.abc import Mapping
from typing import Any

import msgspec

from functions.admin.templates.build import Bounds
from shared.address import is_printable
from shared.domains import Template
from shared.templating import TemplateFault, compiled, required


class PreviewWish(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """With which fields to render: a Recipient's and the global ones together."""

    fields: dict[str, Any] = {}


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a Recipient with these fields would get."""

    subject: str
    html: str
    text: str


class Unrendered(TemplateFault):
    """It cannot be rendered with these fields."""

    def __init__(self, part: str, why: str, undefined: list[str]) -> None:
        super().__init__(f"{part}: {why}")
        self.part = part
        self.undefined = undefined
        """The fields that are needed, and were not given."""


def preview(template: Template, fields: Mapping[str, Any], bounds: Bounds) -> Preview:
    """Raises `Unrendered`."""
    parts = {"subject": template.subject, "html": template.html, "text": template.text}
    undefined = sorted(frozenset().union(*map(required, parts.values())) - fields.keys())
    if undefined:
        part = next(name for name in parts if required(parts[name]) - fields.keys())
        raise Unrendered(part, f"there is no {', '.join(undefined)}", undefined)
    rendered = {name: _rendered(name, parts[name], fields, bounds) for name in parts}
    if not is_printable(rendered["subject"]):
        raise Unrendered("subject", "it would have a line end or another control character", [])
    return Preview(**rendered)


def _rendered(part: str, source: str, fields: Mapping[str, Any], bounds: Bounds) -> str:
    try:
        made = compiled(
            source, html=part == "html", max_steps=bounds.max_steps, max_chars=bounds.max_chars
        )
        return made.render(fields)
    except TemplateFault as error:
        raise Unrendered(part, str(error), []) from error
