"""One TCP connection to an SMTP server: bytes out, replies in, and an end to all patience."""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterator
from typing import Protocol, cast

from functions.send.smtp.reply import ProtocolError, Reply, ReplyReader

PART_BYTES = 128 * 1024
"""How much of a large body is handed to the network at once, as it takes it."""


class Listener(Protocol):
    """Who follows the conversation."""

    def replied(self, replies: Iterator[Reply]) -> None:
        """Some replies came; at the end of the good ones, `ProtocolError` may be raised."""

    def lost(self, why: str) -> None:
        """The connection is gone. Called once, and nothing after it."""


class Wire(asyncio.Protocol):
    """The edge of the SMTP client: here are the socket, the clock and flow control."""

    def __init__(self, listener: Listener, block_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self.listener = listener
        self.time = self._loop.time
        self._block_s = block_s
        self._reader = ReplyReader()
        self._transport: asyncio.Transport  # from connection_made on
        self._parts: deque[memoryview] = deque()
        self._paused = False
        self._patience: tuple[float, str] | None = None
        self._deadline = 0.0
        self._watchdog: asyncio.TimerHandle | None = None
        self._ended = False

    @property
    def peer_address(self) -> str:
        """`ip:port` of the server."""
        host, port = self._transport.get_extra_info("peername")[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    @property
    def tls_session(self) -> ssl.SSLObject | None:
        """None in plain text."""
        session: ssl.SSLObject | None = self._transport.get_extra_info("ssl_object")
        return session

    @property
    def unsent(self) -> bool:
        """Part of what was to be said is still here."""
        return bool(self._parts)

    def send(self, data: bytes) -> None:
        self._transport.write(data)

    def send_in_parts(self, data: bytes) -> None:
        """`unsent` tells how far it came. Nothing else may be sent before it is through."""
        view = memoryview(data)
        self._parts.extend(view[i : i + PART_BYTES] for i in range(0, len(data), PART_BYTES))
        self._send_parts()

    def expect(self, seconds: float, what: str) -> None:
        """The server has `seconds` from now; else we hang up, and say that `what` took too long.

        Costs no timer: one watchdog looks at the deadline, and mostly finds it moved.
        """
        self._patience = (seconds, what)
        self._deadline = self.time() + (self._block_s if self._parts else seconds)
        if self._watchdog is None or self._watchdog.when() > self._deadline:
            self._watch()

    def rest(self) -> None:
        """Nothing is expected: the connection may be idle for as long as it likes."""
        self._patience = None

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """Go over to TLS. Raises `OSError` (`ssl.SSLError` is one) when that fails.

        Whatever came in plain text is forgotten: it may be an attacker's (RFC 3207 §4.2).
        """
        self._reader.forget()
        self._patience = None
        transport = await self._loop.start_tls(
            self._transport,
            self,
            context,
            server_hostname=host,
            ssl_handshake_timeout=seconds,
        )
        if transport is None:
            raise ConnectionResetError("connection lost in the TLS handshake")
        self._transport = transport

    def close(self) -> None:
        """End the connection when everything said has left us."""
        self._transport.close()

    def drop(self) -> None:
        """End the connection at once, whatever has not left us; the listener knows why."""
        self._ended = True
        self._stop_watching()
        self._transport.abort()

    def hang_up(self, why: str) -> None:
        """End the connection at once; the listener hears of it now."""
        self._transport.abort()
        self._end(why)

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not inherit from it

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        try:
            self.listener.replied(self._reader.feed(data))
        except ProtocolError as nonsense:
            self.hang_up(str(nonsense))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else "the server closed the connection")

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._send_parts()

    # Inside.

    def _send_parts(self) -> None:
        if not self._parts:
            return
        while self._parts and not self._paused and not self._ended:
            self._transport.write(self._parts.popleft())
        if self._patience is not None:
            self.expect(*self._patience)

    def _watch(self) -> None:
        self._stop_watching()
        self._watchdog = self._loop.call_at(self._deadline, self._look)

    def _stop_watching(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _look(self) -> None:
        self._watchdog = None
        if self._patience is None or self._ended:
            return
        if self.time() < self._deadline:
            self._watch()
            return
        seconds, what = self._patience
        if self._parts:
            self.hang_up(f"the server read nothing for {self._block_s:g} s")
        else:
            self.hang_up(f"no answer to {what} within {seconds:g} s")

    def _end(self, why: str) -> None:
        if self._ended:
            return
        self._ended = True
        self._stop_watching()
        self.listener.lost(why)
