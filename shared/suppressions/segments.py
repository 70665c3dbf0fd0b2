"""A segment's objects.

    domains/<domain>/suppressed/<segment>/digests         8 bytes an address, sorted
    domains/<domain>/suppressed/<segment>/000000.jsonl    the same addresses, 4,096 lines an object

The place of an address among the digests says in which block it stands, and on which line. A line
may be rewritten, but places never change.
"""

import asyncio
import heapq
from array import array
from collections.abc import AsyncIterator, Sequence

from shared import keys
from shared.codec import pack, unpack
from shared.errors import Changed, Malformed
from shared.store.base import Store
from shared.suppressions.index import Segment
from shared.suppressions.known import pack_prefixes, unpack_prefixes
from shared.together import together

BLOCK = 4096
"""Lines of one object: one address is read in milliseconds, a million in 245 requests."""
_AT_ONCE = 8
NOTHING = b"{}"
"""The line of an address that was taken away."""

Line = tuple[int, bytes]
"""The prefix of a digest, and the entry."""
Lines = AsyncIterator[Line]


async def write(store: Store, domain: str, name: str, lines: Lines) -> int:
    """Write a segment of sorted lines, as they come; return how many. Holds some blocks of them.

    The digests last: a reader looks at nothing before the index names the segment, though.
    """
    prefixes = array("Q")
    block: list[bytes] = []
    waiting: list[tuple[str, bytes]] = []
    async for prefix, line in lines:
        prefixes.append(prefix)
        block.append(line)
        if len(block) == BLOCK:
            number = len(prefixes) // BLOCK - 1
            waiting.append((keys.suppressed_block(domain, name, number), _packed(block)))
            block = []
            await asyncio.sleep(0)  # others of this process have work, too
        if len(waiting) == _AT_ONCE:
            await together(store.put(*each) for each in waiting)
            waiting = []
    if block:
        number = len(prefixes) // BLOCK
        waiting.append((keys.suppressed_block(domain, name, number), _packed(block)))
    if prefixes:
        waiting.append((keys.suppressed_digests(domain, name), pack_prefixes(prefixes)))
        await together(store.put(*each) for each in waiting)
    return len(prefixes)


def _packed(block: list[bytes]) -> bytes:
    return pack([b"\n".join(block) + b"\n"])


async def prefixes_of(store: Store, domain: str, segment: str) -> "array[int]":
    """Raises `NotFound`: it was merged away."""
    body = (await store.get(keys.suppressed_digests(domain, segment))).body
    return unpack_prefixes(body)


async def lines_of(
    store: Store, domain: str, segment: Segment, prefixes: "array[int]", start: int = 0
) -> Lines:
    """The lines from place `start` on, without those that are gone. Raises `NotFound`."""
    gone = frozenset(segment.gone)
    first, last = start // BLOCK, -(-len(prefixes) // BLOCK)
    at_once = 1  # a page needs no more
    while first < last:
        numbers = range(first, min(first + at_once, last))
        first, at_once = numbers.stop, _AT_ONCE
        blocks = await together(read_block(store, domain, segment.name, each) for each in numbers)
        for number, (lines, _) in zip(numbers, blocks, strict=True):
            if len(lines) != min(BLOCK, len(prefixes) - number * BLOCK):
                raise Malformed(f"block {number} of segment {segment.name} of {domain} lacks lines")
            for place, line in enumerate(lines, number * BLOCK):
                if place >= start and place not in gone:
                    yield prefixes[place], line


async def read_block(
    store: Store, domain: str, segment: str, number: int
) -> tuple[list[bytes], str]:
    """(the lines of a block, its ETag). Raises `NotFound`, `Malformed`."""
    found = await store.get(keys.suppressed_block(domain, segment, number))
    lines = bytes(unpack(found.body)).split(b"\n")
    if lines.pop() or len(lines) > BLOCK:
        raise Malformed(f"block {number} of segment {segment} of {domain} is cut off")
    return lines, found.etag


def line_at(lines: Sequence[bytes], place: int) -> bytes:
    """Of the block that has this place. Raises `Malformed`."""
    if place % BLOCK >= len(lines):
        raise Malformed(f"a block of suppressions lacks line {place % BLOCK}")
    return lines[place % BLOCK]


async def rewrite(store: Store, domain: str, segment: str, place: int, line: bytes) -> None:
    """Put another line in this place. Raises `NotFound`: the segment was merged away."""
    number = place // BLOCK
    key = keys.suppressed_block(domain, segment, number)
    while True:
        lines, etag = await read_block(store, domain, segment, number)
        if line_at(lines, place) == line:
            return
        lines[place % BLOCK] = line
        try:
            await store.replace(key, _packed(lines), etag)
        except Changed:
            continue
        return


async def merged(sources: Sequence[Lines]) -> Lines:
    """All lines in order; of several for one address the one of the first source."""
    heap: list[tuple[int, int, bytes]] = []
    for number, source in enumerate(sources):
        if first := await anext(source, None):
            heap.append((first[0], number, first[1]))
    heapq.heapify(heap)
    last = -1
    while heap:
        prefix, number, line = heap[0]
        if prefix != last:
            yield prefix, line
            last = prefix
        if following := await anext(sources[number], None):
            heapq.heapreplace(heap, (following[0], number, following[1]))
        else:
            heapq.heappop(heap)
