"""send dies around the write that announces Outcomes to Webhooks: who carries on loses no
announcement, and says nothing else under an id that an app has heard before."""

from typing import Any

import pytest
from endings import GREY_UNTIL_S, SEVEN, refuse
from hearing import App, hearing_app
from lives import Died, When, World, process, run, world
from station import DOMAIN

from shared import keys

LATER_S = 2 * GREY_UNTIL_S + 100


async def live(here: World, die_at: int | None, when: When) -> list[tuple[str, str]]:
    """Submit, if that was not done yet, and settle. Returns what was written."""
    async with process(here, die_at, when, one_by_one=True) as alive:
        try:
            if not await here.keys(keys.SUBMITTED, "batches/"):
                answer = await alive.call("POST", "/v1/batches", SEVEN)
                assert answer.status == 202
            await alive.settle()
            here.at(LATER_S)
            await alive.settle()
        except Died:
            assert alive.store.dead
        return alive.store.writes


async def story(die_at: int | None, when: When, *, heard: bool) -> tuple[App, list[int]]:
    """The app, and which writes were announcements. `heard`: notify was quick, and told what was
    announced before the second run began."""
    async with world(refuse) as here, hearing_app(here.store, DOMAIN, here.clock) as app:
        writes = await live(here, die_at, when)
        if heard:
            await app.hear()
        await live(here, None, "before")
        await app.hear()
        assert await here.open_work() == []
        assert await here.keys(keys.FAILED) == []
        numbers = enumerate(writes, 1)
        return app, [
            n for n, (op, key) in numbers if (op, key[:9]) == ("create", keys.NOTIFYING[:9])
        ]


def said(app: App) -> list[tuple[str, str, int]]:
    return [(kind, data["recipient"], data["attempt"]) for kind, data in app.events]


def test_without_a_death_every_outcome_is_told_once() -> None:
    app, announced = run(story(None, "before", heard=True))
    assert len(app.told) == len(app.bodies) == 8, "seven, and the one that was greylisted at first"
    assert len(announced) == 4, "three Bags, and a second attempt of one"


@pytest.mark.parametrize("heard", [False, True])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("place", range(4))
def test_dying_around_an_announcement_loses_none_and_changes_none(
    place: int, when: Any, heard: bool
) -> None:
    undisturbed, announced = run(story(None, "before", heard=heard))
    app, _ = run(story(announced[place], when, heard=heard))
    assert said(app) == said(undisturbed)
    assert all(len(bodies) == 1 for bodies in app.bodies.values()), "an id says one thing"
    if when == "after" and heard:
        assert len(app.told) > len(app.bodies), "it is told twice, and the app drops the second"


@pytest.mark.parametrize("heard", [False, True])
def test_neither_does_dying_at_any_other_write(heard: bool) -> None:
    """Before an announcement lie the Outcomes that it speaks of, behind it the Bag's end."""
    undisturbed, announced = run(story(None, "before", heard=heard))
    first = announced[0]
    for die_at in (first - 2, first - 1, first + 1, first + 2, announced[-1] + 1):
        app, _ = run(story(die_at, "after", heard=heard))
        assert said(app) == said(undisturbed), f"dying after write {die_at}"
        assert all(len(bodies) == 1 for bodies in app.bodies.values())
