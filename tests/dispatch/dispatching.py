"""One Batch through dispatch's pure part: a Content and rows in, Envelopes and messages out.

made = dispatched(text="Dear {{ name }}", rows=[{"name": "Ann"}])
assert made.mails[0].get_content() == "Dear Ann\r\n"
"""

import base64
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from typing import Any

import msgspec

from functions.dispatch.job import Job, render
from functions.send import bagfile
from shared import dkim_keys
from shared.dkim_stored import Algorithm, StoredKey
from shared.domains import DkimKeys, Domain
from shared.model import (
    Attachment,
    Bag,
    BagHeader,
    Content,
    Envelope,
    Row,
    Sender,
    message_bytes,
)

BATCH = "01hf7yat00abcdefghjkmnpqrs"
DOMAIN = "example.org"
DUE_AT = 1_700_000_000.5
SECRET = "5e" * 32


@cache
def stored_key(algorithm: Algorithm, selector: str) -> StoredKey:
    return dkim_keys.generate(algorithm, selector, created=0.0)


def content(**said: Any) -> Content:
    """A Batch's content: `text`, `html`, `subject` … as given."""
    given = {"subject": "Hello", "sender": Sender(email=f"news@{DOMAIN}"), "bag_size": 500, **said}
    if not {"html", "text", "message"} & set(said):
        given["text"] = "Hello\r\n"
    times = {"accepted_at": DUE_AT, "due_at": DUE_AT}
    return Content(batch=BATCH, domain=DOMAIN, digest="", accepted=1, **times, **given)


def attachment(name: str, data: bytes, kind: str = "application/pdf", cid: str = "") -> Attachment:
    encoded = base64.b64encode(data).decode()
    return Attachment(filename=name, content=encoded, content_type=kind, content_id=cid)


def bag_of(*rows: Row | dict[str, Any]) -> Bag:
    """Rows, or just their fields."""
    full = [
        row if isinstance(row, Row) else Row(n, f"r{n}@sink.example", row)
        for n, row in enumerate(rows)
    ]
    return Bag(batch=BATCH, bag=3, domain=DOMAIN, rows=full)


def job_of(
    said: Content,
    bag: Bag,
    keys: tuple[StoredKey, ...] = (),
    suppressed: frozenset[str] = frozenset(),
    **domain: str,
) -> Job:
    keys = keys or (stored_key("ed25519-sha256", "e1"),)
    record = Domain(name=DOMAIN, created_at=0.0, return_path_secret=SECRET, **domain)
    return Job(
        content=msgspec.json.encode(said),
        domain=msgspec.json.encode(record),
        dkim=msgspec.json.encode(DkimKeys(list(keys), [key.selector for key in keys])),
        bag=msgspec.json.encode(bag),
        suppressed=suppressed,
        max_steps=10_000,
        max_chars=1_000_000,
    )


@dataclass(frozen=True)
class Made:
    """A `dispatched/` object, taken apart."""

    body: bytes
    header: BagHeader
    envelopes: list[Envelope]

    @property
    def messages(self) -> list[bytes]:
        """As they go over the wire; of a rejected one nothing."""
        return [message_bytes(each, self.header.shared) for each in self.envelopes]

    @property
    def mails(self) -> list[EmailMessage]:
        return [parsed(message) for message in self.messages]

    @property
    def mail(self) -> EmailMessage:
        """The only one."""
        (mail,) = self.mails
        return mail


def parsed(message: bytes) -> EmailMessage:
    mail = message_from_bytes(message, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def made_of(body: bytes) -> Made:
    return Made(body, *bagfile.decode(body))


def dispatched(
    *rows: Row | dict[str, Any],
    keys: tuple[StoredKey, ...] = (),
    suppressed: frozenset[str] = frozenset(),
    domain: dict[str, str] | None = None,
    **said: Any,
) -> Made:
    """What dispatch makes of this content for these rows (one without fields if none is given)."""
    bag = bag_of(*(rows or ({},)))
    return made_of(render(job_of(content(**said), bag, keys, suppressed, **(domain or {}))))


def shape(mail: EmailMessage) -> Any:
    """The tree of types: `("multipart/mixed", ["text/plain", "image/png"])`."""
    if not mail.is_multipart():
        return mail.get_content_type()
    return mail.get_content_type(), [shape(part) for part in mail.iter_parts()]
