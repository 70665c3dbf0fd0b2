"""What a report says to a person, in plain words. Pure."""

from shared.model import Envelope
from shared.outcome import Outcome, State

FAILURE = "Your message could not be delivered to the addresses below. It will not be tried again."
DELAY = "Your message has not been delivered yet to the addresses below. It is tried again."
NO_NEED_TO_REPEAT = "You need not send it again. If it cannot be delivered at all, you are told."
SIGNED = "The headers of your message, and a report for programs, are attached."

CLASSES = {
    "invalid_recipient": "There is no such mailbox.",
    "mailbox_full": "The mailbox is full.",
    "policy": "The receiving server's rules do not allow this message.",
    "spam": "The receiving server takes this message for spam.",
    "blocked_address": "The receiving server blocks the address that we send from.",
    "auth_failure": "The receiving server finds that the sender's domain does not prove itself.",
    "greylisted": "The receiving server lets strangers wait.",
    "rate_limited": "The receiving server takes no more messages for the moment.",
    "unreachable": "The receiving server cannot be reached.",
    "tls": "The connection to the receiving server could not be protected as it has to be.",
}
"""Bounce class → a sentence. A class without one is explained by the server's words alone."""

REASONS = {
    "suppressed": "This address is not written to any more, after an earlier bounce or complaint.",
    "no_such_domain": "The address's domain does not exist, or takes no mail.",
    "null_mx": "The address's domain takes no mail.",
    "invalid_email": "This is no mail address.",
}
"""Why we refused it ourselves → a sentence."""


def sentences(envelope: Envelope, outcome: Outcome, retry_at: str) -> list[str]:
    """Why one Delivery has not arrived; who said what; when it is tried again, if it is."""
    if outcome.outcome == State.REJECTED:
        why = REASONS.get(outcome.reason, "We did not send it.")
        return [why, f"The cause: {outcome.text}"] if outcome.text else [why]
    why = CLASSES.get(outcome.bounce_class, "")
    said = [*([why] if why else []), *_said(envelope, outcome)]
    return [*said, f"The next try is at {retry_at}."] if retry_at else said


def _said(envelope: Envelope, outcome: Outcome) -> list[str]:
    server = f"The server {outcome.host}" if outcome.host else "The server"
    reply = reply_of(outcome)
    if reply:
        return [f"{server} said: {reply}"]
    silence = f"{server} gave no answer: {outcome.text or outcome.reason or 'time is up'}"
    return [silence, f"Before, it said: {envelope.answered}"] if envelope.answered else [silence]


def reply_of(outcome: Outcome) -> str:
    """A server's reply as it gave it, in one line; "" if it gave none."""
    if outcome.code is None:
        return ""
    return " ".join(filter(None, (str(outcome.code), outcome.enhanced, outcome.text)))
