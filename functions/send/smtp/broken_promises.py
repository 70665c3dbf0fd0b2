"""Which servers announced an extension that they cannot do, so that it costs one session once.

Forgotten with the process: it is found out again at the price of one more round trip.
"""

from dataclasses import replace

from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.target import Target

MOST = 1000
"""So many are remembered; then the one found out first makes room."""

_found_out: dict[tuple[str, int], frozenset[str]] = {}


def believable(target: Target, offered: Capabilities) -> Capabilities:
    """What the server offers, without what it is known not to do."""
    broken = _found_out.get((target.host, target.port))
    if not broken:
        return offered
    return replace(
        offered,
        pipelining=offered.pipelining and "pipelining" not in broken,
        chunking=offered.chunking and "chunking" not in broken,
    )


def note(target: Target, extension: str) -> None:
    """`extension` is "pipelining" or "chunking"."""
    place = (target.host, target.port)
    known = _found_out.pop(place, frozenset())
    while len(_found_out) >= MOST:
        del _found_out[next(iter(_found_out))]
    _found_out[place] = known | {extension}
