"""How a `Connection` comes about: TCP, greeting, EHLO, STARTTLS, AUTH, each with its patience."""

import asyncio
import ssl
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TypeVar

from functions.send.smtp import broken_promises, opening
from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.commands import QUIT
from functions.send.smtp.connection import Connection
from functions.send.smtp.dane import NotProven
from functions.send.smtp.dialogue import Dialogue
from functions.send.smtp.opening import CannotOpen, Refused, Say, Steps
from functions.send.smtp.options import Options
from functions.send.smtp.reaching import reach_from
from functions.send.smtp.reply import Reply
from functions.send.smtp.target import Target, Tls
from functions.send.smtp.tls import context_for, explained, proof
from functions.send.smtp.verdict import NoSession, Peer, Stage, refused, unanswered
from functions.send.smtp.wire import Wire

Result = TypeVar("Result")


class _HandshakeFailed(NoSession):
    """TLS was begun and did not come about; the connection is lost with it."""


async def connect(target: Target, options: Options) -> Connection:
    """Open a session. Raises `NoSession` with the verdict for whatever waits for it.

    A server that offers STARTTLS and cannot do it gets a second, plain connection, unless TLS is
    required: hanging up would make nothing safer where plain text is good enough (RFC 7435).
    """
    now = asyncio.get_running_loop().time()
    try:
        return await _Opening(target, options, now).run(encrypt=target.tls is not Tls.NEVER)
    except _HandshakeFailed:
        if target.tls is not Tls.OPPORTUNISTIC:
            raise
        return await _Opening(target, options, now).run(encrypt=False)


