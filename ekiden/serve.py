"""`ekiden serve` and `ekiden pod`: a Station in a process, with its HTTP ports.

SIGTERM and SIGINT: accept nothing more, finish what is in flight, close, report.
"""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING

from ekiden.asgi import Handler, Limit, application, at_most
from ekiden.front import SMALL_BODY_BYTES, body_limit
from ekiden.side import SidePort
from ekiden.station import running
from shared.config import Config
from shared.config_network import mask
from shared.errors import Misconfigured

if TYPE_CHECKING:
    import uvicorn

log = logging.getLogger("ekiden.serve")


def listen(option: str, host: str, port: int) -> socket.socket:
    """A listening socket. Raises `Misconfigured`, before anything is begun: a port that is taken
    must not cost a lease."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise Misconfigured(f"{option}: cannot listen on {host}:{port}: {error}") from error


def http_server(handler: Handler, limit: Limit) -> "uvicorn.Server":
    import uvicorn

    return uvicorn.Server(
        uvicorn.Config(
            application(handler, limit),
            log_config=None,
            access_log=False,
            lifespan="off",
            # Longer than a proxy keeps its connections: it must not use one that we close.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
        )
    )


@asynccontextmanager
async def _aside(server: "uvicorn.Server", socket_: socket.socket) -> AsyncIterator[None]:
    """A second HTTP server that runs while the context lasts, and leaves the signals alone."""
    task = asyncio.create_task(server._serve([socket_]))  # `serve` would take the signals
    try:
        yield
    finally:
        server.should_exit = True
        await task


async def serve(config: Config) -> None:
    """Run until SIGTERM or SIGINT. Apps have one port, operators another one."""
    side = None
    if config.metrics.port:
        side = listen("metrics.port", config.metrics.host, config.metrics.port)
    front = side
    if side is None or _faces(config):
        front = listen("http.port", config.http.host, config.http.port)
    assert front is not None
    async with running(config) as station:
        log.info("store %s, route %s", mask(config.store.url), mask(config.send.route))
        for name, ports in station.listeners.ports.items():
            log.info("%s listens on %s", name, ", ".join(map(str, ports)))
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, _once)
        aside = http_server(SidePort(station).handle, at_most(SMALL_BODY_BYTES))
        if front is side:
            await aside.serve(sockets=[front])
            return
        server = http_server(station.handle, body_limit(config))
        async with _aside(aside, side) if side else nullcontext():
            await server.serve(sockets=[front])


def _faces(config: Config) -> bool:
    """Whether anybody but operators calls this process."""
    return config.services.submit or config.services.track or config.services.admin


def _once(number: int, frame: FrameType | None) -> None:
    """uvicorn raises the signal that ended it again, when HTTP is closed: we have just begun to
    stop then. One more of these ends us at once."""
    signal.signal(number, signal.SIG_DFL)


def main(config: Config) -> None:
    import uvloop

    # What is loaded now stays; and the objects of a relay live shortly. Looking for cycles as
    # often as Python does costs a twentieth of all work.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    uvloop.run(serve(config))
