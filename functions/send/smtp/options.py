"""How patient the SMTP client is, and what it calls itself."""

from dataclasses import dataclass

from functions.send.smtp.pipeline import Awaited
from functions.send.smtp.target import HOST_NAME
from functions.send.smtp.verdict import Stage
from shared.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Options:
    """The time-outs are those of RFC 5321 §4.5.3.2, but for the connect."""

    ehlo_name: str
    """Our own name, which should resolve to our address and back (RFC 5321 §4.1.1.1)."""
    connect_s: float = 30
    """A dead host shows within seconds; the kernel alone would try for two minutes."""
    greeting_s: float = 300
    ehlo_s: float = 300
    tls_s: float = 60
    """STARTTLS and the handshake, each."""
    auth_s: float = 60
    mail_s: float = 300
    rcpt_s: float = 300
    data_s: float = 120
    block_s: float = 180
    """For each part of a large body to leave us."""
    body_s: float = 600
    """After the final dot. Whoever gives up earlier doubles mail: §4.5.3.2.6."""
    quit_s: float = 5
    """Nothing depends on the answer."""

    def __post_init__(self) -> None:
        if not HOST_NAME.fullmatch(self.ehlo_name):
            raise Misconfigured(f"{self.ehlo_name!r} is no host name to greet a server with")

    def opening_patience_s(self) -> dict[Stage, float]:
        return {
            "greeting": self.greeting_s,
            "ehlo": self.ehlo_s,
            "starttls": self.tls_s,
            "auth": self.auth_s,
        }

    def patience_s(self) -> dict[Awaited, float]:
        return {
            "reset": self.mail_s,
            "mail": self.mail_s,
            "rcpt": self.rcpt_s,
            "data": self.data_s,
            "body": self.body_s,
            "bdat": self.body_s,
            "dot": self.body_s,
        }
