"""The SMTP client of the `send` stage: messages in, verdicts out.

    pool         queues to destinations, over as many connections as are useful
    site, run    what callers of a destination share; one queue and its lanes
    connecting   TCP, greeting, EHLO, STARTTLS, AUTH, over the steps of `opening`
    connection   an open session, over the state machine of `dialogue`
    wire         one socket: bytes, flow control, patience, TLS

No I/O, clock or randomness in: `reply` (parsing), `capabilities` (EHLO), `commands` (what we
say), `opening` and `dialogue` (what follows what), `verdict`, `outgoing`, `target`, `options`.
"""

from functions.send.smtp.opening import Login
from functions.send.smtp.options import Options
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.pool import Limits, Pool
from functions.send.smtp.target import Destination, Target, Tls
from functions.send.smtp.verdict import Verdict

__all__ = [
    "Destination",
    "Limits",
    "Login",
    "Options",
    "Outgoing",
    "Pool",
    "Target",
    "Tls",
    "Verdict",
]
