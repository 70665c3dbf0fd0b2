"""What dispatch decides: the Envelopes of a Bag. Pure: the same Bag gives the same bytes (X5).

A Batch is prepared once (Templates compiled, MIME tree laid out, keys loaded) and then filled for
each Recipient. A Recipient whose mail cannot be made is rejected alone.
"""

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from typing import Any

from functions.dispatch import headers as fields
from functions.dispatch.canonical import encode_headers
from functions.dispatch.dkim import DkimKey, Signer, sign_message
from functions.dispatch.mime import HTML, TEXT, Filled, Layout
from functions.dispatch.tracked import Tracked
from shared import dkim_keys, unsubscribe
from shared.dkim_stored import StoredKey
from shared.domains import DkimKeys, Domain
from shared.ids import delivery_id, return_path
from shared.model import Bag, BagHeader, Content, Envelope, Row, encode
from shared.suppressions import is_suppressed
from shared.templating import Compiled, TemplateFault, compiled
from shared.tracking_tokens import SigningKey

STRETCH_CHARS = 500
"""Shorter pieces are not worth a place of their own."""


class PreparedBatch:
    """All of a Batch's work that does not depend on the Recipient."""

    def __init__(
        self,
        content: Content,
        domain: Domain,
        dkim: DkimKeys,
        max_steps: int,
        max_chars: int,
        tracking_key: SigningKey | None = None,
    ) -> None:
        def compile_(source: str, *, html: bool = False) -> Compiled:
            return compiled(source, html=html, max_steps=max_steps, max_chars=max_chars)

        self._content = content
        self._secret = bytes.fromhex(domain.return_path_secret)
        self._return_host = domain.return_path_host or domain.name
        self.pool = content.pool or (domain.pools[0] if domain.pools else "")
        self._signer = _signer(domain.name, tuple(dkim.in_use()))
        self._time = int(content.due_at)
        self._tracked = Tracked(content, tracking_key) if tracking_key else None
        self.shared: list[str] = []
        self._bodies: dict[str, Compiled] = {}
        if content.message:
            self._prepare_message(content.message.encode("latin-1"))
            return
        self._subject = compile_(content.subject)
        self._bodies = {
            slot: compile_(source, html=slot == HTML)
            for slot, source in ((HTML, content.html), (TEXT, content.text))
            if source
        }
        self._layout = Layout(
            content.batch,
            html=bool(content.html),
            text=bool(content.text),
            attachments=content.attachments,
        )
        self.shared = self._layout.shared
        self._shared_bytes = [stretch.encode("latin-1") for stretch in self.shared]
        self._headers = fields.of_batch(content)
        self._shown_to = fields.mailboxes(content.headers.to)

    def _prepare_message(self, message: bytes) -> None:
        signature = sign_message(self._signer, message, self._time)
        self.shared = [(signature + message).decode("latin-1")]

    def stretches(self, bag: Bag) -> list[str]:
        """Long pieces of text that the first two mails have in common: what the Template says.

        A Bag holds them once. Most of a mail is in them, so that storing and reading a Bag costs
        a fraction of what all its mails would.
        """
        both: list[list[str]] = []
        for row in bag.rows:
            delivery = delivery_id(bag.batch, bag.bag, row.n)
            with suppress(TemplateFault, unsubscribe.Unresolved):
                texts = self._texts(delivery, row, *self._fields(delivery, row)).values()
                both.append([piece for pieces in texts for piece in pieces])
            if len(both) == 2:
                second = set(both[1])
                long = (each for each in both[0] if len(each) >= STRETCH_CHARS and each in second)
                return list(dict.fromkeys(long))
        return []

    def envelope(self, bag: int, row: Row, shared: dict[str, int]) -> Envelope:
        """The Envelope for one Recipient, or why there is none. `shared`: stretch → index."""
        if row.rejected:
            return Envelope(n=row.n, recipient=row.email, rejected=row.rejected)
        delivery = delivery_id(self._content.batch, bag, row.n)
        try:
            message: list[str | int] = [0]
            if not self._content.message:
                message = self._message(delivery, row, shared)
        except TemplateFault as fault:
            return Envelope(
                n=row.n, recipient=row.email, rejected="template_error", detail=str(fault)
            )
        except unsubscribe.Unresolved as fault:
            return Envelope(
                n=row.n,
                recipient=row.email,
                rejected="unsubscribe_url_unresolved",
                detail=str(fault),
            )
        sender = ""
        if not self._content.null_return_path:
            sender = return_path(delivery, self._return_host, self._secret)
        return Envelope(n=row.n, recipient=row.email, return_path=sender, message=message)

    def _message(self, delivery: str, row: Row, shared: dict[str, int]) -> list[str | int]:
        values, url = self._fields(delivery, row)
        pieces = self._texts(delivery, row, values, url)
        texts = {slot: "".join(each) for slot, each in pieces.items()}
        content_headers, body = self._layout.fill(texts)
        headers = [*self._headers, *self._own_headers(delivery, row, values, url), *content_headers]
        whole = b"".join(map(self._bytes, body))
        signature = self._signer.sign(headers, whole, self._time)
        head = encode_headers("".join([f"{name}: {value}\r\n" for name, value in headers]))
        message: list[str | int] = [(signature + head + b"\r\n").decode("latin-1")]
        for part in body:
            if isinstance(part, Filled) and part.verbatim:
                message += [shared.get(piece, piece) for piece in pieces[part.slot]]
                if len(part.data) > len(texts[part.slot]):
                    message.append("\r\n")
            else:
                message.append(
                    part if isinstance(part, int) else self._bytes(part).decode("latin-1")
                )
        return _merged(message)

    def _fields(self, delivery: str, row: Row) -> tuple[dict[str, Any], str]:
        """(what the Templates may use, the URL that unsubscribes or ""). Raises `Unresolved`."""
        values = {**self._content.global_fields, **row.fields}
        url = ""
        if self._content.unsubscribe_url:
            url = unsubscribe.fill(self._content.unsubscribe_url, values)
        elif self._content.hosted_unsubscribe and self._tracked:
            url = values["unsubscribe_url"] = self._tracked.unsubscribe_url(delivery)
        return values, url

    def _texts(
        self, delivery: str, row: Row, values: dict[str, Any], url: str
    ) -> dict[str, list[str]]:
        """Each text in pieces, as this Recipient gets it."""
        pieces = {slot: body.pieces(values) for slot, body in self._bodies.items()}
        if self._tracked and HTML in pieces:
            tracking = self._tracked.tracking_of(row)
            if not tracking.is_off:
                pieces[HTML] = self._tracked.html(pieces[HTML], delivery, tracking, url)
        return pieces

    def _bytes(self, part: Filled | bytes | int) -> bytes:
        if isinstance(part, Filled):
            return part.data
        return self._shared_bytes[part] if isinstance(part, int) else part

    def _own_headers(
        self, delivery: str, row: Row, values: dict[str, Any], url: str
    ) -> list[tuple[str, str]]:
        headers = [
            ("To", self._shown_to or fields.mailbox("", row.email)),
            ("Subject", fields.unstructured("Subject", self._subject.render(values))),
            ("Message-ID", f"<{delivery}@{self._content.domain}>"),
        ]
        if url:
            headers.append(("List-Unsubscribe", f"<{url}>"))
            headers.append(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
        return headers


@lru_cache(maxsize=64)
def _signer(domain: str, stored: tuple[StoredKey, ...]) -> Signer:
    # Batches of one Recipient come by the thousand, and checking an RSA key takes as long as 30
    # signatures.
    return Signer(
        domain, [DkimKey(key.selector, key.algorithm, dkim_keys.load(key)) for key in stored]
    )


def _merged(message: list[str | int]) -> list[str | int]:
    """The same message with neighbouring texts made one."""
    merged: list[str | int] = []
    texts: list[str] = []
    for piece in message:
        if isinstance(piece, str):
            texts.append(piece)
            continue
        # join gives plain text, also of what the Template engine has marked as escaped.
        merged += ["".join(texts), piece] if texts else [piece]
        texts = []
    return [*merged, "".join(texts)] if texts else merged


def render_bag(prepared: PreparedBatch, content: Content, bag: Bag) -> Iterator[bytes]:
    """The lines of the Bag's `dispatched/` object, one at a time."""
    stretches = prepared.stretches(bag)
    places = {stretch: len(prepared.shared) + place for place, stretch in enumerate(stretches)}
    header = BagHeader(
        batch=bag.batch,
        bag=bag.bag,
        attempt=0,
        domain=bag.domain,
        due_at=content.due_at,
        pool=prepared.pool,
        reports_to=content.reports_to,
        shared=prepared.shared + stretches,
    )
    yield encode(header) + b"\n"
    for row in bag.rows:
        yield encode(prepared.envelope(bag.bag, row, places)) + b"\n"


def without_suppressed(bag: Bag, suppressed: frozenset[str]) -> Bag:
    """The Bag with the Recipients marked whose address has been suppressed since `validate`."""
    if not suppressed:
        return bag
    rows = [
        Row(row.n, row.email, rejected="suppressed")
        if not row.rejected and is_suppressed(row.email, suppressed)
        else row
        for row in bag.rows
    ]
    return Bag(batch=bag.batch, bag=bag.bag, domain=bag.domain, rows=rows)
