"""Which stretches of time have to be walked for which Domains. Pure.

Nothing says whose a Batch is but its content. So it is read once for all Domains that have to walk
over it, however far each of them has come.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple


class Reach(NamedTuple):
    """What one Domain has to walk: from `start` to before `end`, seconds since 1970."""

    domain: str
    start: float
    end: float


class Stretch(NamedTuple):
    """What is walked at once for these Domains."""

    start: float
    end: float
    domains: frozenset[str]


def stretches(reaches: Iterable[Reach]) -> list[Stretch]:
    """Each stretch once, the oldest first; what nobody has to walk is left out."""
    wanted = [each for each in reaches if each.start < each.end]
    ends = sorted({at for each in wanted for at in (each.start, each.end)})
    found = []
    for start, end in pairwise(ends):
        domains = frozenset(each.domain for each in wanted if each.start <= start < each.end)
        if domains:
            found.append(Stretch(start, end, domains))
    return found
