"""What the demo sender answers: by the recipient's local part, and by nothing else. Pure.

`MAGIC` is the whole table; any other address is delivered. A label behind the name makes several
Recipients of one kind: `delivered+anna@`, `bounced+spam+7@`. The domain does not matter.
"""

from dataclasses import dataclass
from typing import Literal

from functions.send.smtp.verdict import Stage, Verdict
from shared.model import Envelope

HOST = "demo.invalid"
"""Who answers. `.invalid` can never be a real server's name (RFC 2606 §2)."""

After = Literal["", "late_bounce", "complaint", "opened", "clicked"]
"""What happens once it was delivered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of the imagined server; without a code it is silent."""

    code: int | None
    enhanced: str
    text: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class Magic:
    """One magic local part."""

    name: str
    meaning: str
    answers: tuple[Answer, ...]
    """To the first try, to the second …; the last one is for all further tries too."""
    bounce_class: str = ""
    """What the refusal, or the late bounce, is classed as."""
    after: After = ""


TAKEN = Answer(250, "2.0.0", "OK, taken by the demo: nothing was sent", "body")


def _bounced(bounce_class: str, meaning: str, answer: Answer) -> Magic:
    return Magic(f"bounced+{bounce_class}", meaning, (answer,), bounce_class)


_MAGIC = (
    Magic("delivered", "Delivered at the first try.", (TAKEN,)),
    Magic(
        "deferred",
        "Deferred at the first try, delivered at the second.",
        (Answer(451, "4.3.0", "Temporary local problem, please try later", "data"), TAKEN),
        "other",
    ),
    Magic(
        "greylisted",
        "Greylisted at the first try, delivered at the second.",
        (
            Answer(450, "4.2.0", "Recipient address rejected: Greylisted for 300 seconds", "rcpt"),
            TAKEN,
        ),
        "greylisted",
    ),
    _bounced(
        "invalid_recipient",
        "Bounced: no such mailbox.",
        Answer(
            550,
            "5.1.1",
            "The email account that you tried to reach does not exist. Please try double-checking "
            "the recipient's email address for typos or unnecessary spaces. For more information, "
            "go to https://support.google.com/mail/?p=NoSuchUser - gsmtp",
            "rcpt",
        ),
    ),
    _bounced(
        "mailbox_full",
        "Bounced: the mailbox is full.",
        Answer(
            552,
            "5.2.2",
            "The recipient's inbox is out of storage space and inactive. Please direct the "
            "recipient to https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
            "rcpt",
        ),
    ),
    _bounced(
        "policy",
        "Bounced: the server's rules do not allow the message.",
        Answer(
            552,
            "5.7.0",
            "This message was blocked because its content presents a potential security issue. "
            "Please visit https://support.google.com/mail/?p=BlockedMessage - gsmtp",
            "body",
        ),
    ),
    _bounced(
        "spam",
        "Bounced: taken for spam.",
        Answer(
            550,
            "5.7.1",
            "Our system has detected that this message is likely unsolicited mail. To reduce the "
            "amount of spam sent to Gmail, this message has been blocked. Please visit "
            "https://support.google.com/mail/?p=UnsolicitedMessageError - gsmtp",
            "body",
        ),
    ),
    _bounced(
        "blocked_address",
        "Bounced: the sending address is on a block list.",
        Answer(
            550,
            "5.7.1",
            "Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet "
            "service provider since part of their network is on our block list (S3140). You can "
            "also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.",
            "mail",
        ),
    ),
    _bounced(
        "auth_failure",
        "Bounced: neither SPF nor DKIM nor DMARC proves the sender.",
        Answer(
            550,
            "5.7.26",
            "Your email has been blocked because the sender is unauthenticated. Gmail requires all "
            "senders to authenticate with either SPF or DKIM. "
            "https://support.google.com/mail/answer/81126#authentication - gsmtp",
            "body",
        ),
    ),
    _bounced(
        "rate_limited",
        "Bounced: too much mail in too short a time.",
        Answer(
            550,
            "5.2.1",
            "The user you are trying to contact is receiving mail at a rate that prevents "
            "additional messages from being delivered. For more information, please visit "
            "https://support.google.com/mail/?p=ReceivingRatePerm - gsmtp",
            "rcpt",
        ),
    ),
    _bounced(
        "unreachable",
        "No answer, ever: deferred until the retry window closes, then failed.",
        Answer(None, "", "connection timed out", "connect"),
    ),
    _bounced(
        "tls",
        "Bounced: the server wants TLS and got none.",
        Answer(530, "5.7.0", "Must issue a STARTTLS command first", "mail"),
    ),
    _bounced(
        "other",
        "Bounced, and the reply does not say why.",
        Answer(554, "5.0.0", "Transaction failed", "body"),
    ),
    Magic(
        "late-bounce",
        "Delivered; then a report comes back (RFC 3464), and it is bounced.",
        (TAKEN,),
        "invalid_recipient",
        "late_bounce",
    ),
    Magic(
        "complaint",
        "Delivered; then the reader's provider reports it as spam (RFC 5965).",
        (TAKEN,),
        after="complaint",
    ),
    Magic("opened", "Delivered; then an event `opened`.", (TAKEN,), after="opened"),
    Magic("clicked", "Delivered; then an event `clicked`.", (TAKEN,), after="clicked"),
)
MAGIC: dict[str, Magic] = {magic.name: magic for magic in _MAGIC}
"""Local part → what becomes of mail to it."""


def magic_of(recipient: str) -> Magic:
    """The longest name in the table that the local part is, or begins with in front of a `+`."""
    name = recipient.rpartition("@")[0].lower()
    while name:
        if name in MAGIC:
            return MAGIC[name]
        name = name.rpartition("+")[0]
    return MAGIC["delivered"]


def answer_to(envelope: Envelope) -> Answer:
    """What this try of a Delivery is answered.

    The Envelope knows how often it was tried. The Bag's attempt does not: it also counts those
    that held the Envelope back.
    """
    answers = magic_of(envelope.recipient).answers
    return answers[min(envelope.tries, len(answers) - 1)]


def verdict_of(answer: Answer) -> Verdict:
    return Verdict(
        code=answer.code,
        enhanced=answer.enhanced,
        text=answer.text,
        host=HOST,
        address="",
        tls="",
        stage=answer.stage,
    )
