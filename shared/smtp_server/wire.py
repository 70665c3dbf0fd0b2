"""One connection: bytes in, replies out, silence, errors, and the end of it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiosmtpd.smtp import SMTP
from aiosmtpd.smtp import Envelope as PlainEnvelope
from aiosmtpd.smtp import Session as PlainSession

from shared.errors import Temporary
from shared.smtp_server.certificate import Certificate
from shared.smtp_server.commands import MAX_AUTH_BYTES, BadCommand, parse_command
from shared.smtp_server.door import Door
from shared.smtp_server.intake import BadLine, Bounds, Intake
from shared.smtp_server.reply import UNAVAILABLE, finished, is_refusal

log = logging.getLogger("ekiden.smtp")
logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd's, with what clients say in it

HIGH_WATER_BYTES = 64 * 1024
"""Of commands that wait while we work; then the client has to wait, too."""
PROGRESS_BYTES = 16 * 1024
"""So much of a message, or its end, has to come within the idle time: a byte a minute is none."""
LINGER_S = 10.0
"""How long a client that does not read may keep the last reply in our memory."""
FAULT = "451 4.3.0 a fault of ours, try again later"
STOPPING = "421 4.3.2 the server is stopping, try again later"
_OTHER_PROTOCOLS = {"GET", "POST", "PUT", "CONNECT", "OPTIONS", "HEAD"}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one session may do."""

    max_message_bytes: int
    max_line_bytes: int
    max_errors: int
    idle_timeout_s: float


@dataclass(frozen=True, slots=True)
class Setup:
    """What all sessions of a listener share."""

    handler: Any
    hostname: str
    limits: Limits
    door: Door
    certificate: Certificate
    loop: asyncio.AbstractEventLoop


class Hangup(Exception):
    """The session ends; the text is the last reply."""


