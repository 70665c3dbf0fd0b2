"""`ekiden cost`: what a month of given traffic costs, beside the price of a hosted sender."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from shared.errors import Malformed

if TYPE_CHECKING:
    from rich.table import Table

    from ekiden.cost.bill import Bill
    from ekiden.cost.report import Report
    from ekiden.cost.traffic import Traffic

T = TypeVar("T")

Mails = Annotated[str, typer.Option(help="Mails a month, as in 1M or 250k.")]
BatchSize = Annotated[str, typer.Option(help="Mean Recipients per Batch; 1: single messages.")]
Size = Annotated[str, typer.Option(help="Mean size of a mail, as in 20KB.")]
Events = Annotated[str, typer.Option(help="What wakes the functions: webhook, sqs or none.")]
Keep = Annotated[str, typer.Option(help="How long content and Outcomes are kept, as in 30d.")]
SweepEvery = Annotated[
    str, typer.Option(help="How often serve or the pod sweeps; by default as sweep.interval.")
]
BagTime = Annotated[
    str, typer.Option(help="How long a full Bag takes to be sent: Outcomes are put each second.")
]
PriceFile = Annotated[str, typer.Option("--prices", help="Your own price file, YAML or JSON.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def register(app: typer.Typer) -> None:
    app.command()(cost)


def cost(
    mails: Mails = "1M",
    batch_size: BatchSize = "1",
    size: Size = "20KB",
    events: Events = "webhook",
    keep: Keep = "30d",
    sweep_every: SweepEvery = "",
    bag_time: BagTime = "5s",
    prices: PriceFile = "",
    as_json: AsJson = False,
) -> None:
    """Reckon what a month of mail costs, from measured requests and a price file."""
    from ekiden.cost import measured, traffic
    from ekiden.cost import prices as price_file
    from ekiden.cost.report import report
    from shared.config_kinds import Duration

    duration = Duration().parse
    month = traffic.Traffic(
        mails=_read("--mails", mails, traffic.parse_count),
        batch_size=_read("--batch-size", batch_size, traffic.parse_batch_size),
        size_bytes=_read("--size", size, traffic.parse_size),
        events=_read("--events", events, traffic.parse_events),
        keep_s=_read("--keep", keep, duration),
        sweep_every_s=_read("--sweep-every", sweep_every, duration) if sweep_every else 0.0,
        bag_time_s=_read("--bag-time", bag_time, duration),
    )
    found = price_file.load(Path(prices) if prices else price_file.SHIPPED)
    _show(report(month, found, measured.load()), as_json)


def _read(option: str, text: str, parse: Callable[[str], T]) -> T:
    """Raises `typer.BadParameter`."""
    try:
        return parse(text.strip())
    except (Malformed, ValueError) as error:
        raise typer.BadParameter(f"{option}: {error}") from error


def _show(report: "Report", as_json: bool) -> None:
    import msgspec
    from rich.console import Console

    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
        return
    console = Console()
    console.print(_heading(report.traffic))
    for bill in report.providers:
        console.print(_lines(bill))
    console.print(_comparison(report))
    console.print(f"Requests, time and bytes: measured {report.measured}. Prices: {report.prices}")
    for limit in report.limits:
        console.print(f"- {limit}", style="dim")


def _heading(traffic: "Traffic") -> str:
    batches = traffic.mails / traffic.batch_size
    return (
        f"{traffic.mails:,.0f} mails a month of {traffic.size_bytes:,.0f} bytes, in {batches:,.0f} "
        f"Batches of {traffic.batch_size:,}; kept for {traffic.keep_s / 86_400:g} days"
    )


def _lines(bill: "Bill") -> "Table":
    from rich.table import Table

    table = Table(title=bill.title, title_justify="left", expand=True)
    table.add_column("what")
    table.add_column("how much", justify="right")
    table.add_column("reckoned from", ratio=1)
    table.add_column("USD", justify="right")
    for line in bill.lines:
        amount = f"{_number(line.quantity)} {line.unit}"
        table.add_row(line.name, amount, line.reckoned, f"{line.usd:,.2f}")
    table.add_row(
        "a month", "", f"[dim]without any mail: {bill.idle_usd:,.2f}[/dim]", _usd(bill.usd)
    )
    return table


def _comparison(report: "Report") -> "Table":
    from rich.table import Table

    table = Table("", "USD a month", "per 1,000 mails", "without mail", title_justify="left")
    for bill in report.providers:
        table.add_row(bill.title, _usd(bill.usd), _usd(bill.usd_per_1000), _usd(bill.idle_usd))
    table.add_section()
    for offer in report.hosted:
        plan = f"\n[dim]{offer.plan or 'no plan goes so far'}[/dim]"
        table.add_row(offer.title + plan, _usd(offer.usd), _usd(offer.usd_per_1000), "")
    return table


def _usd(amount: float | None) -> str:
    if amount is None:
        return "–"
    return f"{amount:,.2f}" if amount >= 1 or not amount else f"{amount:.4f}"


def _number(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 100 else f"{quantity:.3g}"
