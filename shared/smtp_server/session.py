"""The commands of one session: what aiosmtpd does, under the rules of RFC 5321, 2920, 3207, 4954.

A handler is asked as aiosmtpd asks: `handle_MAIL(server, session, envelope, address, options)`,
`handle_RCPT` likewise, `handle_DATA(server, session, envelope)`; each returns the reply, and puts
what it accepts into the envelope. Besides, it has `extensions(session)`, the lines of EHLO that
are its own, and `may_send(session)`, None or the reply to those who may not send mail.
"""

import asyncio
import base64
import binascii

from aiosmtpd.smtp import MISSING

from shared.smtp_server.commands import BadCommand, check_mail, check_rcpt, parse_path
from shared.smtp_server.intake import Refused
from shared.smtp_server.trace import goes_round
from shared.smtp_server.wire import Hangup, Session, WireSMTP

_EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
_OUT_OF_STEP = "554 5.5.0 sent before it was asked for"


class Found:
    """aiosmtpd searches itself and its handler for each connection, which costs more than most
    sessions do: it finds here what it searches for, and no more."""

    _found: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        cls._found = tuple(name for name in dir(cls) if name.startswith(("smtp_", "handle_")))

    def __dir__(self) -> tuple[str, ...]:
        return self._found


class Handler(Found):
    """A face. By itself it offers nothing, lets everybody send, and has no hooks."""

    def extensions(self, session: Session) -> list[str]:
        return []

    def may_send(self, session: Session) -> str | None:
        return None


