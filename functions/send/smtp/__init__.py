"""The SMTP client of the `send` stage: messages in, verdicts out.

    connecting   TCP, greeting, EHLO, STARTTLS, AUTH, over the steps of `opening`
    connection   an open session, over the state machine of `dialogue`
    wire         one socket: bytes, flow control, patience, TLS
    reaching     TCP from an address of our own choice
    tls          TLS contexts, and what a certificate proves
    broken_promises  which servers announced what they cannot do

No I/O, clock or randomness in: `reply` (parsing), `capabilities` (EHLO), `commands` (what we
say), `opening` and `dialogue` (what follows what, up to AUTH and from there on), `pipeline` (what
was said and not answered), `transaction` (one message and its recipients), `ending` (of a session),
`dane`, `verdict`, `outgoing`, `target`, `options`.
"""
