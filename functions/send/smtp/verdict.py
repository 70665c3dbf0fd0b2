"""What a server answered about one message: the verdict, and its three kinds. No I/O."""

from dataclasses import dataclass
from typing import Literal

from functions.send.smtp.reply import Reply, enhanced, explained
from shared.errors import EkidenError

Stage = Literal["connect", "greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "body"]
"""What we had said, or done, when the server answered or fell silent."""

Kind = Literal["accepted", "temporary", "permanent"]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who answered."""

    host: str
    """The name that we connected to, such as an MX host."""
    address: str = ""
    """`ip:port`; "" when no connection came about."""
    tls: str = ""
    """Such as "TLSv1.3"; "" when the session was in plain text."""
    tls_proof: str = ""
    """What proved the host's name: "pki" (a verified certificate), "dane", or ""."""
    connect_s: float = 0.0
    """How long it took to open the session; 0.0 once the first message was told."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one attempt to transmit one message to one recipient."""

    code: int | None
    """The reply code; None when no answer came, or none that means anything."""
    enhanced: str
    """RFC 3463, such as "5.1.1"; "" when the server gave none."""
    text: str
    host: str
    address: str
    tls: str
    stage: Stage
    ambiguous: bool = False
    """The final dot was sent and no answer came: the server may have the message, and a second
    attempt may double it (RFC 5321 §4.5.3.2.6)."""
    ours: bool = False
    """We refused it ourselves, because no server could have taken it."""
    tls_proof: str = ""
    """As in `Peer`."""
    connect_s: float = 0.0
    """How long it took to open the session: on its first message, else 0.0."""
    transmit_s: float = 0.0
    """From the MAIL to the reply that settled this recipient."""
    return_path: str = ""
    """Another recipient's, under which it travelled in one transaction; "" for its own."""

    @property
    def kind(self) -> Kind:
        if self.code is None or 400 <= self.code < 500:
            return "temporary"
        return "accepted" if self.code < 300 else "permanent"


class NoSession(EkidenError):
    """No session came about in which a message could have been transmitted."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(f"{verdict.host}: {verdict.code or 'no answer'} {verdict.text}")
        self.verdict = verdict


def accepted(peer: Peer, reply: Reply, transmit_s: float = 0.0) -> Verdict:
    """The server took responsibility: the one place where a 2xx becomes a verdict."""
    return _of(peer, "body", reply, transmit_s)


def refused(peer: Peer, stage: Stage, reply: Reply, transmit_s: float = 0.0) -> Verdict:
    """The server said no. A reply that makes no sense here counts as no answer: nothing but a
    4xx or 5xx may defer or bounce a message in the server's name, and no stray 250 deliver it."""
    if 400 <= reply.code < 600:
        return _of(peer, stage, reply, transmit_s)
    return unanswered(peer, stage, unexpected(reply), transmit_s=transmit_s)


def refused_recipient(peer: Peer, reply: Reply, others: bool, transmit_s: float) -> Verdict:
    """The answer to RCPT. 552 behind accepted recipients (`others`) may mean that there are too
    many, and then stands for 452 (RFC 5321 §4.5.3.1.10); with 5.2.2 it is a full mailbox."""
    if others and reply.code == 552 and enhanced(reply) in ("", "5.5.3"):
        reply = Reply(452, reply.lines)
    return refused(peer, "rcpt", reply, transmit_s)


def unexpected(reply: Reply) -> str:
    return f"unexpected reply: {reply.code} {reply.text}"


def unanswered(
    peer: Peer, stage: Stage, text: str, ambiguous: bool = False, transmit_s: float = 0.0
) -> Verdict:
    """There was no answer, and `text` says what happened instead."""
    return Verdict(
        None,
        "",
        text,
        peer.host,
        peer.address,
        peer.tls,
        stage,
        ambiguous,
        tls_proof=peer.tls_proof,
        connect_s=peer.connect_s,
        transmit_s=transmit_s,
    )


def refused_here(peer: Peer, stage: Stage, code: int, enhanced: str, text: str) -> Verdict:
    """We never asked the server, because it could only say no."""
    text = f"{text} (by this host)"
    return Verdict(code, enhanced, text, peer.host, peer.address, peer.tls, stage, ours=True)


def _of(peer: Peer, stage: Stage, reply: Reply, transmit_s: float) -> Verdict:
    code, text = explained(reply)
    return Verdict(
        reply.code,
        code,
        text,
        peer.host,
        peer.address,
        peer.tls,
        stage,
        False,
        False,
        peer.tls_proof,
        peer.connect_s,
        transmit_s,
    )


def most_hopeful(refusals: list[Verdict]) -> Verdict:
    """Which of several failed attempts speaks for the destination.

    One server's 5xx is no reason to give up while another could not be asked (Postfix reads it
    so too), and words say more than silence. Among equals the first, which was preferred.
    """
    return max(refusals, key=_hope)


def _hope(verdict: Verdict) -> int:
    if verdict.kind == "permanent":
        return 0
    return 1 if verdict.code is None else 2
