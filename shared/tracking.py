"""How closely opens and clicks may be watched (K12). Pure.

    off < anonymous < pseudonymous < identified < full

A Domain's record names the ceiling, a Batch and a Recipient may ask for less. The most restrictive
one counts. To ask for more than the ceiling is refused, never clamped: an app that thinks it
watches must not find out later that it does not. What counts is frozen when the Batch is accepted.
"""

from enum import StrEnum

import msgspec

from shared.errors import Malformed


class Level(StrEnum):
    """What an event says about who caused it."""

    OFF = "off"
    """Nothing is watched, and the mail is not changed."""
    ANONYMOUS = "anonymous"
    """That somebody did, in which Batch. All mails of the Batch have the same tokens."""
    PSEUDONYMOUS = "pseudonymous"
    """That the same somebody did again; not who."""
    IDENTIFIED = "identified"
    """Which Delivery."""
    FULL = "full"
    """Also from which address, with which program."""

    @property
    def rank(self) -> int:
        return _RANKS[self]


LEVELS = tuple(Level)
"""The least first. Their order stands in tokens: add at the end only."""
_RANKS = {level: rank for rank, level in enumerate(LEVELS)}


class AboveCeiling(Malformed):
    """More was asked for than the Domain allows."""


class Tracking(msgspec.Struct, frozen=True, omit_defaults=True):
    """One level for each channel."""

    opens: Level = Level.OFF
    links: Level = Level.OFF

    @property
    def is_off(self) -> bool:
        return self.opens is Level.OFF and self.links is Level.OFF


NOTHING = Tracking()
"""Is watched."""


class TrackingWish(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What a Batch or a Recipient asks for; what is left out does not restrict."""

    opens: Level | None = None
    links: Level | None = None


def allowed(ceiling: Tracking, batch: TrackingWish, recipient: TrackingWish) -> Tracking:
    """What counts for one Recipient. Raises `AboveCeiling`."""
    return Tracking(
        _least("opens", ceiling.opens, batch.opens, recipient.opens),
        _least("links", ceiling.links, batch.links, recipient.links),
    )


def restricted(batch: Tracking, recipient: TrackingWish) -> Tracking:
    """What counts for a Recipient whose wish was accepted."""
    wishes = ((batch.opens, recipient.opens), (batch.links, recipient.links))
    return Tracking(*(min(each, wish or each, key=_rank) for each, wish in wishes))


def _rank(level: Level) -> int:
    return level.rank


def _least(channel: str, ceiling: Level, *asked: Level | None) -> Level:
    stated = [level for level in asked if level is not None]
    for level in stated:
        if level.rank > ceiling.rank:
            raise AboveCeiling(f"tracking.{channel}: {level} is above the Domain's {ceiling}")
    return min([ceiling, *stated], key=_rank)
