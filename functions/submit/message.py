"""What a submit of a ready-made message decides (RFC 5322, feature R1). Pure.

The message's bytes are kept as they came; only a DKIM signature will be put in front of them. So
whatever could be read differently by two servers is refused here: bare CR and bare LF (the root of
SMTP smuggling), NUL, lines over 998 bytes, headers that are none.
"""

import base64
import re

import msgspec
from msgspec import Raw

from functions.submit.accept import check_size, due_time, refuse_all
from functions.submit.parts import checked_metadata, checked_tags
from functions.submit.request import Circumstances, parse
from shared.address import domain_of, identity, mailboxes_of, normal, normal_mailbox
from shared.http import Problem
from shared.model import Content, MessageRequest, Rejection, Sender, Submitted
from shared.suppressions import is_suppressed

MAX_HEADERS = 1000
MAX_LINE_BYTES = 998  # RFC 5322 §2.1.1

_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_BLANK_FOLD = re.compile(rb"\r\n[ \t]+(?:\r\n|\Z)")
_HEADER = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_MESSAGE = msgspec.json.Decoder(MessageRequest)


def parse_message(body: bytes) -> MessageRequest:
    """Read the JSON of `POST /v1/messages`. Raises `Problem`."""
    request: MessageRequest = parse(_MESSAGE, body)
    return request


def message_of(request: MessageRequest) -> bytes:
    """The message's bytes. Raises `Problem`."""
    if bool(request.message) == bool(request.message_base64):
        raise Problem(422, "no_content", "give the message as message or as message_base64")
    if request.message:
        return request.message.encode()
    try:
        return base64.b64decode(request.message_base64, validate=True)
    except ValueError as error:
        raise Problem(422, "invalid_message", f"message_base64 is no base 64: {error}") from error


def accept_message(
    request: MessageRequest,
    message: bytes,
    case: Circumstances,
    reports_to: str = "",
    null_return_path: bool = False,
) -> Submitted:
    """The Batch that carries this message. Raises `Problem`."""
    check_size(len(message), case.limits)
    sender = _sender(check_message(message), case.domain)
    if not request.recipients:
        raise Problem(422, "no_recipients", "recipients is empty")
    if len(request.recipients) > case.limits.max_recipients:
        raise Problem(422, "too_many_recipients", f"at most {case.limits.max_recipients}")
    kept, rejected = _sort_out(request.recipients, case)
    if not kept:
        refuse_all(rejected)
    content = Content(
        batch=case.batch,
        domain=case.domain,
        accepted_at=case.now,
        due_at=due_time(request.scheduled_time, case),
        digest=case.digest,
        accepted=len(kept),
        rejected=rejected,
        sender=sender,
        message=message.decode("latin-1"),
        tags=checked_tags(request.tags),
        metadata=checked_metadata(request.metadata),
        pool=request.pool,
        reports_to=reports_to,
        null_return_path=null_return_path,
    )
    return Submitted(content=content, recipients=kept)


def check_message(message: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of a message that two servers cannot read differently. Raises `Problem`."""

    def refuse(detail: str) -> Problem:
        return Problem(422, "invalid_message", detail)

    if (bare := _BARE.search(message)) is not None:
        line = message.count(b"\n", 0, bare.start()) + 1
        raise refuse(f"line {line} ends in a bare CR or LF; lines end in CRLF (RFC 5322 §2.3)")
    if b"\x00" in message:
        raise refuse("the message has a NUL character")
    if max(map(len, message.split(b"\r\n"))) > MAX_LINE_BYTES:
        raise refuse(f"a line has more than {MAX_LINE_BYTES} bytes (RFC 5322 §2.1.1)")
    head, gap, _ = message.partition(b"\r\n\r\n")
    if not gap:
        raise refuse("no empty line ends the headers: the message has no body, or was cut off")
    if _BLANK_FOLD.search(head):
        raise refuse("a header goes on in a blank line, which some take for the end of all headers")
    lines = re.split(rb"\r\n(?![ \t])", head)
    if len(lines) > MAX_HEADERS:
        raise refuse(f"{len(lines)} headers; at most {MAX_HEADERS} are allowed")
    headers: list[tuple[bytes, bytes]] = []
    for number, field in enumerate(lines, 1):
        match = _HEADER.fullmatch(field)
        if match is None:
            raise refuse(f"header {number} is not 'Name: value'")
        headers.append((match[1].lower(), match[2]))
    return headers


def unfolded(value: bytes) -> str:
    """A header's value in one line."""
    return " ".join(value.decode("utf-8", "replace").split())


def _sender(headers: list[tuple[bytes, bytes]], domain: str) -> Sender:
    fields = [value for name, value in headers if name == b"from"]
    authors = mailboxes_of(unfolded(fields[0])) if len(fields) == 1 else []
    author = normal_mailbox(authors[0]) if len(authors) == 1 else None
    if author is None:
        raise Problem(422, "invalid_sender", "the message needs one From header with one address")
    address = author[1]
    if domain_of(address) != domain:
        detail = f"this API key sends for {domain}, not for {domain_of(address)}"
        raise Problem(403, "foreign_sender", detail)
    return Sender(email=address)


def _sort_out(addresses: list[str], case: Circumstances) -> tuple[list[Raw], list[Rejection]]:
    kept: list[Raw] = []
    rejected: list[Rejection] = []
    seen: set[str] = set()
    for text in addresses:
        address = normal(text)
        reason = ""
        if address is None:
            reason = "invalid_email"
        elif identity(address) in seen:
            reason = "duplicate"
        elif is_suppressed(address, case.suppressed):
            reason = "suppressed"
        if reason or address is None:
            rejected.append(Rejection(text, reason))
        else:
            seen.add(identity(address))
            kept.append(Raw(msgspec.json.encode({"email": address})))
    return kept, rejected
