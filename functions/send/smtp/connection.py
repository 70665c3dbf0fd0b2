"""One open SMTP session: carries any number of messages, then says QUIT."""

import asyncio
from collections.abc import Callable, Iterator

from functions.send.smtp import commands
from functions.send.smtp.dialogue import Dialogue
from functions.send.smtp.options import Options
from functions.send.smtp.outgoing import Work
from functions.send.smtp.reply import ProtocolError, Reply
from functions.send.smtp.wire import PART_BYTES, Wire

_GIVEN_UP = "this host gave up"


class Connection:
    """Lets the pure `Dialogue` speak over a `Wire`. `connecting.connect` makes it."""

    def __init__(
        self,
        wire: Wire,
        dialogue: Dialogue,
        options: Options,
        note_broken: Callable[[str], None],
    ) -> None:
        self._wire = wire
        self._options = options
        self._patience_s = options.patience_s()
        self._dialogue = dialogue
        self._note_broken = note_broken
        self._done: asyncio.Future[None] | None = None
        wire.listener = self

    @property
    def usable(self) -> bool:
        """`transmit` may be called: the session is open, and nothing is under way."""
        return not self._dialogue.over and self._done is None

    @property
    def verdicts(self) -> int:
        """How many messages this session settled."""
        return self._dialogue.verdicts

    async def transmit(self, work: Work) -> None:
        """Transmit until `work` has no more, or the session ends: `usable` tells which.

        An exception out of `work` ends the session and comes out here. Cancelled, it hangs up: a
        message whose body was sent is reported as ambiguous, others are given back.
        """
        if self._done is not None:
            raise RuntimeError("transmit() on a session that is busy")
        if self._dialogue.over:
            return
        self._done = asyncio.get_running_loop().create_future()
        try:
            self._go_on(self._dialogue.start(work, self._wire.time()))
            await self._done
        except BaseException:
            self._dialogue.abandon(_GIVEN_UP, self._wire.time())
            self._wire.hang_up(_GIVEN_UP)
            raise
        finally:
            self._done = None
            for extension in self._dialogue.broken:
                self._note_broken(extension)

    async def quit(self) -> None:
        """End the session politely (RFC 5321 §4.1.1.10), if it is still there. Never raises."""
        if self.usable:
            self._done = asyncio.get_running_loop().create_future()
            self._wire.send(commands.QUIT)
            self._wire.expect(self._options.quit_s, "QUIT")
            await self._done
        self._wire.close()

    # The wire calls these two.

    def replied(self, replies: Iterator[Reply]) -> None:
        try:
            self._go_on(self._hear(replies))
        except ProtocolError:
            raise
        except Exception as fault:  # noqa: BLE001  the caller's own: it comes out of transmit()
            self._finish(fault)

    def lost(self, why: str) -> None:
        try:
            self._dialogue.lost(why, self._wire.time(), self._wire.unsent)
            self._go_on(b"")
        except Exception as fault:  # noqa: BLE001  as above
            self._finish(fault)

    # Inside.

    def _hear(self, replies: Iterator[Reply]) -> bytes:
        """What to say to these replies. None may be left when it is our turn to speak."""
        said = b""
        now = self._wire.time()
        unsent = self._wire.unsent
        receive = self._dialogue.receive
        for reply in replies:
            if said or unsent:
                self._dialogue.interrupted(reply, now)
                return b""
            said = receive(reply, now)
        return said

    def _go_on(self, said: bytes) -> None:
        if len(said) > PART_BYTES and self._dialogue.large:
            self._wire.send_in_parts(said)
        elif said:
            self._wire.send(said)
        awaited = self._dialogue.awaited
        if awaited is not None:
            self._wire.expect(self._patience_s[awaited], awaited)
            return
        self._wire.rest()
        if self._dialogue.over:
            self._wire.drop()
        self._finish(None)

    def _finish(self, fault: Exception | None) -> None:
        if self._done is None or self._done.done():
            return
        if fault is None:
            self._done.set_result(None)
        else:
            self._done.set_exception(fault)