class Session(PlainSession):
    """What is known of the client. Begins anew behind STARTTLS (RFC 3207 §4.2)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: str, is_tls: bool) -> None:
        super().__init__(loop)
        self.client = client
        self.is_tls = is_tls
        self.domain = ""
        """The Domain that has logged in."""
        self.api_key = ""
        """What it logged in with: it may be deactivated while the session lasts."""


class Envelope(PlainEnvelope):
    """The mail that was begun."""

    def __init__(self) -> None:
        super().__init__()
        self.identities: set[str] = set()
        """Of the Recipients so far, for a face that takes each of them once."""


class WireSMTP(SMTP):
    """aiosmtpd's server with its own way of reading, writing, waiting and ending."""

    session: Session  # from connection_made on

    def __init__(self, setup: Setup, client: str, is_tls: bool, ended: Callable[[Any], None]):
        self.setup = setup
        self.client = client
        self.is_tls = is_tls
        self.is_ending = False
        self.is_receiving = False
        """From 354 to the reply behind the message."""
        self._ended = ended
        self._intake = Intake()
        self._waiter: asyncio.Future[None] | None = None
        self._is_eof = self._is_lost = self._is_paused = self._is_working = False
        self._errors = 0
        self._deadline = 0.0
        self._linger: asyncio.TimerHandle | None = None
        self.command_size_limits = {}  # the class has one for all its sessions
        super().__init__(
            setup.handler,
            data_size_limit=setup.limits.max_message_bytes,
            enable_SMTPUTF8=True,
            hostname=setup.hostname,
            timeout=setup.limits.idle_timeout_s,
            loop=setup.loop,
        )

    def _create_session(self) -> Session:
        return Session(self.loop, self.client, self.is_tls)

    def _create_envelope(self) -> Envelope:
        return Envelope()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self._handler_coroutine is not None
        self._handler_coroutine.add_done_callback(self._is_over)

    def _is_over(self, _conversation: asyncio.Task[None]) -> None:
        """However it ended, and if it never began."""
        self._hang_up()
        self._ended(self)

    # What comes in.

    def data_received(self, data: bytes) -> None:
        self._intake.feed(data)
        if len(self._intake) > HIGH_WATER_BYTES and not self.is_receiving and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()  # type: ignore[union-attr]
        self._wake()

    def eof_received(self) -> bool:
        """What was sent before is still answered, unless TLS ends with it."""
        self._is_eof = True
        self._wake()
        return not self.is_tls

    def connection_lost(self, error: Exception | None) -> None:
        super(SMTP, self).connection_lost(error)
        self._is_eof = self._is_lost = True
        for timer in (self._timeout_handle, self._linger):
            if timer is not None:
                timer.cancel()
        # A message that has come whole is stored, though nobody hears the reply.
        if not self._is_working and self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _more(self) -> None:
        """Return when more has come. Raises `EOFError`."""
        if self._is_eof:
            raise EOFError
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()  # type: ignore[union-attr]
        self._waiter = self.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def read_line(self, limit_bytes: int = MAX_AUTH_BYTES) -> bytes:
        """Raises `EOFError`, `Hangup`."""
        try:
            while (line := self._intake.line(limit_bytes)) is None:
                await self._more()
        except BadLine as bad:
            raise Hangup(str(bad)) from None
        self._reset_timeout()
        return line

    async def read_message(self) -> bytes:
        """Raises `EOFError`, `Hangup`, and `Refused` when its end has come."""
        limits, door = self.setup.limits, self.setup.door
        bounds = Bounds(limits.max_message_bytes, limits.max_line_bytes)
        held = seen = 0
        try:
            while (message := self._intake.message(bounds)) is None:
                door.held_bytes += len(self._intake) - held
                held = len(self._intake)
                if door.is_full_of_bytes:
                    raise Hangup("421 4.3.1 too much mail at once, try again later")
                if held >= seen + PROGRESS_BYTES or held < seen:
                    seen = held
                    self._reset_timeout()
                await self._more()
        except BadLine as bad:
            raise Hangup(str(bad)) from None
        finally:
            door.held_bytes -= held
        self._reset_timeout()
        return message

    @property
    def has_more(self) -> bool:
        """Whether the client has sent something behind what was read."""
        return len(self._intake) > 0

    # What goes out.

    async def push(self, status: str | bytes, counts: bool = True) -> None:
        """One reply; a refusal `counts` as an error. Raises `Hangup` after too many."""
        text = finished(status if isinstance(status, str) else status.decode("utf-8", "replace"))
        self._write([text])
        if counts and is_refusal(text):
            self._errors += 1
            if self._errors >= self.setup.limits.max_errors:
                raise Hangup("421 4.7.0 too many errors")
        await self._writer.drain()

    def begin_anew(self) -> None:
        """Forget the mail that was begun."""
        self.envelope = self._create_envelope()

    def _write(self, lines: list[str]) -> None:
        self._writer.write("".join(f"{line}\r\n" for line in lines).encode())

    # The conversation.

    async def _handle_client(self) -> None:
        try:
            self._write([f"220 {self.hostname} ESMTP Ekiden"])
            while True:
                await self._answer(await self.read_line())
                if self.is_ending:
                    raise Hangup(STOPPING)
        except Hangup as end:
            self._write([finished(str(end))])
        except (EOFError, OSError):
            pass  # the client has gone, or was never able to speak TLS
        except Exception:
            log.exception("a session with %s ended in a fault of ours", self.client)
            self._write([f"421 {FAULT[4:]}"])

    async def _answer(self, line: bytes) -> None:
        try:
            command = parse_command(line)
            method = self._smtp_methods.get(command.verb)
            if method is None:
                if command.verb in _OTHER_PROTOCOLS:
                    raise Hangup("421 5.7.0 this is SMTP")
                raise BadCommand("500 5.5.1 unknown command")
            await method(command.argument)
        except BadCommand as bad:
            await self.push(str(bad))

    async def _call_handler_hook(self, command: str, *arguments: Any) -> Any:
        """The handler's reply, or why there is none. The client may be silent meanwhile."""
        self._is_working = True
        try:
            return await super()._call_handler_hook(command, *arguments)
        except Temporary as error:
            log.warning("%s is put off: %s", command, error)
            return UNAVAILABLE
        except (Hangup, BadCommand, EOFError):
            raise
        except Exception:
            log.exception("%s from %s failed", command, self.client)
            return FAULT
        finally:
            self._is_working = False
            self._reset_timeout()

    # Silence, and the end.

    def _reset_timeout(self, duration: float | None = None) -> None:
        """Called for each line: it only moves the deadline, the timer looks at it when it rings."""
        self._deadline = self.loop.time() + self._timeout_duration
        if self._timeout_handle is None:
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self._is_working:
            self._reset_timeout()
        if self.loop.time() < self._deadline:
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
            return
        self.end("421 4.4.2 silent for too long")

    def shut(self) -> None:
        """Stop: at once, or when the message in flight has its reply."""
        self.is_ending = True
        if not self.is_receiving:
            self.end(STOPPING)

    def end(self, status: str) -> None:
        """Say this and hang up, whatever the client does."""
        if self.transport is not None and not self.transport.is_closing():
            self._write([status])
        if self._handler_coroutine is not None and not self._is_working:
            self._handler_coroutine.cancel()
        else:
            self._hang_up()

    def abort(self) -> None:
        """Hang up without a word, whatever is going on."""
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
        if self.transport is not None:
            self.transport.abort()  # type: ignore[attr-defined]  # it is one that writes

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.close()
            if not self._is_lost:
                self._linger = self.loop.call_later(LINGER_S, self.abort)
