"""What all commands share: where the configuration comes from, and the store that it names."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, TypeVar

import typer

from shared.config import Config, load
from shared.errors import Misconfigured
from shared.store import open_store
from shared.store.base import Store

T = TypeVar("T")

ConfigFile = Annotated[str, typer.Option("--config", help="The YAML file (or EKIDEN_CONFIG).")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="One option, as in --set send.route=smtp://127.0.0.1:2525"),
]


def configuration(path: str, settings: list[str] | None, instead: Mapping[str, str] = {}) -> Config:
    """`instead` are the command's own defaults. Raises `Misconfigured`."""
    flags: dict[str, str] = {}
    for setting in settings or []:
        name, equals, value = setting.partition("=")
        if not equals:
            raise Misconfigured(f"--set {setting}: write it as name=value")
        flags[name.strip()] = value
    return load(path or None, flags=flags, instead=instead)


def with_store(config: Config, act: Callable[[Store], Awaitable[T]]) -> T:
    """Open the configured store, act, close it."""

    async def run() -> T:
        store = open_store(config.store.url)
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(run())
