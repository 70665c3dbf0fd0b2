"""Over SQLite, and over a real S3 server, whose listings are in an order of its own."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from keeping import DAY_S, DOMAIN, OTHER, Keeping
from seaweed import Seaweed

from shared import keys
from shared.store import open_store
from shared.store.base import Store


@pytest.fixture(params=["sqlite", "seaweedfs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    if request.param == "seaweedfs":
        server: Seaweed = request.getfixturevalue("seaweed")
        url = server.url("retention")
    opened = open_store(url)
    yield opened
    asyncio.run(opened.close())


def test_what_is_too_old_goes_and_all_else_stays(store: Store) -> None:
    """Their clock cannot be set: everything is put now, and looked at a month later, at noon: the
    work of a day begins half an hour after midnight."""
    here = Keeping(store, time.time() // DAY_S * DAY_S + DAY_S / 2)
    here.domain(batches=20, events=20, received=20, calls=20)
    here.domain(OTHER)
    own, others = [], []
    for age in range(12, 0, -1):
        own.append(here.batch(age))
        others.append(here.batch(age, OTHER))
    for batch, domain in ((own[0], DOMAIN), (others[0], OTHER)):
        for age in (11, 1):
            with here.at(here.now - age * DAY_S):
                here.report(batch, domain)
                here.received(domain)
                here.put(keys.call_log(domain, "w", here.now, "x.000"))
                here.put(keys.call_log(domain, "w-2", here.now, "x.000"))
    for bag in range(400):
        here.put(keys.outcome_part(own[1], bag, 0, 0), b"\n")
    work = here.put(keys.validated(own[2], 0))
    here.count()
    before = here.bodies("")
    here.days_later(14)
    here.count()
    here.forget()
    gone = [each for each in own if not here.has(each)]
    assert gone == [own[0], own[1], *own[3:6]]
    kinds = ("events/", "received/", "calls/", "archive/inbound/")
    left = {kind: [key for key in here.listed(kind) if OTHER not in key] for kind in kinds}
    assert {kind: len(found) for kind, found in left.items()} == {
        "events/": 1,
        "received/": 1,
        "calls/": 2,
        "archive/inbound/": 3 * 2 - 2 + 1,
    }
    now = here.bodies("")
    for key, body in before.items():
        if OTHER in key or any(batch in key for batch in (*others, *own[6:], own[2])):
            assert key.startswith("control/") or now[key] == body
    here.do(store.delete(work))
    here.days_later(1)
    here.forget()
    assert not here.has(own[2])
    assert [each for each in own if here.has(each)] == own[7:]
