"""Batches: the newest ones, and how far one is."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from functions.admin.dashboard.plots import Share, shares
from functions.admin.dashboard.visit import Page, Visit
from functions.admin.mail.counts import Counts
from functions.admin.mail.newest import Batch, subject_of
from functions.admin.mail.words import ORDER
from functions.admin.resources.batches import before_of
from shared.errors import Malformed
from shared.http import Response, as_json
from shared.model import Content

ON_A_PAGE = 25
FOR_A_ROW_BYTES = 64 * 1024
"""Of Outcomes that are read to tell how far one of many Batches is."""
SHOWN_REJECTIONS = 100


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list of Batches."""

    batch: Batch
    counts: Counts
    shares: Sequence[Share]
    wrong: str = ""
    """Why it could not be counted."""


async def batches(visit: Visit) -> Response:
    domain = visit.query("domain")
    found = await visit.parts.mail.newest.page(domain, before_of_page(visit), ON_A_PAGE)
    return visit.page(
        "batches.html",
        "batches",
        rows=await rows_of(visit, found.batches),
        domain=domain,
        next=found.next,
        begun=bool(visit.query("before")),
    )


def before_of_page(visit: Visit) -> str:
    return before_of(visit.request)


async def rows_of(visit: Visit, found: Sequence[Batch]) -> list[Row]:
    looks = [visit.parts.mail.counts.look(each, FOR_A_ROW_BYTES) for each in found]
    counted = await asyncio.gather(*looks, return_exceptions=True)
    return [_row(*each) for each in zip(found, counted, strict=True)]


def _row(batch: Batch, counts: Counts | BaseException) -> Row:
    """One Batch that cannot be counted hides no other."""
    if isinstance(counts, Malformed):
        nothing = Counts(batch.accepted, Counter(), uncounted=batch.accepted)
        return Row(batch, nothing, [], str(counts))
    if isinstance(counts, BaseException):
        raise counts
    return Row(batch, counts, shares(in_order(counts), counts.accepted))


def in_order(counts: Counts) -> dict[str, int]:
    return {str(state): counts.states[state] for state in ORDER}


async def batch(visit: Visit) -> Response:
    content, counts = await _counted(visit)
    reasons = Counter(each.reason for each in content.rejected)
    return visit.page(
        "batch.html",
        "batches",
        content=content,
        subject=subject_of(content),
        counts=counts,
        state=await visit.parts.mail.state(content, counts, visit.now),
        parts_in_order=in_order(counts),
        shares=shares(in_order(counts), counts.accepted),
        reasons=reasons.most_common(),
        rejected=content.rejected[:SHOWN_REJECTIONS],
    )


async def progress(visit: Visit) -> Response:
    """What the page's script asks for again and again."""
    content, counts = await _counted(visit)
    state = await visit.parts.mail.state(content, counts, visit.now)
    answer: dict[str, Any] = {
        "state": state,
        "done": counts.is_done,
        "counts": in_order(counts),
        "uncounted": counts.uncounted,
        "shares": {each.name: [each.x, each.width] for each in _shares(counts)},
    }
    return as_json(200, answer, cache_control="no-store", x_content_type_options="nosniff")


def _shares(counts: Counts) -> list[Share]:
    return shares(in_order(counts), counts.accepted)


async def _counted(visit: Visit) -> tuple[Content, Counts]:
    mail, parameters = visit.parts.mail, visit.parameters
    content = await mail.read.content(parameters["domain"], parameters["batch"])
    return content, await mail.counts.look(content)


_ONE = "/domains/{domain}/batches/{batch}"
PAGES = [
    Page("GET", "/batches", batches),
    Page("GET", _ONE, batch),
    Page("GET", f"{_ONE}/progress", progress),
]
