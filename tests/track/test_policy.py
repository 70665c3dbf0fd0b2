"""K12: who may ask for what, over all 5 × 5 × 5 × 2 combinations."""

import itertools

import pytest

from shared.tracking import LEVELS, AboveCeiling, Level, Tracking, TrackingWish, allowed

CHANNELS = ("opens", "links")
ORDER = ["off", "anonymous", "pseudonymous", "identified", "full"]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize(
    ("ceiling", "batch", "recipient"), list(itertools.product(LEVELS, repeat=3))
)
def test_the_most_restrictive_counts_and_more_than_the_ceiling_is_refused(
    ceiling: Level, batch: Level, recipient: Level, channel: str
) -> None:
    case = (
        Tracking(**{channel: ceiling}),
        TrackingWish(**{channel: batch}),
        TrackingWish(**{channel: recipient}),
    )
    ranks = [ORDER.index(each) for each in (ceiling, batch, recipient)]
    if max(ranks[1:]) > ranks[0]:
        with pytest.raises(AboveCeiling, match=channel):
            allowed(*case)
    else:
        other = next(each for each in CHANNELS if each != channel)
        assert allowed(*case) == Tracking(**{channel: Level(ORDER[min(ranks)]), other: Level.OFF})


@pytest.mark.parametrize(("ceiling", "stated"), list(itertools.product(LEVELS, repeat=2)))
def test_what_is_not_stated_does_not_restrict(ceiling: Level, stated: Level) -> None:
    nothing = TrackingWish()
    assert allowed(Tracking(ceiling, ceiling), nothing, nothing) == Tracking(ceiling, ceiling)
    if stated.rank <= ceiling.rank:
        wish = TrackingWish(links=stated)
        for asked in ((wish, nothing), (nothing, wish)):
            assert allowed(Tracking(ceiling, ceiling), *asked) == Tracking(ceiling, stated)


def test_the_levels_are_in_order() -> None:
    assert [str(level) for level in LEVELS] == ORDER
