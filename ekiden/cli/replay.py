"""`ekiden replay`: bring any moment of a Batch back, and put it in front of its stage once more."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration, with_store
from shared.store.base import Store

if TYPE_CHECKING:
    from ekiden.replay.compare import Compared
    from shared.outcome import State


def register(app: typer.Typer) -> None:
    app.command()(replay)


def replay(
    what: Annotated[str, typer.Argument(help="A Batch, or the key of a work object.")],
    from_: Annotated[
        str, typer.Option("--from", help="The stage that shall take it: validate, dispatch, send.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write nothing; show what would be written.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Show how it differs from what is there.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also where something else is there.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Also write the objects to files below this folder.")
    ] = None,
    config: ConfigFile = "",
    set_: Settings = None,
) -> None:
    """Make again what stood in front of a stage, from what was kept of the input.

    What has an Outcome is not sent again: send looks before it transmits.
    """
    from ekiden.replay.moment import moment

    settings = configuration(config, set_)
    wanted = moment(what, from_)
    _check_file(settings.store.url, what)
    shown = _Shown(diff or dry_run, output)

    async def act(store: Store) -> None:
        from ekiden.replay.compare import Compared
        from ekiden.replay.rebuild import rebuild
        from ekiden.replay.restore import find, outlook, put_back

        async for key, body in rebuild(settings, store, wanted):
            compared = Compared(key, body, await find(store, key))
            written = not dry_run and await put_back(store, compared, overwrite)
            shown.add(compared, "written" if written else compared.word)
        if wanted.batch:
            shown.outlook(*await outlook(store, wanted.batch), dry_run)

    with_store(settings, act)
    shown.sum_up(dry_run)


def _check_file(url: str, what: str) -> None:
    """Opening a SQLite store would make the file: a wrong path must not. Raises `NotFound`."""
    from urllib.parse import unquote, urlsplit

    from shared.errors import NotFound

    parts = urlsplit(url)
    path = unquote(parts.path.removeprefix("/"))
    if parts.scheme == "sqlite" and path and not Path(path).exists():
        raise NotFound(f"there is no {what} in {url}: there is no such file")


class _Shown:
    """What a person sees of it, and how many there were."""

    def __init__(self, diff: bool, output: Path | None) -> None:
        self._diff = diff
        self._output = output
        self._counts: Counter[str] = Counter()

    def add(self, compared: "Compared", word: str) -> None:
        self._counts[word] += 1
        typer.echo(f"{word:>9}  {len(compared.made):>10}  {compared.key}")
        if self._diff and compared.word == "differs":
            for line in compared.difference():
                typer.echo(f"           {line}")
        if self._output is not None:
            self._write(compared)

    def _write(self, compared: "Compared") -> None:
        from shared.codec import unpack

        assert self._output is not None
        place = self._output / compared.key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(unpack(compared.made))

    def outlook(self, final: "Mapping[State, int]", open_: int, dry_run: bool) -> None:
        done = ", ".join(f"{number} {state}" for state, number in sorted(final.items()))
        typer.echo(
            f"Of the Batch's Deliveries {open_} are open: these are sent. {done or 'None'}"
            " stay as they are."
        )
        if dry_run and final:
            typer.echo("Webhooks hear of what is recorded once more, under the ids that they know.")

    def sum_up(self, dry_run: bool) -> None:
        counts = ", ".join(f"{number} {word}" for word, number in sorted(self._counts.items()))
        typer.echo(f"{counts}{' (dry run: nothing was written)' if dry_run else ''}.")
