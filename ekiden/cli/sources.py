"""`ekiden sources`: only what tells stages of new work; all stages run elsewhere."""

import asyncio
import signal

import typer

from ekiden.cli.settings import ConfigFile, Settings, configuration
from shared.config import Config
from shared.errors import Misconfigured

STOP_WITHIN_S = 25.0
"""Kubernetes kills what has not stopped after 30 s."""


def register(app: typer.Typer) -> None:
    app.command()(sources)


def sources(config: ConfigFile = "", set_: Settings = None) -> None:
    """Tell functions of new work from SQS, NATS, MinIO, a listing or one webhook; run no stage."""
    from ekiden.logs import set_up

    settings = configuration(config, set_)
    set_up(settings.log.level, settings.log.format)
    asyncio.run(run(settings))


async def run(config: Config) -> None:
    """Until SIGTERM or SIGINT. Raises `Misconfigured`."""
    from ekiden.sources.feed import Sources
    from shared.store import open_store

    store = open_store(config.store.url)
    feeding = Sources(config, store)
    if not feeding.wanted:
        raise Misconfigured(
            "sources: none is switched on; set sources.sqs, sources.nats, sources.minio, "
            "sources.listing or sources.port"
        )
    stopped = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stopped.set)
    feeding.start()
    await stopped.wait()
    await feeding.stop(STOP_WITHIN_S)
    await store.close()
