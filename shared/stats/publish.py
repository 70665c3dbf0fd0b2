"""From what was counted to `stats/<domain>/<day>/`: each source's numbers stand there side by side.

A source (a window of Batches, a Domain's events of a day) writes all its numbers of a day in the
place of those that it wrote before, and never an older version over a newer one. So it may be done
twice, late, or by two at once.
"""

from collections.abc import Iterable, Mapping

import msgspec

from shared import keys
from shared.codec import pack, unpack
from shared.errors import AlreadyExists, Changed, Malformed, NotFound, Temporary
from shared.stats.counts import ALL, OF, TO, Counts, Table, of_day, summed
from shared.store.base import Store
from shared.together import together

COUNTS = "counts"
"""All rows but those by recipient domain."""
RECIPIENTS = "to"
"""By recipient domain: there may be very many."""
_TRIES = 20
_AT_ONCE = 8


class Source(msgspec.Struct, omit_defaults=True):
    """What one source has counted in this day."""

    version: int
    hours: Table


class Published(msgspec.Struct):
    """`stats/<domain>/<day>/<part>.json`: the sum of the sources is what happened."""

    sources: dict[str, Source] = {}


Plain = dict[str, dict[str, dict[str, int]]]
"""A table that is only read: hour → row → number → how many."""


class _PlainSource(msgspec.Struct):
    hours: Plain


class _PlainPublished(msgspec.Struct):
    sources: dict[str, _PlainSource] = {}


_DECODER = msgspec.json.Decoder(Published)
_PLAIN = msgspec.json.Decoder(_PlainPublished)


def decode(body: bytes) -> Published:
    return _DECODER.decode(unpack(body))


def plain_tables(body: bytes) -> list[Plain]:
    """What all sources have counted, in a form that is quickly added up."""
    return [source.hours for source in _PLAIN.decode(unpack(body)).sources.values()]


async def publish(
    store: Store,
    source: str,
    version: int,
    counts: Mapping[str, Table],
    news: Iterable[tuple[str, str]],
) -> None:
    """Put what a source has counted for these (Domain, day), and for all Domains together.

    Raises `Temporary`, `Malformed`.
    """
    places = sorted(set(news))
    tables = {place: of_day(counts.get(place[0], {}), place[1]) for place in places}
    for day in sorted({day for _, day in places}):
        tables[keys.ALL_DOMAINS, day] = of_all(counts, day)
    writes = [
        (keys.stats_of_day(domain, day, part), rows)
        for (domain, day), table in tables.items()
        for part, rows in (
            (COUNTS, _only(table, to=False)),
            (RECIPIENTS, _only(table, to=True)),
        )
        if rows
    ]
    for start in range(0, len(writes), _AT_ONCE):
        await together(
            _put(store, key, source, Source(version, rows))
            for key, rows in writes[start : start + _AT_ONCE]
        )


def of_all(counts: Mapping[str, Table], day: str) -> Table:
    """All Domains' numbers of a day; tags mean something within one Domain alone."""
    return summed(
        {hour: _renamed(domain, rows) for hour, rows in of_day(table, day).items()}
        for domain, table in counts.items()
    )


def _renamed(domain: str, rows: Mapping[str, Counts]) -> dict[str, Counts]:
    kept = {row: counts for row, counts in rows.items() if row == ALL or row.startswith(TO)}
    if ALL in rows:
        kept[OF + domain] = rows[ALL]
    return kept


def _only(table: Table, *, to: bool) -> Table:
    kept = {
        hour: {row: counts for row, counts in rows.items() if row.startswith(TO) is to}
        for hour, rows in table.items()
    }
    return {hour: rows for hour, rows in kept.items() if rows}


async def _put(store: Store, key: str, name: str, source: Source) -> None:
    """Died before: the record of the source still says that this is to be published."""
    for _ in range(_TRIES):
        try:
            found = await store.get(key)
            now, etag = decode(found.body), found.etag
        except NotFound:
            now, etag = Published({}), ""
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise Malformed(f"{key} cannot be read: {error}") from error
        there = now.sources.get(name)
        if there is not None and there.version >= source.version:
            return
        now.sources[name] = source
        body = pack([msgspec.json.encode(now)])
        try:
            await (store.replace(key, body, etag) if etag else store.create(key, body))
        except (AlreadyExists, Changed):
            continue
        return
    raise Temporary(f"{key} changes all the time")
