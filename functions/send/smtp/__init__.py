"""The SMTP client of the `send` stage: messages in, verdicts out.

    pool         queues to destinations, over as many connections as are useful
    site, run    what callers of a destination share; one queue and its lanes
    connecting   TCP, greeting, EHLO, STARTTLS, AUTH, over the steps of `opening`
    connection   an open session, over the state machine of `dialogue`
    wire         one socket: bytes, flow control, patience, TLS

No I/O, clock or randomness in: `reply` (parsing), `capabilities` (EHLO), `commands` (what we
say), `opening` and `dialogue` (what follows what), `verdict`, `outgoing`, `target`, `options`.
"""
