"""bounce dies around a write that announces to Webhooks what came back: who carries on loses no
announcement, and says nothing else under an id that an app has heard before."""

import asyncio
from typing import Any

import pytest
from hearing import App, hearing_app
from post_office import DOMAIN, Office

from shared import keys
from shared.store.wrap import Died, FaultStore

ANN, BOB, CAROL = "ann@sink.example", "bob@sink.example", "carol@sink.example"


def office() -> Office:
    """Two of three bounced late, and the same mail went to the postmaster."""
    here = Office()
    here.sent(ANN, BOB, CAROL, together=True)
    here.arrives("two-of-three", here.return_path(0), f"postmaster@{DOMAIN}")
    return here


async def story(
    here: Office, die_at: int | None, when: Any, *, heard: bool
) -> tuple[App, list[int]]:
    """The app, and which writes were announcements. `heard`: notify was quick, and told what was
    announced before the second run began."""
    async with hearing_app(here.store, DOMAIN, lambda: here.now) as app:
        dying = FaultStore(here.store, die_at, when)
        try:
            await here.working(dying)
        except Died:
            here.now += 1000
        if heard:
            await app.hear()
        await here.working(here.store)
        await app.hear()
    numbers = enumerate(dying.writes, 1)
    return app, [n for n, (_, key) in numbers if key.startswith(keys.NOTIFYING)]


def said(app: App) -> list[tuple[str, Any]]:
    return [(kind, data.get("recipient", data.get("recipients"))) for kind, data in app.events]


EXPECTED = [
    ("delivery.bounced", BOB),
    ("delivery.bounced", CAROL),
    ("mail.received", [f"postmaster@{DOMAIN}"]),
]


def test_without_a_death_everything_is_told_once() -> None:
    app, announced = asyncio.run(story(office(), None, "before", heard=True))
    assert said(app) == EXPECTED
    assert len(app.told) == 3
    assert len(announced) == 2, "the events, and the mail"


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", [0, 1])
def test_dying_around_an_announcement_loses_none_and_changes_none(
    place: int, when: Any, heard: bool
) -> None:
    _, announced = asyncio.run(story(office(), None, "before", heard=heard))
    here = office()
    app, _ = asyncio.run(story(here, announced[place], when, heard=heard))
    assert said(app) == EXPECTED
    assert all(len(bodies) == 1 for bodies in app.bodies.values()), "an id says one thing"
    assert here.keys(keys.INBOUND) == here.keys(keys.NOTIFYING) == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_neither_does_dying_at_any_other_write(when: Any) -> None:
    here = office()
    store = FaultStore(here.store)
    here.work(store)
    for die_at in range(1, len(store.writes) + 3):
        app, _ = asyncio.run(story(office(), die_at, when, heard=True))
        assert said(app) == EXPECTED, f"dying {when} write {die_at}"
        assert all(len(bodies) == 1 for bodies in app.bodies.values())
