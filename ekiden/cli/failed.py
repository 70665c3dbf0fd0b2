"""`ekiden failed`: what no stage could do; replay it, or throw it away."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared import failures, keys
from shared.config import Config
from shared.config_kinds import Duration
from shared.errors import NotFound, Permanent
from shared.failures import Filter
from shared.stage import Failure
from shared.store.base import Store

failed = typer.Typer(no_args_is_help=True, help="Work that failed: list, show, replay, discard.")

Stage = Annotated[str, typer.Option(help="Only of this stage.")]
Batch = Annotated[str, typer.Option(help="Only of this Batch.")]
Cause = Annotated[str, typer.Option(help="Only with this cause, as `list` shows it.")]
Since = Annotated[str, typer.Option(help="Only the last so long, as in 2h.")]
Key = Annotated[str, typer.Argument(help="The key below failed/.")]
All = Annotated[bool, typer.Option("--all", help="Everything that fits.")]


def register(app: typer.Typer) -> None:
    app.add_typer(failed, name="failed")


def _filter(stage: str, batch: str, cause: str, since: str) -> Filter:
    if stage and stage not in {*keys.WORK.values(), "sweep"}:
        raise typer.BadParameter(f"--stage {stage}: one of {', '.join(keys.WORK.values())}")
    try:
        after = time.time() - Duration().parse(since) if since else 0.0
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}") from error
    return Filter(stage, batch, cause, after)


@failed.command(name="list")
def list_(
    stage: Stage = "",
    batch: Batch = "",
    cause: Cause = "",
    since: Since = "",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Show what failed, when, why."""
    wanted = _filter(stage, batch, cause, since)
    found = with_store(configuration(config, set_), lambda store: _found(store, wanted))
    for key, failure in found:
        when = datetime.fromtimestamp(failure.at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        typer.echo(f"{when}  {failure.cause}: {failure.message[:200]}\n    {key}")
    typer.echo(f"{len(found)} failed.")


@failed.command()
def show(key: Key, config: ConfigFile = "", set_: Settings = None) -> None:
    """Show one failure, and the work that failed."""
    failure = with_store(configuration(config, set_), lambda store: failures.load(store, key))
    when = datetime.fromtimestamp(failure.at, UTC).isoformat(timespec="seconds")
    typer.echo(f"{failure.cause}: {failure.message}\nat {when}, after {failure.tries} tries")
    typer.echo(f"in {failure.last_line}\nof {failure.key}, {len(failure.body)} bytes:\n")
    typer.echo(_readable(failure.body))


@failed.command()
def replay(
    key: Annotated[str, typer.Argument(help="The key below failed/; or --all.")] = "",
    all_: All = False,
    stage: Stage = "",
    batch: Batch = "",
    cause: Cause = "",
    since: Since = "",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Put failed work back in front of its stage. Nothing is done twice by it."""
    wanted = _filter(stage, batch, cause, since)
    _each(key, all_, wanted, configuration(config, set_), "replayed")


@failed.command()
def discard(
    key: Annotated[str, typer.Argument(help="The key below failed/; or --all.")] = "",
    all_: All = False,
    stage: Stage = "",
    batch: Batch = "",
    cause: Cause = "",
    since: Since = "",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Throw failed work away. It cannot be brought back."""
    wanted = _filter(stage, batch, cause, since)
    _each(key, all_, wanted, configuration(config, set_), "discarded")


async def _discard(store: Store, key: str, _failure: Failure) -> None:
    await failures.discard(store, key)


_ACTS: dict[str, Callable[[Store, str, Failure], Awaitable[object]]] = {
    "replayed": failures.replay,
    "discarded": _discard,
}


def _each(key: str, all_: bool, wanted: Filter, settings: Config, word: str) -> None:
    """What cannot be done is said, and kept; the others are done all the same."""
    if bool(key) == all_:
        raise typer.BadParameter("name one key, or say --all (with --stage, --batch, …)")
    if key and not key.startswith(keys.FAILED):
        raise typer.BadParameter(f"{key} is no key below {keys.FAILED}")

    async def act_on_all(store: Store) -> list[str]:
        chosen = [(key, await failures.look(store, key))] if key else await _found(store, wanted)
        kept: list[str] = []
        for number, (each, failure) in enumerate(chosen, 1):
            try:
                await _ACTS[word](store, each, failure)
            except NotFound:
                kept.append(f"not {word}: {each}\n    another was faster")
            except Permanent as error:
                kept.append(f"not {word}: {each}\n    {error}")
            if len(chosen) > 100 and number % 100 == 0:
                typer.echo(f"{number} of {len(chosen)}")
        typer.echo(f"{len(chosen) - len(kept)} {word}.")
        return kept

    kept = with_store(settings, act_on_all)
    for line in kept:
        typer.echo(line, err=True)
    if kept:
        raise typer.Exit(1)


async def _found(store: Store, wanted: Filter) -> list[tuple[str, Failure]]:
    return [each async for each in failures.find(store, wanted)]


def _readable(body: bytes) -> str:
    from shared.codec import unpack

    return bytes(unpack(body)).decode("utf-8", "backslashreplace")
