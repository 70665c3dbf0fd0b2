"""Reading and writing a `dispatched/` object: a header line, then an Envelope a line."""

from collections.abc import Iterable, Iterator

import msgspec

from shared.codec import pack, unpack
from shared.errors import Malformed
from shared.model import BagHeader, Envelope, encode

_HEADER = msgspec.json.Decoder(BagHeader)
_ENVELOPE = msgspec.json.Decoder(Envelope)


def decode(body: bytes) -> tuple[BagHeader, list[Envelope]]:
    """Raises `Malformed`."""
    try:
        first, _, rest = unpack(body).partition(b"\n")
        return _HEADER.decode(first), _ENVELOPE.decode_lines(rest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"this is no Bag of Envelopes: {error}") from error


def encode_bag(header: BagHeader, envelopes: Iterable[Envelope]) -> bytes:
    def lines() -> Iterator[bytes]:
        yield encode(header) + b"\n"
        for envelope in envelopes:
            yield encode(envelope) + b"\n"

    return pack(lines())
