"""Reports that are no RFC 3464 DSN: qmail, old Exim and Exchange, and many others. Pure.

Who is meant: Exim's header, qmail's paragraphs, then what `flufl.bounce` knows of others. Why: the
first SMTP reply, or code of RFC 3463, that stands behind the address.
"""

import logging
import re
from email.message import Message

from functions.bounce.mime import Part
from functions.bounce.report import Kind, Report, Reported
from functions.bounce.words import address_in, reply_in

MAX_RECIPIENTS = 50
MAX_LINES = 1000
_PASSAGE_CHARS = 1500

_ORIGINAL = re.compile(
    r"^(?:-{2,} ?(?:below this line|this is a copy|original message|transcript of the original"
    r"|(?:the )?header|the body)|-{5,}\s*(?:original|returned)|return-path:|received: from)",
    re.IGNORECASE | re.MULTILINE,
)
"""Behind it stands our own mail: its words are not theirs."""
_QMAIL = re.compile(r"^<([^<>\s]+@[^<>\s]+)>:\s*$", re.MULTILINE)
_IS_QMAIL = re.compile(r"this is the \S{0,40} ?(?:qmail|mail) ?\S{0,40} program|qmail-send", re.I)
_DELAYED = re.compile(
    r"\b(?:delay|delayed|still (?:being )?(?:trying|retried|queued)|not yet been delivered"
    r"|warning: (?:message|could not send)|will (?:be )?retr(?:y|ied)|you do not need to resend)",
    re.IGNORECASE,
)


def read(mail: Part) -> Report | None:
    """What it says, or None if it is no report that anybody knows."""
    text = "\n".join(part.text for part in mail.leaves() if part.kind.startswith("text/"))
    text = "\n".join(text.split("\n")[:MAX_LINES])
    original = _ORIGINAL.search(text)
    said = text[: original.start()] if original else text
    delayed, failed = _named(mail, said)
    if not (delayed or failed):
        delayed, failed = _by_flufl(mail, said)
    if failed and _DELAYED.search(mail.value("subject")):
        delayed, failed = failed, []
    if failed:
        return Report(Kind.BOUNCE, tuple(_reported(each, failed, said) for each in failed))
    if delayed:
        return Report(Kind.DELAY, tuple(Reported(each, "delayed") for each in delayed))
    return None


def _named(mail: Part, said: str) -> tuple[list[str], list[str]]:
    """(delayed, failed) of those that name the addresses in one place."""
    exim = [value for name, value in mail.fields if name == "x-failed-recipients"]
    if exim:
        return [], _addresses(",".join(exim).split(","))
    if _IS_QMAIL.search(said):
        return [], _addresses(_QMAIL.findall(said))
    return [], []


def _addresses(texts: list[str]) -> list[str]:
    found = [address_in(text) for text in texts[:MAX_RECIPIENTS]]
    return list(dict.fromkeys(address for address in found if address))


def _by_flufl(mail: Part, said: str) -> tuple[list[str], list[str]]:
    """(delayed, failed), as `flufl.bounce` finds them."""
    from flufl.bounce import all_failures  # loads seventeen detectors: only for what is no DSN

    # It logs a traceback for each mail that is odder than it thought: strangers' mail is.
    logging.getLogger("flufl.bounce").setLevel(logging.CRITICAL)
    try:
        delayed, failed = all_failures(_message(mail, said))
    except Exception:  # noqa: BLE001 - it looks for habits of old servers, not for broken mail
        return [], []
    texts = [
        sorted(each.decode("utf-8", "replace") for each in found) for found in (delayed, failed)
    ]
    return _addresses(texts[0]), _addresses(texts[1])


def _message(mail: Part, said: str | None = None) -> Message:
    """The tree as `flufl.bounce` wants it: with the bounds that ours has."""
    message = Message()
    for name, value in mail.fields[:100]:
        if name not in ("content-type", "content-transfer-encoding", "mime-version"):
            message[name] = value
    if mail.parts:
        message["Content-Type"] = mail.value("content-type")
        message.set_payload([_message(part) for part in mail.parts])
    else:
        message["Content-Type"] = mail.kind
        text = mail.text if said is None else said
        message.set_payload("\n".join(text.split("\n")[:MAX_LINES]))
    return message


def _reported(address: str, others: list[str], said: str) -> Reported:
    """With the reason that stands behind the address, before another one comes."""
    lower = said.lower()
    place = lower.find(address.lower())
    start = place + len(address) if place >= 0 else 0
    ends = [lower.find(other.lower(), start) for other in others if other != address]
    end = min([found for found in ends if found >= 0], default=len(said))
    code, enhanced, text = reply_in(said[start : min(end, start + _PASSAGE_CHARS)])
    return Reported(
        address,
        code=code,
        enhanced=enhanced or ("" if code else "5.0.0"),
        text=text.lstrip(">: "),
    )
