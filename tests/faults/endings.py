"""What the stories send, how the mail server treats it, and how they end."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from lives import START, World
from station import BATCH

from shared import keys
from shared.outcome import FINAL, latest

GREY_UNTIL_S = 200
"""Longer than recovering takes, and shorter than a retry: greylisting defers the first attempt,
however often it is repeated, and no other."""

ROWS: list[dict[str, Any]] = [
    {"email": f"{who}@{domain}.example", "fields": {"name": who.title()}}
    for who, domain in [
        *(("ann", "sink"), ("ben", "sink"), ("gone", "sink"), ("cas", "sea")),
        *(("grey", "sea"), ("dan", "lake"), ("eve", "lake")),
    ]
]
SEVEN = {**BATCH, "recipients": ROWS, "tags": ["spring"]}
DUPLICATE = {"email": "ANN@sink.example", "fields": {"name": "Ann"}}
WITH_A_REJECTED_ROW = {**SEVEN, "recipients": [*ROWS, DUPLICATE]}
SCHEDULED = {**SEVEN, "scheduled_time": "2027-01-15T09:00:00Z"}
MESSAGE = (
    b"From: The News <news@example.org>\r\nTo: fay@sink.example\r\nSubject: Hello\r\n\r\nHi.\r\n"
)


def refuse(recipient: str, now: float) -> str | None:
    if recipient.startswith("gone"):
        return "550 5.1.1 no such user"
    due = START + 3600 if now >= START + 3600 else START
    if recipient.startswith("grey") and now < due + GREY_UNTIL_S:
        return "450 4.7.1 come back later"
    return None


TIMED = ("/outcomes/", "/suppressions/")


@dataclass
class Ending:
    """How a story ended."""

    objects: dict[str, bytes]
    """All but Outcomes and suppressions, which carry times."""
    outcomes: list[tuple[Any, ...]]
    suppressed: list[str]
    ambiguous: set[str] = field(compare=False)
    """Recipients with an Outcome that says that they may have got it before."""
    received: Counter[tuple[str, bytes]]


async def see_ending(here: World, failed: int = 0) -> Ending:
    assert await here.open_work() == []
    assert len(await here.keys(keys.FAILED)) == failed
    lines = await here.outcomes()
    of_attempt = Counter((line.delivery, line.attempt) for line in lines)
    assert set(of_attempt.values()) <= {1}, "an attempt has one Outcome"
    assert {line.outcome for line in latest(lines).values()} <= FINAL
    kept = [key for key in await here.keys("") if not any(part in key for part in TIMED)]
    return Ending(
        objects={key: (await here.store.get(key)).body for key in kept},
        outcomes=sorted(
            (line.delivery, line.attempt, line.recipient, line.outcome, line.code, line.text)
            for line in lines
        ),
        suppressed=[
            keys.parse_suppression(key)
            for key in await here.keys("domains/")
            if "/suppressions/" in key
        ],
        ambiguous={line.recipient for line in lines if line.ambiguous},
        received=here.received(),
    )
