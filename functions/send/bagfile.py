"""Reading and writing a `dispatched/` object: a header line, then an Envelope a line."""

from collections.abc import Iterable, Iterator

import msgspec

from shared.codec import pack, unpack
from shared.errors import Malformed
from shared.model import BagHeader, Envelope, encode


class AttemptHeader(BagHeader, frozen=True, kw_only=True, omit_defaults=True):
    """The header as `send` writes it for a later attempt. `dispatch` writes the plain one."""

    parts_before: int = 0
    """How many parts of Outcomes there were when this Bag was made of them. If the attempts before
    it have as many now, they say nothing that the Bag does not know, and need not be read."""


_HEADER = msgspec.json.Decoder(AttemptHeader)
_ENVELOPE = msgspec.json.Decoder(Envelope)


def decode(body: bytes) -> tuple[AttemptHeader, list[Envelope]]:
    """Raises `Malformed`."""
    try:
        plain = unpack(body)
        end = plain.find(b"\n") if b"\n" in plain else len(plain)
        lines = memoryview(plain)  # a slice of it is no copy
        return _HEADER.decode(lines[:end]), _ENVELOPE.decode_lines(lines[end + 1 :])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"this is no Bag of Envelopes: {error}") from error


def encode_bag(header: BagHeader, envelopes: Iterable[Envelope]) -> bytes:
    def lines() -> Iterator[bytes]:
        yield encode(header) + b"\n"
        for envelope in envelopes:
            yield encode(envelope) + b"\n"

    return pack(lines())
