"""The same over SQLite and a real S3 server, whose listings have an order of their own."""

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from suppressed import DOMAIN, Suppressed, addresses

from shared import keys
from shared.store.base import Store
from shared.store.s3 import S3Store
from shared.store.sqlite import SqliteStore

ANN = "ann@sink.example"
ROOM = itertools.count()


@pytest.fixture(params=["sqlite", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store
    if request.param == "sqlite":
        opened = SqliteStore(tmp_path / "objects.db")
    else:
        server = request.getfixturevalue("seaweed")
        opened = S3Store(
            server.bucket,
            endpoint=server.endpoint,
            access_key_id=server.access_key_id,
            secret_access_key=server.secret_access_key,
            prefix=f"suppressions{next(ROOM):04d}",
        )
    yield opened
    asyncio.run(opened.close())


def test_what_comes_in_all_ways_is_known_listed_folded_and_taken_away(store: Store) -> None:
    here = Suppressed(store)
    here.import_csv("\n".join(addresses(5000)))
    here.add_all([ANN, *addresses(100, 5000)])
    everybody = {ANN, *addresses(5100)}
    for fresh in (101, 0):
        assert len(here.fresh()) == fresh
        assert here.emails() == everybody
        assert here.knows(*everybody)
        assert not here.knows("stranger@sink.example")
        here.compact()
        here.compact()
    assert here.forget(addresses(1)[0])
    assert here.remove(ANN)
    assert not here.knows(ANN)
    assert here.emails() == {"", *addresses(5099, 1)}
    assert here.stored(keys.suppressions(DOMAIN)) == [keys.suppression_index(DOMAIN)]
    assert here.segments() == here.named()


def test_more_are_fresh_than_one_listing_shows(store: Store) -> None:
    here = Suppressed(store)
    here.add_all(addresses(1100))
    assert here.knows(*addresses(1100))
    assert here.fold().folded == 1100
    assert here.emails() == set(addresses(1100))
