"""What happened to a mail, as a sentence that a person understands. Pure.

The server's own words stand behind it, in brackets: they are what its operator can look up.
"""

from shared import feedback
from shared.address import domain_of
from shared.feedback import Event
from shared.outcome import Outcome, State
from shared.vocabulary import REASONS

MEANING = {
    State.QUEUED: "accepted, and not tried yet",
    State.REJECTED: "refused by Ekiden, before it was transmitted",
    State.DELIVERED: "the next server took responsibility; it says nothing about a reader",
    State.DEFERRED: "not taken now; it is tried again",
    State.BOUNCED: "a server said no for good, or too often",
    State.FAILED: "no server ever answered within the time for retries",
    State.CANCELLED: "taken back by the app",
}

ORDER = (
    State.DELIVERED,
    State.DEFERRED,
    State.BOUNCED,
    State.FAILED,
    State.REJECTED,
    State.CANCELLED,
    State.QUEUED,
)
"""As people read them: what is well, what may become it, what is lost, what is to come."""

_SAID = {
    "invalid_recipient": "{server} does not know this mailbox",
    "mailbox_full": "{server} says that the mailbox has no room left",
    "policy": "{server} refused it by a rule of its own",
    "spam": "{server} takes the message, its links or its sender for spam",
    "blocked_address": "{server} does not take mail from the address that we send from",
    "auth_failure": "{server} found SPF, DKIM, DMARC or reverse DNS wrong, or refused our login",
    "greylisted": "{server} wants to see a second attempt, and will be asked again",
    "rate_limited": "{server} found it too much at once, and will be asked again more slowly",
    "unreachable": "No mail server of {domain} could be reached",
    "tls": "{server} and we found no encryption that is required here",
    "other": "{server} said no",
}
"""Bounce class → who said what."""

_STEPS = {
    "connect": "while we connected",
    "greeting": "before it had greeted us",
    "ehlo": "when we said who we are",
    "starttls": "when encryption began",
    "auth": "when we logged in",
    "mail": "when it heard who the mail is from",
    "rcpt": "when it heard who the mail is for",
    "data": "before it saw the message",
    "body": "after it had seen the message",
}

_EVENTS = {
    feedback.BOUNCED: "A report came back: it was taken first, and then not delivered",
    feedback.COMPLAINED: "Somebody marked it as spam",
    feedback.OPENED: "Somebody opened it",
    feedback.CLICKED: "Somebody followed a link",
    feedback.UNSUBSCRIBED: "Somebody unsubscribed",
}
_MACHINES = {
    feedback.PROXY: "A mail provider fetched its pictures, whether anybody looked or not",
    feedback.BOT: "A program that checks mail looked into it",
}


def of_outcome(outcome: Outcome) -> str:
    """One sentence, without its full stop."""
    match outcome.outcome:
        case State.DELIVERED:
            return _with_reply(f"{_server(outcome)} took it", outcome)
        case State.REJECTED:
            return _rejected(outcome)
        case State.CANCELLED:
            return "The app took it back before it was transmitted"
        case State.QUEUED:
            return "It waits for its first attempt"
        case State.FAILED:
            return f"No mail server of {_domain(outcome)} ever answered, and the time is over"
    return _refused(outcome)


def _refused(outcome: Outcome) -> str:
    if outcome.reason == "held":
        return f"It was held back here: {outcome.text}" if outcome.text else "It was held back here"
    template = _SAID.get(outcome.bounce_class, _SAID["other"])
    if outcome.code is None and not outcome.enhanced:
        template = _SAID["tls" if outcome.bounce_class == "tls" else "unreachable"]
    said = template.format(server=_server(outcome), domain=_domain(outcome))
    step = _STEPS.get(outcome.reason, "") if outcome.code else ""
    return _with_reply(f"{said}, {step}" if step and _is_vague(outcome) else said, outcome)


def _is_vague(outcome: Outcome) -> bool:
    """Where it happened helps to understand it."""
    return outcome.bounce_class in ("other", "policy", "auth_failure", "tls", "blocked_address", "")


def _rejected(outcome: Outcome) -> str:
    meaning = REASONS.get(outcome.reason, "").rstrip(".")
    said = f"Ekiden refused it: {meaning or outcome.reason or outcome.text or 'no reason is known'}"
    return f"{said} ({outcome.text})" if outcome.text and meaning else said


def _with_reply(said: str, outcome: Outcome) -> str:
    reply = reply_of(outcome)
    return f"{said} ({reply})" if reply else said


def reply_of(outcome: Outcome) -> str:
    """The code and the enhanced code; without an answer, what we saw."""
    if outcome.code is None:
        return outcome.text
    return " ".join(filter(None, (str(outcome.code), outcome.enhanced)))


def verbatim(outcome: Outcome) -> str:
    """The reply as the server gave it."""
    code = str(outcome.code) if outcome.code is not None else ""
    enhanced = "" if outcome.text.startswith(outcome.enhanced) else outcome.enhanced
    return " ".join(filter(None, (code, enhanced, outcome.text)))


def of_event(event: Event) -> str:
    """One sentence, without its full stop."""
    machine = _MACHINES.get(event.by) if event.kind in (feedback.OPENED, feedback.CLICKED) else None
    said = machine or _EVENTS.get(event.kind, event.kind)
    if event.kind == feedback.CLICKED and event.url:
        said += f": {event.url}"
    if event.kind == feedback.BOUNCED and event.text:
        said += f" ({event.text})"
    return said


def notes_of(outcome: Outcome) -> list[str]:
    """What else is worth knowing, a short line each."""
    notes = []
    if outcome.ambiguous:
        notes.append("It may have arrived twice: the connection ended before the answer came")
    if outcome.outcome is State.DELIVERED or outcome.tls:
        notes.append(_secured(outcome))
    if outcome.hard:
        notes.append("It would be the same tomorrow, so the address is suppressed")
    return notes


def _secured(outcome: Outcome) -> str:
    if not outcome.tls:
        return "Not encrypted on its way there"
    proofs = {"pki": "a certificate proved its name", "dane": "DANE proved its name"}
    proof = proofs.get(outcome.tls_proof, "nothing proved its name")
    return f"Encrypted with {outcome.tls}; {proof}"


def _server(outcome: Outcome) -> str:
    return f"The server of {_domain(outcome)}"


def _domain(outcome: Outcome) -> str:
    return domain_of(outcome.recipient) or "the Recipient"
