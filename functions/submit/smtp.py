"""The SMTP face of submit: apps hand mail over as to any mail server (RFC 6409).

587 with STARTTLS, 465 with TLS from the first byte (RFC 8314 §3.3). The user is the Domain, or any
address of it; the password is an API key. A message becomes a Batch by the code that HTTP uses,
and is in the store before 250 names it. DSN (RFC 3461) is not announced: its parameters are read,
and NOTIFY=NEVER for all Recipients is heeded, but nobody is told of a success.
"""

import asyncio
import logging
import socket
from typing import Protocol

from functions.submit.login import Credentials, Failures, credentials, plain
from functions.submit.routes import Waker
from functions.submit.smtp_message import Mail, refusal
from functions.submit.submit import Submit
from shared.address import domain_of, identity, normal
from shared.config import Config
from shared.errors import Temporary
from shared.http import Problem
from shared.smtp_server.listener import Listener, Port
from shared.smtp_server.session import Handler, decoded
from shared.smtp_server.wire import Envelope, Hangup, Limits, Session
from shared.suppressions import is_suppressed

log = logging.getLogger("ekiden.submission")

MAX_LINE_BYTES = 998  # RFC 5322 §2.1.1


class Server(Protocol):
    """What the hooks need of the session that calls them."""

    async def challenge(self, text: str) -> bytes: ...


class SubmissionHandler(Handler):
    """What submission does at each step of a session; one for all of them."""

    def __init__(self, submit: Submit, config: Config, waker: Waker) -> None:
        self._submit = submit
        self._wake = waker
        self._max_recipients = min(config.submission.max_recipients, config.submit.max_recipients)
        self._failures = Failures(
            config.submission.max_login_failures, config.submission.login_delay
        )

    def extensions(self, session: Session) -> list[str]:
        return ["AUTH PLAIN LOGIN"] if session.is_tls else []

    def may_send(self, session: Session) -> str | None:
        if session.domain:
            return None
        if not session.is_tls:
            return "530 5.7.0 TLS first: STARTTLS"
        return "530 5.7.0 log in first: AUTH"

    async def handle_AUTH(
        self, server: Server, session: Session, envelope: Envelope, words: list[str]
    ) -> str:
        now = asyncio.get_running_loop().time()
        if self._failures.are_too_many(session.client, now):
            raise Hangup("421 4.7.0 too many failed logins, try again later")
        mechanism = words[0].upper()
        if mechanism not in ("PLAIN", "LOGIN"):
            return "504 5.5.4 PLAIN or LOGIN"
        read = self._plain if mechanism == "PLAIN" else self._login
        presented = await read(server, words[1:])
        try:
            domain = presented and await self._submit.directory.authenticate(
                presented.api_key, presented.domain
            )
        except Temporary as error:
            log.warning("a login is put off: %s", error)
            return "454 4.7.0 the store does not answer, try again later"
        if not domain:
            delay_s = self._failures.add(session.client, now)
            log.warning("a login from %s failed", session.client)
            await asyncio.sleep(delay_s)
            return "535 5.7.8 unknown, expired or deactivated API key, or not of this Domain"
        assert presented is not None
        session.domain, session.api_key = domain, presented.api_key
        return "235 2.7.0 logged in"

    async def _plain(self, server: Server, given: list[str]) -> Credentials | None:
        return plain(decoded(given[0]) if given else await server.challenge(""))

    async def _login(self, server: Server, given: list[str]) -> Credentials | None:
        user = decoded(given[0]) if given else await server.challenge("Username:")
        return credentials(user, await server.challenge("Password:"))

    async def handle_MAIL(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """The null sender is that of reports and answers by machines (RFC 3834 §3.3)."""
        directory = self._submit.directory
        if not await directory.authenticate(session.api_key, session.domain):
            raise Hangup("421 4.7.0 the API key has expired, or was deactivated")
        sender = normal(address) if address else ""
        if sender is None:
            return "553 5.1.7 the sender is no mail address"
        if sender and domain_of(sender) != session.domain:
            return f"553 5.7.1 you send for {session.domain}"
        envelope.mail_from = sender
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        recipient = normal(address)
        if recipient is None:
            return "553 5.1.3 the Recipient is no mail address"
        if is_suppressed(recipient, await self._submit.suppressions.of(session.domain)):
            return "550 5.7.1 suppressed: this Domain must not write to it"
        if identity(recipient) in envelope.identities:
            return "250 2.1.5 ok, once"
        if len(envelope.rcpt_tos) >= self._max_recipients:
            return f"452 4.5.3 at most {self._max_recipients} Recipients"
        envelope.identities.add(identity(recipient))
        envelope.rcpt_tos.append(recipient)
        envelope.rcpt_options.append(_notify(options))
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        message = envelope.content
        assert isinstance(message, bytes)
        assert envelope.mail_from is not None
        wants = any(option != "NEVER" for option in envelope.rcpt_options)
        mail = Mail(envelope.mail_from, envelope.rcpt_tos, message, wants)
        try:
            accepted, ready = await self._submit.mail(session.domain, mail)
        except Problem as problem:
            return refusal(problem)
        if ready:
            self._wake(ready)
        return f"250 2.0.0 queued as {accepted.batch}"


def _notify(options: list[str]) -> str:
    return next((each[7:].upper() for each in options if each.startswith("NOTIFY=")), "")


class SubmissionListener:
    """Listens on 587 and 465, or what the configuration says."""

    def __init__(self, submit: Submit, config: Config, waker: Waker) -> None:
        """Raises `Misconfigured`."""
        self._config = config
        limits = Limits(
            max_message_bytes=config.submit.max_message,
            max_line_bytes=MAX_LINE_BYTES,
            max_errors=config.listen.max_errors,
            idle_timeout_s=config.listen.idle_timeout,
        )
        handler = SubmissionHandler(submit, config, waker)
        hostname = config.send.hostname or socket.getfqdn()
        self._listener = Listener(handler, hostname, limits, config.listen)

    async def start(self) -> list[int]:
        """Listen; return the ports, STARTTLS first. Raises `Misconfigured`."""
        on = self._config.submission
        ports = [Port(on.host, on.port), Port(on.host, on.tls_port, is_tls=True)]
        return await self._listener.start([port for port in ports if port.number])

    async def stop(self, patience_s: float) -> None:
        await self._listener.stop(patience_s)