class _Opening:
    """A session on its way to being open: runs the steps of `opening.py` over a `Wire`."""

    def __init__(self, target: Target, options: Options, began_at: float) -> None:
        self._target = target
        self._options = options
        self._began_at = began_at
        self._patience_s = options.opening_patience_s()
        self._peer = Peer(target.host)
        self._stage: Stage = "connect"
        self._wire = Wire(self, options.block_s)
        self._replies: deque[Reply] = deque()
        self._lost: str | None = None
        self._news = asyncio.Event()

    async def run(self, encrypt: bool) -> Connection:
        await self._reach()
        try:
            offered = await self._open(encrypt)
        except Refused as no:
            self._leave()
            raise NoSession(refused(self._timed_peer(), no.stage, no.reply)) from no
        except CannotOpen as no:
            self._leave()
            raise self._no_session(str(no)) from no
        except BaseException:
            self._wire.hang_up("this host gave up")
            raise
        return self._connection(offered)

    def _connection(self, offered: Capabilities) -> Connection:
        if self._lost is not None:  # right behind its last answer
            raise self._no_session(self._lost)
        target = self._target
        offered = broken_promises.believable(target, offered)
        dialogue = Dialogue(self._timed_peer(), offered, target.lmtp)
        return Connection(
            self._wire, dialogue, self._options, partial(broken_promises.note, target)
        )

    async def _reach(self) -> None:
        """TCP, and TLS on top where it comes first."""
        patience_s = self._options.connect_s
        try:
            async with asyncio.timeout(patience_s):
                await self._dial()
        except TimeoutError as late:
            raise self._no_session(f"no connection within {patience_s:g} s") from late
        except ssl.SSLError as failure:
            self._stage = "starttls"
            raise self._no_session(f"no TLS: {explained(failure)}") from failure
        except (OSError, UnicodeError) as failure:
            raise self._no_session(str(failure)) from failure
        self._peer = Peer(self._target.host, self._wire.peer_address)
        if self._target.implicit_tls:
            self._note_tls()

    async def _dial(self) -> None:
        target, loop = self._target, asyncio.get_running_loop()
        context = context_for(target.tls) if target.implicit_tls else None
        name = self._name if context else None
        if target.source is None:
            address = target.address or target.host
            await loop.create_connection(
                lambda: self._wire, address, target.port, ssl=context, server_hostname=name
            )
            return
        here = await reach_from(target.source, target)
        await loop.create_connection(
            lambda: self._wire, sock=here, ssl=context, server_hostname=name
        )

    @property
    def _name(self) -> str:
        """What the certificate has to prove: the host, or the address where that is its name."""
        host = self._target.tls_name
        return self._target.address if host.startswith("[") else host

    def _note_tls(self) -> None:
        """TLS has come about: what does it prove? Hangs up when that is not what is asked for."""
        session = self._wire.tls_session
        assert session is not None
        try:
            proved = proof(self._target, session)
        except NotProven as no:
            self._stage = "starttls"
            self._wire.hang_up(str(no))
            raise self._no_session(str(no)) from no
        self._peer = replace(self._peer, tls=session.version() or "", tls_proof=proved)

    async def _open(self, encrypt: bool) -> Capabilities:
        await self._converse(opening.greeting())
        offered = await self._converse(self._hello())
        if encrypt and not self._peer.tls:
            offered = await self._encrypt(offered)
        if self._target.login is not None:
            self._stage = "auth"
            if not self._peer.tls:
                raise CannotOpen("no TLS, and the password does not travel without it")
            await self._converse(opening.authentication(self._target.login, offered.auth))
        if self._replies:
            raise self._no_session(f"spoke unasked: {self._replies[0].text}")
        return offered

    async def _encrypt(self, offered: Capabilities) -> Capabilities:
        """Go over to TLS, and ask again what is offered: only that counts (RFC 3207 §4.2)."""
        required = self._target.tls is not Tls.OPPORTUNISTIC
        self._stage = "starttls"
        if not offered.starttls:
            if required:
                raise self._no_session("TLS is required, and not offered")
            return offered
        try:
            await self._converse(opening.starttls())
        except Refused as no:
            if required:
                raise self._no_session(f"TLS is required, and refused: {no.reply.text}") from no
            return offered
        await self._shake_hands()
        return await self._converse(self._hello())

    def _hello(self) -> Steps[Capabilities]:
        source = self._target.source
        name = source.name if source and source.name else self._options.ehlo_name
        return opening.hello(name, self._target.lmtp)

    async def _shake_hands(self) -> None:
        if self._lost is not None:
            raise _HandshakeFailed(unanswered(self._timed_peer(), "starttls", self._lost))
        self._replies.clear()
        try:
            context = context_for(self._target.tls)
            await self._wire.start_tls(context, self._name, self._options.tls_s)
        except OSError as failure:
            text = f"no TLS: {explained(failure)}"
            raise _HandshakeFailed(unanswered(self._timed_peer(), "starttls", text)) from failure
        self._note_tls()

    async def _converse(self, steps: Steps[Result]) -> Result:
        try:
            say = next(steps)
            while True:
                say = steps.send(await self._ask(say))
        except StopIteration as end:
            result: Result = end.value
            return result

    async def _ask(self, say: Say) -> Reply:
        self._stage = say.stage
        if say.command and self._lost is None:
            self._wire.send(say.command)
        self._wire.expect(self._patience_s[say.stage], say.stage)
        while not self._replies:
            if self._lost is not None:
                raise self._no_session(self._lost)
            self._news.clear()
            await self._news.wait()
        self._wire.rest()
        return self._replies.popleft()

    def _leave(self) -> None:
        """Hang up politely (RFC 5321 §3.1), without waiting for the answer."""
        if self._lost is None:
            self._wire.send(QUIT)
        self._wire.close()

    def _timed_peer(self) -> Peer:
        return replace(self._peer, connect_s=self._wire.time() - self._began_at)

    def _no_session(self, text: str) -> NoSession:
        return NoSession(unanswered(self._timed_peer(), self._stage, text))

    # The wire calls these two.

    def replied(self, replies: Iterator[Reply]) -> None:
        self._replies.extend(replies)
        self._news.set()

    def lost(self, why: str) -> None:
        self._lost = why
        self._news.set()
