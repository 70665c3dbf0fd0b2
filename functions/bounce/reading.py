"""What a mail that came back says: the order in which it is looked at. Pure; never raises.

A mail that came along as an attachment is never read as a report: who forwards a bounce to us
reports nothing.
"""

from functions.bounce import auto_reply, complaint, dsn, free_text, mime
from functions.bounce.mime import Part
from functions.bounce.report import Kind, Report

_RECEIPT = "message/disposition-notification"  # RFC 8098


def read(message: bytes, sender: str) -> Report:
    """`sender`: the envelope's, "" for the null one."""
    mail = mime.parse(message)
    leaves = list(mail.leaves())
    return (
        _standard_report(leaves)
        or (Report(Kind.AUTO_REPLY) if auto_reply.is_for_a_person(mail) else None)
        or _other_report(mail, sender)
        or (Report(Kind.AUTO_REPLY) if auto_reply.is_automatic(mail) else None)
        or Report(Kind.UNKNOWN, return_paths=_of_originals(leaves))
    )


def _standard_report(leaves: list[Part]) -> Report | None:
    for part in leaves:
        if part.kind in dsn.KINDS:
            found = dsn.read(part)
            if found:
                return found
        elif part.kind == complaint.KIND:
            return complaint.read(part, leaves)
        elif part.kind == _RECEIPT:
            return Report(Kind.NOTICE)
    return None


def _other_report(mail: Part, sender: str) -> Report | None:
    """Free text counts only from a mail system: people quote bounces."""
    if sender and not auto_reply.is_from_daemon(mail):
        return None
    return free_text.read(mail)


def _of_originals(leaves: list[Part]) -> tuple[str, ...]:
    """Hotmail's reports are no RFC 5965: the mail that somebody complains about came along."""
    found = complaint.of_originals(leaves)
    return tuple(dict.fromkeys(address.lower() for address in found))[: complaint.MAX_RETURN_PATHS]
