"""How large objects are compressed: a zstd frame if above 64 KiB, plain otherwise.

A reader tells the two apart by the frame's magic number, which no JSON begins with. The key does
not change, so that nobody has to guess it; `ekiden show KEY` prints either.
"""

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from shared.errors import Malformed

COMPRESS_ABOVE_BYTES = 64 * 1024
_MAGIC = b"\x28\xb5\x2f\xfd"
_STEP_BYTES = 1024 * 1024
_LEVEL = 1
"""Mails of one Batch are nearly alike: higher levels cost more and save little."""


def _zstd() -> Any:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def pack(chunks: Iterable[bytes]) -> bytes:
    """The chunks as one body, compressed when they are large. Holds no more than the result."""
    small: list[bytes] = []
    size = 0
    rest = iter(chunks)
    for chunk in rest:
        small.append(chunk)
        size += len(chunk)
        if size > COMPRESS_ABOVE_BYTES:
            break
    else:
        return b"".join(small)
    compressor = _zstd().ZstdCompressor(level=_LEVEL)
    packed = [compressor.compress(b"".join(small))]
    packed.extend(map(compressor.compress, rest))
    packed.append(compressor.flush())
    return b"".join(packed)


def plain_size(body: bytes) -> int:
    """How many bytes `unpack` would give, found out without holding them. Raises `Malformed`."""
    return sum(map(len, _steps(body)))


def unpack(body: bytes) -> bytes | bytearray:
    """The inverse of `pack`. Raises `Malformed`.

    Holds little more than the result, where `zstd.decompress` would hold it twice.
    """
    if body[:4] != _MAGIC:
        return body
    plain = bytearray()
    for step in _steps(body):
        plain += step
    return plain


def _steps(body: bytes) -> Iterator[bytes]:
    if body[:4] != _MAGIC:
        yield body
        return
    zstd = _zstd()
    decompressor = zstd.ZstdDecompressor()
    try:
        yield decompressor.decompress(body, max_length=_STEP_BYTES)
        while not decompressor.eof and not decompressor.needs_input:
            yield decompressor.decompress(b"", max_length=_STEP_BYTES)
    except zstd.ZstdError as error:
        raise Malformed(f"the object cannot be decompressed: {error}") from error
    if not decompressor.eof:
        raise Malformed("the compressed object is cut off")
