"""Which servers announced CHUNKING and then did not know BDAT, so that it costs one session once.

Forgotten with the process: it is found out again at the price of one more round trip.
"""

from functions.send.smtp.target import Target

MOST = 1000
"""So many are remembered; then the one found out first makes room."""

_found_out: dict[tuple[str, int], None] = {}


def cannot_bdat(target: Target) -> bool:
    return (target.host, target.port) in _found_out


def note(target: Target) -> None:
    if len(_found_out) >= MOST:
        del _found_out[next(iter(_found_out))]
    _found_out[target.host, target.port] = None
