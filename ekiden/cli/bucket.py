"""`ekiden bucket init`: a bucket made ready, or shown what it lacks."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration

if TYPE_CHECKING:
    from ekiden.bucket.engine import Engine
    from ekiden.bucket.step import Step

T = TypeVar("T")

bucket = typer.Typer(help="The bucket's set-up.")

Texts = list[str] | None


def register(app: typer.Typer) -> None:
    app.add_typer(bucket, name="bucket")


@bucket.callback()
def _group() -> None:
    """The bucket's set-up."""


@bucket.command()
def init(
    engine: Annotated[
        str, typer.Option(help="auto, minio, aws, seaweedfs or other: how it tells of objects.")
    ] = "auto",
    expire: Annotated[
        Texts, typer.Option(help="How old objects grow, as in batches/=90d; 0 is for ever.")
    ] = None,
    target: Annotated[
        Texts, typer.Option(help="Who is told of a stage's work: send=arn:minio:sqs::send:webhook.")
    ] = None,
    queues: Annotated[bool, typer.Option("--queues", help="AWS: make the missing queues.")] = False,
    webhook: Annotated[str, typer.Option(help="SeaweedFS: the URL that is told.")] = "",
    notifications: Annotated[
        bool, typer.Option(help="Have the bucket tell of new work; without, the sweep finds it.")
    ] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing.")] = False,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Make the bucket of `store.url`, what expires in it, and who is told of new objects.

    Done again it changes nothing. Rules that others have made in the bucket stay as they are.
    """
    from ekiden.bucket.expiry import parse_expire
    from ekiden.bucket.notices import parse_targets
    from ekiden.bucket.setup import Wishes, set_up
    from ekiden.bucket.step import State

    settings = configuration(config, set_)
    wishes = Wishes(
        engine=None if engine == "auto" else _engine(engine),
        expire=_read(parse_expire, expire, "--expire"),
        targets=_read(parse_targets, target, "--target"),
        notify=notifications,
        queues=queues,
        webhook=_url(webhook),
        token=settings.events.token,
        dry_run=dry_run,
    )
    failed = False
    for step in set_up(settings.store.url, wishes):
        _show(step)
        failed = failed or step.state is State.FAILED
    if failed:
        raise typer.Exit(1)


def _read(parse: Callable[[list[str]], dict[str, T]], texts: Texts, option: str) -> dict[str, T]:
    try:
        return parse(texts or [])
    except ValueError as error:
        raise typer.BadParameter(f"{option}: {error}") from error


def _engine(word: str) -> "Engine":
    from ekiden.bucket.engine import Engine

    try:
        return Engine(word)
    except ValueError as error:
        raise typer.BadParameter(f"--engine {word}: auto, {', '.join(Engine)}") from error


def _url(text: str) -> str:
    if text and not re.fullmatch(r"https?://[^\s/]+\S*", text):
        raise typer.BadParameter(f"--webhook {text!r}: write it like http://functions.example/")
    return text


def _show(step: "Step") -> None:
    first, *more = step.detail.splitlines() or [""]
    typer.echo(f"{step.state:<13} {step.name}{': ' if first else ''}{first}")
    for line in more:
        typer.echo(f"{'':13} {line}")