class SmtpSession(Found, WireSMTP):
    """One client's session."""

    async def smtp_EHLO(self, hostname: str) -> None:
        self._greeted(hostname, is_extended=True)
        lines = [*_EXTENSIONS, f"SIZE {self.setup.limits.max_message_bytes}"]
        if not self.session.is_tls:
            lines.append("STARTTLS")
        lines += self.setup.handler.extensions(self.session)
        self._write(_multiline([self.hostname, *lines]))
        await self._writer.drain()

    async def smtp_HELO(self, hostname: str) -> None:
        self._greeted(hostname, is_extended=False)
        self._write([f"250 {self.hostname}"])

    def _greeted(self, hostname: str, is_extended: bool) -> None:
        if not hostname:
            raise BadCommand("501 5.5.4 say who you are")
        self.begin_anew()
        self.session.extended_smtp = is_extended
        self.session.host_name = hostname

    async def smtp_STARTTLS(self, arg: str) -> None:
        if arg:
            raise BadCommand("501 5.5.4 STARTTLS takes nothing")
        if self.session.is_tls:
            raise BadCommand("503 5.5.1 TLS is there already")
        self._nothing_behind()
        context = self.setup.certificate.context()
        await self.push("220 2.0.0 ready for TLS")
        self._nothing_behind()  # or it would count as sent under TLS (RFC 3207 §6)
        assert self.transport is not None
        transport = await self.loop.start_tls(
            self.transport,  # type: ignore[arg-type]  # it is one that writes
            self,
            context,
            server_side=True,
            ssl_handshake_timeout=self.setup.limits.idle_timeout_s,
        )
        if transport is None:
            raise EOFError
        self.transport = transport
        self._writer = asyncio.StreamWriter(transport, self, None, self.loop)
        self.is_tls = True
        self.begin_anew()
        self.session = self._create_session()

    def _nothing_behind(self) -> None:
        """RFC 2920 §3.1: these commands end a group. Raises `Hangup`."""
        if self.has_more:
            raise Hangup(_OUT_OF_STEP)

    # Logging in.

    async def smtp_AUTH(self, arg: str) -> None:
        """RFC 4954. The handler's `handle_AUTH` gets the mechanism and its first response."""
        if "AUTH" not in self._handle_hooks:
            raise BadCommand("502 5.5.1 nobody logs in here")
        self._needs_greeting()
        if not self.session.is_tls:
            raise BadCommand("538 5.7.11 TLS first: STARTTLS")
        if self.session.domain or self.envelope.mail_from is not None:  # type: ignore[union-attr]
            raise BadCommand("503 5.5.1 not now: you have logged in, or begun a mail")
        words = arg.split()
        if len(words) not in (1, 2):
            raise BadCommand("501 5.5.4 AUTH mechanism [response]")
        await self.push(await self._call_handler_hook("AUTH", words))

    async def challenge(self, text: str) -> bytes:
        """Ask the client for a response, as part of AUTH. Raises `BadCommand`."""
        self._write([f"334 {base64.b64encode(text.encode()).decode()}"])
        self._is_working = False  # we wait for the client: its time runs
        try:
            return decoded(await self.read_line())
        finally:
            self._is_working = True

    # Mail.

    async def smtp_MAIL(self, arg: str | None) -> None:
        self._needs_greeting()
        self._needs_permission()
        assert self.envelope is not None
        if self.envelope.mail_from is not None:
            raise BadCommand("503 5.5.1 one MAIL at a time")
        path = parse_path("FROM:", arg or "")
        check_mail(path, self.setup.limits.max_message_bytes)
        self.envelope.smtp_utf8 = "SMTPUTF8" in path.parameters
        options = _options(path.parameters)
        status = await self._call_handler_hook("MAIL", path.address, options)
        if status is MISSING:
            self.envelope.mail_from = path.address
            self.envelope.mail_options.extend(options)
        await self.push("250 2.1.0 ok" if status is MISSING else status)

    async def smtp_RCPT(self, arg: str | None) -> None:
        self._needs_greeting()
        self._needs_permission()
        assert self.envelope is not None
        if self.envelope.mail_from is None:
            raise BadCommand("503 5.5.1 MAIL first")
        path = parse_path("TO:", arg or "")
        check_rcpt(path, self.envelope.smtp_utf8)
        if not path.address:
            raise BadCommand("501 5.1.3 a Recipient has an address")
        status = await self._call_handler_hook("RCPT", path.address, _options(path.parameters))
        # Someone who has logged in may well have a list with many bad addresses.
        await self.push(status, counts=not self.session.domain)

    async def smtp_DATA(self, arg: str) -> None:
        self._needs_greeting()
        self._needs_permission()
        self._nothing_behind()  # a message may only follow 354
        assert self.envelope is not None
        if arg:
            raise BadCommand("501 5.5.4 DATA takes nothing")
        if not self.envelope.rcpt_tos:
            raise BadCommand("503 5.5.1 no valid Recipients")
        self.is_receiving = True
        try:
            await self.push("354 end with CRLF.CRLF")
            status = await self._received()
            self.begin_anew()
            await self.push(status)
        finally:
            self.is_receiving = False

    async def _received(self) -> str:
        assert self.envelope is not None
        try:
            self.envelope.content = await self.read_message()
        except Refused as refusal:
            return str(refusal)
        if goes_round(self.envelope.content):
            return "554 5.4.6 this mail goes round in circles"
        return str(await self._call_handler_hook("DATA"))

    def _needs_greeting(self) -> None:
        if not self.session.host_name:
            raise BadCommand("503 5.5.1 EHLO first")

    def _needs_permission(self) -> None:
        if (refusal := self.setup.handler.may_send(self.session)) is not None:
            raise BadCommand(refusal)

    # The rest: NOOP, RSET and EXPN are aiosmtpd's.

    async def smtp_QUIT(self, arg: str) -> None:
        raise Hangup("221 2.0.0 bye")

    async def smtp_VRFY(self, arg: str) -> None:
        await self.push("252 2.5.0 send mail to find out")  # RFC 5321 §7.3

    async def smtp_HELP(self, arg: str) -> None:
        await self.push("214 2.0.0 RFC 5321")


def decoded(text: bytes | str) -> bytes:
    """A response of AUTH (RFC 4954 §4). Raises `BadCommand`."""
    if text in (b"*", "*"):
        raise BadCommand("501 5.7.0 AUTH is called off")
    try:
        return b"" if text == "=" else base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadCommand("501 5.5.2 no base 64") from None


def _options(parameters: dict[str, str]) -> list[str]:
    return [f"{name}={value}" if value else name for name, value in parameters.items()]


def _multiline(lines: list[str]) -> list[str]:
    return [*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"]
