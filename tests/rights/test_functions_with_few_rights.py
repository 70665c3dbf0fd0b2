"""Every function does all of its work with the rights of `shared/layout.py`, and needs them all.

A real SeaweedFS enforces the policies. What `pod_sending` may is what its parts may, which are
proved one by one; it goes through a story of its own all the same.
"""

import asyncio
import re
import traceback
from dataclasses import asdict

import pytest
import stories_of_admin
import stories_of_care
import stories_of_counts
import stories_of_mail
import stories_of_pod
import stories_of_retention
import stories_of_suppressions
import stories_of_track
import stories_of_webhooks
from few_rights import Story, Used, bucket, deployed

from shared.layout import RIGHTS

STORIES = [
    *stories_of_mail.STORIES,
    *stories_of_pod.STORIES,
    *stories_of_care.STORIES,
    *stories_of_webhooks.STORIES,
    *stories_of_suppressions.STORIES,
    *stories_of_track.STORIES,
    *stories_of_admin.STORIES,
    *stories_of_counts.STORIES,
    *stories_of_retention.STORIES,
]
WITHIN_S = 120
Ends = dict[str, str]
"""Story → how it went wrong, or empty."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ends, Used]:
    """All stories, one after the other."""
    ends: Ends = {}
    used: Used = set()

    async def tell(story: Story) -> None:
        async with deployed(server, used) as here:
            await asyncio.wait_for(story(here), WITHIN_S)

    with bucket(tmp_path_factory.mktemp("rights")) as server:
        for story in STORIES:
            try:
                asyncio.run(tell(story))
                ends[story.__name__] = ""
            except Exception:  # noqa: BLE001 - each story is told apart
                ends[story.__name__] = traceback.format_exc()
    return ends, used


@pytest.mark.parametrize("story", [story.__name__ for story in STORIES])
def test_with_just_its_rights(told: tuple[Ends, Used], story: str) -> None:
    assert not told[0][story], told[0][story]


@pytest.mark.parametrize("function", sorted(RIGHTS.keys() - {"pod_sending"}))
def test_no_right_is_given_that_nobody_uses(told: tuple[Ends, Used], function: str) -> None:
    used = {(kind, key) for who, kind, key in told[1] if who == function}
    unused = {
        (kind, pattern)
        for kind, patterns in asdict(RIGHTS[function]).items()
        for pattern in patterns
        if not any(kind == done and _matches(pattern, kind, key) for done, key in used)
    }
    assert not unused


def _matches(pattern: str, kind: str, key: str) -> bool:
    if kind == "list":
        pattern += "*"
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), key))
