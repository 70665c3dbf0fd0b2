"""`ekiden template`: Templates of a Domain, and what they were before."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from ekiden.cli.domains import Name
from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared import template_versions
from shared.domains import Template
from shared.provision import put_template
from shared.store.base import Store

WHO = "the command line"

template = typer.Typer(no_args_is_help=True, help="Stored Templates.")

TemplateId = Annotated[str, typer.Argument(help="What Batches call it.")]


def register(app: typer.Typer) -> None:
    app.add_typer(template, name="template")


def _file(what: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(exists=True, dir_okay=False, help=what)
    return option


@template.command()
def put(
    name: Name,
    template_id: TemplateId,
    subject: Annotated[str, typer.Option()] = "",
    html: Annotated[Path | None, _file("The HTML.")] = None,
    mjml: Annotated[Path | None, _file("MJML, instead of HTML.")] = None,
    text: Annotated[Path | None, _file("The text part.")] = None,
    inline_css: Annotated[bool, typer.Option(help="Write <style> into the elements.")] = False,
    auto_text: Annotated[bool, typer.Option(help="Make the text from the HTML.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Store a Template. Batches that were accepted before keep the one they had."""
    from functions.admin.templates.build import Bounds, TemplateWish, build, needed

    settings = configuration(config, set_)
    wish = TemplateWish(
        subject=subject,
        html=html.read_text() if html else "",
        mjml=mjml.read_text() if mjml else "",
        text=text.read_text() if text else "",
        inline_css=inline_css,
        auto_text=auto_text,
    )
    dispatch = settings.dispatch
    bounds = Bounds(
        settings.submit.max_message, dispatch.template_max_steps, dispatch.template_max_output
    )
    made = _signed(build(template_id, wish, bounds))
    stored, _ = with_store(settings, lambda store: put_template(store, name, made))
    fields = ", ".join(needed(stored)) or "none"
    typer.echo(f"{template_id}, version {stored.version}, needs the fields: {fields}")


@template.command()
def delete(
    name: Name, template_id: TemplateId, config: ConfigFile = "", set_: Settings = None
) -> None:
    """Delete a Template. Its versions stay, and can be restored."""
    mark = _signed(Template(id=template_id))
    with_store(
        configuration(config, set_), lambda store: template_versions.remove(store, name, mark)
    )


@template.command()
def versions(
    name: Name, template_id: TemplateId, config: ConfigFile = "", set_: Settings = None
) -> None:
    """List what a Template was before, and is now."""

    async def read(store: Store) -> list[Template]:
        found: list[Template] = []
        while page := await template_versions.versions(
            store, name, template_id, found[-1].version if found else 0, 100
        ):
            found += page
        return found

    for each in with_store(configuration(config, set_), read):
        when = datetime.fromtimestamp(each.updated_at, UTC).isoformat(" ", "seconds")
        typer.echo(f"{each.version:>6}  {when}  {each.updated_by}  {each.subject}")


@template.command()
def restore(
    name: Name,
    template_id: TemplateId,
    number: Annotated[int, typer.Argument(help="As `ekiden template versions` shows it.")],
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Make a Template what it was in an earlier version."""

    async def act(store: Store) -> Template:
        old = await template_versions.version(store, name, template_id, number)
        return (await put_template(store, name, _signed(old)))[0]

    stored = with_store(configuration(config, set_), act)
    typer.echo(f"{template_id} is as in version {number}; that is version {stored.version}")


def _signed(made: Template) -> Template:
    return msgspec.structs.replace(made, updated_at=time.time(), updated_by=WHO)
