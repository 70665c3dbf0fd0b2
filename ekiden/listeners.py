"""The SMTP listeners of a process: 587 and 465 for apps, 25 for what comes back."""

import time
from collections.abc import Callable
from random import SystemRandom
from typing import Protocol

from functions.submit.submit import Submit
from shared.config import Config
from shared.stage import Wake
from shared.store.base import Store
from shared.together import together


class Listener(Protocol):
    """One of them."""

    async def start(self) -> list[int]: ...

    async def stop(self, patience_s: float) -> None: ...


class Listeners:
    """Those that the configuration switches on. Imported only then."""

    def __init__(
        self, config: Config, store: Store, submit: Submit, wake: Callable[[Wake], None]
    ) -> None:
        self.ports: dict[str, list[int]] = {}
        """Of each listener that runs."""
        self._all: dict[str, Listener] = {}
        if config.services.submission:
            from functions.submit.smtp import SubmissionListener

            self._all["submission"] = SubmissionListener(submit, config, wake)
        if config.services.inbound:
            from functions.bounce.assemble import addresses
            from functions.bounce.smtp import InboundListener

            entropy = SystemRandom()
            self._all["inbound"] = InboundListener(
                store,
                addresses(config, store),
                config,
                time.time,
                lambda: entropy.randbytes(10),
                wake,
            )

    async def start(self) -> None:
        """Raises `Misconfigured` for a port that cannot be had."""
        for name, listener in self._all.items():
            self.ports[name] = await listener.start()

    async def stop(self, patience_s: float) -> None:
        """Accept nothing more, and let the messages in flight finish."""
        await together(listener.stop(patience_s) for listener in self._all.values())
