"""The options of statistics."""

from typing import Annotated

from shared.config_kinds import DAY, MINUTE, Duration
from shared.config_section import Section


class Stats(Section, frozen=True):
    """How what happened is counted."""

    interval: Annotated[
        float, Duration(), "How often Outcomes and events are counted, by whichever sweep."
    ] = 1 * MINUTE
    retention: Annotated[
        float,
        Duration(),
        "How long an event is kept where the store has no rules of its own (SQLite); a bucket has "
        "(`ekiden bucket init`). Hourly counts are never deleted.",
    ] = 400 * DAY
