"""`ekiden webhook`: where a Domain wants to hear what happened."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared import keys, webhook_log, webhook_replay, webhooks
from shared.config_kinds import Duration
from shared.store.base import Store
from shared.webhook_log import WebhookAttempt
from shared.webhook_replay import Range
from shared.webhooks import Webhook, WebhookChange, rules_of

webhook = typer.Typer(no_args_is_help=True, help="Webhooks: who is told what happened.")

Name = Annotated[str, typer.Argument(help="The Domain, as in example.com.")]
Id = Annotated[str, typer.Argument(help="The Webhook, as `list` shows it.")]


def register(app: typer.Typer) -> None:
    app.add_typer(webhook, name="webhook")


@webhook.command(name="list")
def list_(name: Name, config: ConfigFile = "", set_: Settings = None) -> None:
    """Show the Webhooks of a Domain, and how they are."""
    found = with_store(
        configuration(config, set_), lambda store: webhooks.list_webhooks(store, name)
    )
    for each in found:
        typer.echo(f"{each.id}  {_state(each)}  {each.url}\n    {', '.join(each.events)}")
    typer.echo(f"{len(found)} Webhooks.")


def _state(each: Webhook) -> str:
    if not each.active:
        return f"off ({each.why})" if each.why else "off"
    if each.paused_at:
        return f"paused ({each.why})"
    return f"failing since {_when(each.failing_since)}" if each.failing_since else "on"


@webhook.command()
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where to: https://…")],
    events: Annotated[
        list[str] | None, typer.Option("--event", help="What to tell; again for more. All unless.")
    ] = None,
    tag: Annotated[str, typer.Option(help="Only of Batches that carry it.")] = "",
    per_post: Annotated[int, typer.Option(help="Events in one POST, as an array if above 1.")] = 1,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Make a Webhook. Its secret is shown once."""
    settings = configuration(config, set_)
    wanted = WebhookChange(url, events or [*webhooks.EVENTS], tag, per_post)
    made = with_store(
        settings, lambda store: webhooks.add(store, name, wanted, rules_of(settings), time.time())
    )
    typer.echo(f"{made.id} hears {', '.join(made.events)}. It verifies signatures with:")
    typer.echo(made.secrets[0].value)


@webhook.command()
def remove(name: Name, id_: Id, config: ConfigFile = "", set_: Settings = None) -> None:
    """Tell it nothing any more."""
    with_store(configuration(config, set_), lambda store: webhooks.remove(store, name, id_))


@webhook.command()
def resume(name: Name, id_: Id, config: ConfigFile = "", set_: Settings = None) -> None:
    """End its pause, or switch it on again. `replay --failed` then tells what it missed."""
    settings = configuration(config, set_)
    wanted = WebhookChange(active=True)
    with_store(
        settings, lambda store: webhooks.change(store, name, id_, wanted, rules_of(settings))
    )


@webhook.command()
def rotate(name: Name, id_: Id, config: ConfigFile = "", set_: Settings = None) -> None:
    """Make a new secret, and show it once. The old one signs beside it for a while."""
    settings = configuration(config, set_)
    _, secret = with_store(
        settings, lambda store: webhooks.rotate(store, name, id_, rules_of(settings), time.time())
    )
    typer.echo(secret)


@webhook.command(name="test")
def try_out(name: Name, id_: Id, config: ConfigFile = "", set_: Settings = None) -> None:
    """Have a test event told; `attempts` then shows what came of it."""
    wake = with_store(
        configuration(config, set_),
        lambda store: webhook_replay.test(store, name, id_, time.time()),
    )
    typer.echo(wake.key)


@webhook.command()
def attempts(
    name: Name,
    id_: Id,
    day: Annotated[str, typer.Option(help="UTC, as in 2027-01-15; today unless told.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only what was not taken.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="So many lines.")] = 50,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Show what it was told on one day, the latest first."""
    wanted = _day(day)

    async def read(store: Store) -> list[WebhookAttempt]:
        await webhooks.load(store, name, id_)
        found: list[WebhookAttempt] = []
        async for _, lines in webhook_log.of_day(store, name, id_, wanted):
            found += [each for each in reversed(lines) if not (failed and each.taken)]
            if len(found) >= limit:
                break
        return found[:limit]

    for each in with_store(configuration(config, set_), read):
        came = str(each.status) if each.status else each.error
        what = f"{each.event or f'{each.events} events'} {each.delivery}".strip()
        typer.echo(f"{_when(each.at)}  {came}  {what}  {each.id}")


@webhook.command()
def replay(
    name: Name,
    id_: Id,
    since: Annotated[
        str, typer.Option(help="Only the last so long, as in 2h; 1d, with --failed all, unless.")
    ] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only what was never taken.")] = False,
    message: Annotated[str, typer.Option(help="One message alone, by its id.")] = "",
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Tell it again: what was tried lately, or what failed, under the same message ids."""
    now = time.time()
    wanted = webhook_replay.usual(now, only_failed=failed, message=message)
    try:
        if since:
            wanted = Range(now - Duration().parse(since), now)
    except ValueError as error:
        raise typer.BadParameter(f"--since: {error}") from error
    put_back = with_store(
        configuration(config, set_),
        lambda store: webhook_replay.replay(
            store, name, id_, wanted, now, only_failed=failed, message=message
        ),
    )
    typer.echo(f"{len(put_back)} calls put back.")


def _day(text: str) -> str:
    try:
        return datetime.fromisoformat(text).date().isoformat() if text else keys.day(time.time())
    except ValueError as error:
        raise typer.BadParameter(f"--day {text}: write it like 2027-01-15") from error


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
