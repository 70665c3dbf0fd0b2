"""Counts, and how far the mail was counted."""

from datetime import date as _date
from datetime import timedelta as _timedelta

from shared.keys.batches import batch_prefix
from shared.keys.history import events_of_day
from shared.keys.relay import BATCHES

ALL_DOMAINS = "_all"
"""Stands for a Domain in `stats/`; no host name has an underscore."""
STATS_WINDOWS = "control/stats/batches/"


def stats_of(domain: str) -> str:
    return f"stats/{domain}/"


def stats_of_day(domain: str, of_day: str, part: str) -> str:
    return f"{stats_of(domain)}{of_day}/{part}.json"


def before_stats(domain: str, of_day: str) -> str:
    """In front of this day's counts and of all younger ones: behind the day before, because
    SeaweedFS begins behind a folder that is named, and not in it."""
    return f"{stats_of(domain)}{_date.fromisoformat(of_day) - _timedelta(days=1)}~"


def parse_stats(key: str) -> tuple[str, str]:
    """(day, part) of a `stats/` key."""
    _, _, of_day, name = key.split("/")
    return of_day, name.removesuffix(".json")


def stats_index() -> str:
    return "control/stats/index.json"


def stats_window(window: str) -> str:
    return f"{STATS_WINDOWS}{window}.json"


def stats_events(domain: str, of_day: str) -> str:
    return f"control/stats/events/{domain}/{of_day}.json"


def before_batch(batch: str) -> str:
    """In front of all keys of this Batch and behind those of older ones, for listings."""
    return f"{BATCHES}{batch}"


def event_of_day(domain: str, of_day: str, name: str) -> str:
    return f"{before_event(domain, of_day, name)}.jsonl"


def before_event(domain: str, of_day: str, name: str) -> str:
    """In front of this events object and of all younger ones."""
    return f"{events_of_day(domain, of_day)}{name}"


def parse_event(key: str) -> tuple[str, str]:
    """(day, name) of an `events/` key."""
    _, _, of_day, name = key.split("/")
    return of_day, name.removesuffix(".jsonl")


def parse_of_batch(key: str) -> tuple[str, str]:
    """(batch, the rest) of a key below `batches/`."""
    batch, _, rest = key.removeprefix(BATCHES).partition("/")
    return batch, rest


def progress(batch: str) -> str:
    return f"{batch_prefix(batch)}progress.json"
