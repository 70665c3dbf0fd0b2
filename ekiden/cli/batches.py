"""`ekiden send`, `ekiden status`: through the HTTP API, as an app would."""

import csv
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ekiden.client import Client
from shared.outcome import FINAL

Url = Annotated[str, typer.Option(envvar="EKIDEN_URL", help="Where `ekiden serve` answers.")]
ApiKey = Annotated[str, typer.Option("--key", envvar="EKIDEN_API_KEY", help="The API key.")]
LOCAL = "http://127.0.0.1:8080"
PER_BATCH = 50_000
"""A larger list is sent as several Batches."""


def register(app: typer.Typer) -> None:
    app.command()(send)
    app.command()(status)


def send(
    recipients: Annotated[Path, typer.Argument(exists=True, help="CSV with a column `email`.")],
    sender: Annotated[str, typer.Option("--from", help="The sender's address.")],
    key: ApiKey,
    subject: str = "",
    html: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    text: Annotated[Path | None, typer.Option(exists=True, dir_okay=False)] = None,
    template: Annotated[str, typer.Option(help="A stored Template instead.")] = "",
    alias: Annotated[str, typer.Option(help="The sender's display name.")] = "",
    tag: Annotated[list[str] | None, typer.Option()] = None,
    wait: Annotated[bool, typer.Option(help="Show progress until the last Outcome.")] = True,
    url: Url = LOCAL,
) -> None:
    """Send a Batch: the CSV's other columns are fields of the Templates."""
    content = {
        "sender": {"email": sender, "alias": alias},
        "subject": subject,
        "html": html.read_text() if html else "",
        "text": text.read_text() if text else "",
        "template_id": template,
        "tags": tag or [],
    }
    client = Client(url, key)
    batches: list[str] = []
    accepted = 0
    for rows in _pages(recipients):
        answer = client.submit({**content, "recipients": rows}, str(uuid.uuid4()))
        batches.append(answer["batch"])
        accepted += answer["accepted"]
        typer.echo(
            f"{answer['batch']}: {answer['accepted']} accepted, {answer['rejected']} rejected"
        )
        for rejection in answer["rejected_recipients"][:20]:
            typer.echo(f"  {rejection['email']}: {rejection['reason']}")
    if wait:
        show_counts(follow(client, batches, accepted))


def _pages(path: Path) -> Iterator[list[dict[str, Any]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if "email" not in (reader.fieldnames or []):
            raise typer.BadParameter(f"{path} has no column called email")
        page: list[dict[str, Any]] = []
        for row in reader:
            page.append({"email": row.pop("email") or "", "fields": row})
            if len(page) == PER_BATCH:
                yield page
                page = []
        if page:
            yield page


def follow(
    client: Client, batches: list[str], accepted: int, *, until_done: bool = False
) -> dict[str, int]:
    """Draw a progress bar until every Delivery has its Outcome; return the counts.

    Unless `until_done`, what is deferred or scheduled is not waited for.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    counts: dict[str, dict[str, int]] = {batch: {} for batch in batches}
    with Progress(*columns) as progress:
        bar = progress.add_task("Outcomes", total=accepted)
        for batch in batches:
            etag = ""
            while True:
                seen, etag = client.batch(batch, wait_s=2, etag=etag)
                counts[batch] = seen.get("outcomes", counts[batch])
                final = sum(n for state, n in _sum(counts).items() if state in FINAL)
                progress.update(bar, completed=final)
                if seen and _settled(seen, until_done=until_done):
                    break
    return _sum(counts)


def _settled(seen: dict[str, Any], *, until_done: bool) -> bool:
    if seen["done"] or until_done:
        return bool(seen["done"])
    return seen["state"] == "scheduled" or not seen["outcomes"].get("queued")


def _sum(counts: dict[str, dict[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for each in counts.values():
        for state, number in each.items():
            total[state] = total.get(state, 0) + number
    return total


def show_counts(counts: dict[str, int]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("Outcome", "Deliveries")
    for state, number in sorted(counts.items(), key=lambda each: -each[1]):
        table.add_row(state, str(number))
    Console().print(table)


def status(
    batch: Annotated[str, typer.Argument(help="The Batch's id.")], key: ApiKey, url: Url = LOCAL
) -> None:
    """Show how far a Batch is."""
    seen, _ = Client(url, key).batch(batch)
    typer.echo(
        f"{batch} is {seen['state']}: {seen['accepted']} accepted, {seen['rejected']} rejected"
    )
    show_counts(seen["outcomes"])
