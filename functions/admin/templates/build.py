"""From what an author wrote to the Template that Batches take. Pure, but for its size in time.

What `submit` or `dispatch` would refuse for any Recipient is refused here: nobody finds out by a
Batch that a Template cannot be sent.
"""

from dataclasses import dataclass

import msgspec
from jinja2 import TemplateSyntaxError

from functions.admin.templates.fault import Fault
from functions.admin.templates.marks import mark, syntax_fault
from shared.address import is_printable
from shared.domains import Template, TemplateSource
from shared.templating import TemplateFault, compiled, required

MAX_SUBJECT_CHARS = 5000


class TemplateWish(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A Template as its author writes it: `html` or `mjml`, `text` or `auto_text`, or both."""

    subject: str = ""
    html: str = ""
    mjml: str = ""
    """Compiled to the HTML. Jinja2 may stand in it anywhere but in sizes."""
    text: str = ""
    inline_css: bool = False
    """Write the rules of `<style>` into the elements that they are about."""
    auto_text: bool = False
    """Make the text from the HTML."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one message may be."""

    max_bytes: int
    max_steps: int
    max_chars: int


def build(template_id: str, wish: TemplateWish, bounds: Bounds) -> Template:
    """The Template, ready to be stored. Raises `Fault`."""
    html = wish.html
    if wish.mjml:
        html = _made_from(wish, "mjml", wish.mjml)
    if wish.inline_css:
        html = _made_from(wish, "inline_css", html)
    text = _made_from(wish, "auto_text", html) if wish.auto_text else wish.text
    _check(wish, html, text, bounds)
    source = TemplateSource(
        html=wish.html if html != wish.html else "",
        text="" if wish.auto_text else wish.text,
        mjml=wish.mjml,
        inline_css=wish.inline_css,
        auto_text=wish.auto_text,
    )
    is_made = wish.mjml or wish.inline_css or wish.auto_text
    return Template(
        id=template_id,
        subject=wish.subject,
        html=html,
        text=text,
        source=source if is_made else None,
    )


def wish_of(template: Template) -> TemplateWish:
    """What its author wrote."""
    source = template.source or TemplateSource()
    return TemplateWish(
        subject=template.subject,
        html="" if source.mjml else source.html or template.html,
        mjml=source.mjml,
        text="" if source.auto_text else template.text,
        inline_css=source.inline_css,
        auto_text=source.auto_text,
    )


def needed(template: Template) -> list[str]:
    """The fields without which it cannot be rendered. Raises `TemplateFault`."""
    parts = (template.subject, template.html, template.text)
    return sorted(frozenset().union(*map(required, parts)))


def _made_from(wish: TemplateWish, step: str, source: str) -> str:
    """The libraries are loaded here, for who wants them. Raises `Fault`."""
    if wish.html and wish.mjml:
        raise Fault("give html or mjml, not both", part="mjml")
    if step == "auto_text" and wish.text:
        raise Fault("give text or auto_text, not both", part="text")
    if not source:
        raise Fault(f"there is no HTML for {step}", part="html")
    try:
        if step == "mjml":
            from functions.admin.templates.mjml import html_of

            return html_of(source)
        if step == "inline_css":
            from functions.admin.templates.css import inlined

            return inlined(source)
        from functions.admin.templates.plain import text_of

        return text_of(source)
    except Fault as fault:
        if step != "mjml" and (wish.mjml or source != wish.html):
            # Its lines are those of HTML that the author has never seen.
            raise Fault(f"{step}: {fault.why}", part="mjml" if wish.mjml else "html") from fault
        raise fault.of("mjml" if step == "mjml" else "html") from fault


def _check(wish: TemplateWish, html: str, text: str, bounds: Bounds) -> None:
    if not html and not text:
        raise Fault("html, mjml or text is needed", part="html")
    if not is_printable(wish.subject) or len(wish.subject) > MAX_SUBJECT_CHARS:
        why = f"a line end, a control character, or more than {MAX_SUBJECT_CHARS} characters"
        raise Fault(why, part="subject")
    if "\x00" in html or "\x00" in text:
        raise Fault("it has a NUL character", part="html" if "\x00" in html else "text")
    size_bytes = len(html.encode()) + len(text.encode())
    if size_bytes > bounds.max_bytes:
        raise Fault(f"{size_bytes} bytes; at most {bounds.max_bytes}", part="html")
    for part, source in (("subject", wish.subject), ("html", html), ("text", text)):
        _check_renders(part, source, bounds)


def _check_renders(part: str, source: str, bounds: Bounds) -> None:
    try:
        mark(source)  # counts its words, as `submit` does
        required(source)
        compiled(
            source,
            html=part == "html",
            max_steps=bounds.max_steps,
            max_chars=bounds.max_chars,
        )
    except Fault as fault:
        raise fault.of(part) from fault
    except TemplateFault as error:
        cause = error.__cause__
        if isinstance(cause, TemplateSyntaxError):
            raise syntax_fault(source, cause).of(part) from error
        raise Fault(str(error), part=part) from error
    except RecursionError as error:
        raise Fault("it is nested too deep", part=part) from error
