"""How times, sizes and numbers are written. Pure."""

from datetime import UTC, datetime

_UNITS = ("B", "kB", "MB", "GB", "TB")
_NEVER = "–"


def moment(at: float) -> str:
    """The whole time in UTC: logs and other people's servers are read beside it."""
    return _utc(at).strftime("%Y-%m-%d %H:%M:%S") if _is_time(at) else _NEVER


def machine_time(at: float) -> str:
    return _utc(at).isoformat(timespec="seconds") if _is_time(at) else ""


def clock_time(at: float) -> str:
    return _utc(at).strftime("%H:%M") if _is_time(at) else _NEVER


def day(at: float) -> str:
    return _utc(at).strftime("%d %b") if _is_time(at) else _NEVER


def ago(at: float, now: float) -> str:
    if not at:
        return _NEVER
    seconds = now - at
    return f"in {duration(-seconds)}" if seconds < -1 else f"{duration(seconds)} ago"


def duration(seconds: float) -> str:
    """The largest unit, and the next one where that still says something."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 86_400:
        hours, minutes = whole // 3600, whole % 3600 // 60
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    days, hours = whole // 86_400, whole % 86_400 // 3600
    return f"{days} d {hours} h" if hours and days < 3 else f"{days} d"


def short(seconds: float) -> str:
    """Of a dialogue: thousandths count."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def number(value: float) -> str:
    """With thousands apart."""
    return f"{value:,.0f}"


def size(size_bytes: float) -> str:
    left = float(size_bytes)
    for unit in _UNITS:
        if left < 1000 or unit == _UNITS[-1]:
            break
        left /= 1000
    return f"{left:.0f} {unit}" if left >= 100 or unit == "B" else f"{left:.1f} {unit}"


def percent(part: float, whole: float) -> str:
    """Never rounded to nothing, or to all."""
    if not whole:
        return _NEVER
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.9 < share < 100:
        return "> 99.9 %"
    return f"{share:.0f} %" if share in (0, 100) else f"{share:.1f} %"


def _is_time(at: float) -> bool:
    return 0 < at < 253_402_300_799  # the year 9999


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
