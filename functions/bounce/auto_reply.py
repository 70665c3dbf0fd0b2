"""What answers by itself and is no report: vacation notices and the like, RFC 3834. Pure.

A null sender alone is no proof of anything: people's clients and bad bounces come with others.
"""

import re
from email.errors import MessageError
from email.header import decode_header, make_header

from functions.bounce.mime import Part

_SAYS_SO = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
    "x-vacation",
    "x-ms-exchange-inbox-rules-loop",
)
_PRECEDENCE = frozenset({"auto_reply", "auto-reply"})
_BULK = frozenset({"bulk", "junk", "list"})
_SUBJECT = re.compile(
    r"(?:re: ?)?\W*(?:auto:|auto(?:matic(?:ally)?|mated)?[ -:]*(?:reply|response|generated)"
    r"|out of (?:the )?office|ooo\b|(?:i am |i'm )?(?:on vacation|away from)|on (?:annual )?leave"
    r"|abwesenheit|automatische antwort|r[ée]ponse automatique|absence du bureau|afwezig"
    r"|risposta automatica|respuesta autom[áa]tica|fuera de la oficina|resposta autom[áa]tica)",
    re.IGNORECASE,
)
_DAEMON = re.compile(
    r"mailer[-_ ]?daemon|mail[- ]?(?:daemon|delivery (?:sub)?system)|postmaster@|microsoftexchange"
    r"|<>|mdaemon@|system administrator|delivery (?:subsystem|notification)",
    re.IGNORECASE,
)


def is_from_daemon(mail: Part) -> bool:
    """Whether it says that it comes from a mail system, not from a person's mailbox."""
    return _DAEMON.search(_readable(mail.value("from"))) is not None


def is_for_a_person(mail: Part) -> bool:
    """A machine's answer in the name of a person: stronger than all words about mailboxes."""
    submitted = mail.value("auto-submitted").strip().lower()  # RFC 3834 §5
    if any(mail.value(name) for name in _SAYS_SO):
        return not is_from_daemon(mail)
    if mail.value("precedence").strip().lower() in _PRECEDENCE:
        return not is_from_daemon(mail)
    if submitted.startswith(("auto-replied", "auto-generated")) and not is_from_daemon(mail):
        return not mail.value("x-failed-recipients")
    return _SUBJECT.match(_readable(mail.value("subject"))) is not None


def is_automatic(mail: Part) -> bool:
    """Any machine's mail that is neither from a mail system nor in a person's name."""
    submitted = mail.value("auto-submitted").strip().lower()
    bulk = mail.value("precedence").strip().lower() in _BULK
    return (submitted not in ("", "no") or bulk) and not is_from_daemon(mail)


def _readable(value: str) -> str:
    """Without encoded words (RFC 2047)."""
    value = value[:1000]
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (MessageError, LookupError, ValueError):
        return value
