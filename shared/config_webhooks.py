"""The options of Webhooks."""

from typing import Annotated

from shared.config_kinds import DAY, HOUR, MINUTE, SECOND, Duration, ListOf, Whole, YesNo
from shared.config_listeners import NETWORK
from shared.config_section import Section


class Webhooks(Section, frozen=True):
    """How apps are told what happened."""

    allow_insecure: Annotated[bool, YesNo(), "URLs may begin with http://, for tests."] = False
    allow_private: Annotated[
        bool,
        YesNo(),
        "They may lead into private networks, this machine included. Only where nobody but you "
        "makes Webhooks.",
    ] = False
    networks: Annotated[
        tuple[str, ...],
        ListOf(NETWORK),
        "Private networks that they may lead into all the same.",
    ] = ()
    retries: Annotated[
        tuple[float, ...],
        ListOf(Duration()),
        "How long to wait after each try in vain; after the last one it is failed work. A fifth "
        "at most comes on top, so that not all come at once.",
    ] = (5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR)
    timeout: Annotated[
        float, Duration(), "How long one POST may take, from the name lookup to the answer."
    ] = 15 * SECOND
    max_connections: Annotated[int, Whole(1, 100), "Open connections to one Webhook."] = 4
    pause_after: Annotated[
        float, Duration(), "One that took nothing for so long is paused until a person looks."
    ] = 3 * DAY
    rotation_overlap: Annotated[
        float, Duration(), "How long a replaced secret signs beside the new one."
    ] = 1 * DAY
