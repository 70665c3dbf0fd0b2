"""What became of the mail, over HTTP: by hour, day or month, of one Domain or of all."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest
from admin_desk import NOW, OTHER, AdminDesk
from contents import content_of
from station import DOMAIN

from shared import keys
from shared.ids import batch_id, delivery_id
from shared.outcome import Outcome, State, encode_lines
from shared.stats.compact import Compaction
from shared.stats.counts import KINDS
from shared.stats.publish import COUNTS
from shared.store.base import Store

PATH = f"/v1/domains/{DOMAIN}/stats"
HOUR_S, DAY_S = 3600.0, 86_400.0
SPAN = "from=2027-01-14&to=2027-01-16"
GMAIL, SEA = "ann@gmail.example", "ben@sea.example"


async def sent(
    store: Store, at: float, to: dict[str, State], domain: str = DOMAIN, tags: tuple[str, ...] = ()
) -> None:
    """A Batch whose Outcomes are there."""
    batch = batch_id(at, Random(f"{domain} {at}").randbytes(10))
    content = content_of(batch, domain, at, accepted=len(to), tags=list(tags), bag_size=500)
    lines = [
        Outcome(delivery=delivery_id(batch, 0, n), recipient=each, outcome=state, at=at)
        for n, (each, state) in enumerate(to.items())
    ]
    await store.put(keys.content(batch), msgspec.json.encode(content))
    await store.put(keys.outcome_part(batch, 0, 0, 0), encode_lines(lines))


@pytest.fixture(scope="module")
def desk() -> AdminDesk:
    desk = AdminDesk()
    desk.do(sent(desk.store, NOW - DAY_S, {GMAIL: State.DELIVERED, SEA: State.BOUNCED}))
    spring = {GMAIL: State.DELIVERED, SEA: State.DELIVERED}
    desk.do(sent(desk.store, NOW - HOUR_S, spring, tags=("spring", "sale")))
    desk.do(sent(desk.store, NOW - HOUR_S, {GMAIL: State.DELIVERED}, domain=OTHER))
    desk.do(Compaction(desk.store, lambda: desk.now, 60.0).round())
    return desk


def delivered(answer: Any) -> dict[str, list[int]]:
    """Line → delivered at each point."""
    return {
        line["name"]: [point["counts"]["delivered"] for point in line["points"]]
        for line in answer["lines"]
    }


def test_a_domain_sees_its_days(desk: AdminDesk) -> None:
    answer = desk.as_domain("GET", f"{PATH}?{SPAN}", scopes=("read",)).json
    assert (answer["from"], answer["to"]) == ("2027-01-14T00:00:00Z", "2027-01-16T00:00:00Z")
    (line,) = answer["lines"]
    assert [point["at"] for point in line["points"]] == [
        "2027-01-14T00:00:00Z",
        "2027-01-15T00:00:00Z",
    ]
    assert delivered(answer) == {"": [1, 2]}
    assert (line["total"]["accepted"], line["total"]["bounced"]) == (4, 1)


def test_every_number_is_there_also_where_nothing_happened(desk: AdminDesk) -> None:
    answer = desk.call("GET", f"{PATH}?from=2020-01-01&to=2020-01-03").json
    (line,) = answer["lines"]
    assert [set(point["counts"]) for point in line["points"]] == [set(KINDS)] * 2
    assert set(line["total"].values()) == {0}


def test_hours_months_and_what_is_usual(desk: AdminDesk) -> None:
    hours = desk.call("GET", f"{PATH}?{SPAN}&grain=hour").json
    assert sum(delivered(hours)[""]) == 3
    assert len(hours["lines"][0]["points"]) == 48
    months = desk.call("GET", f"{PATH}?{SPAN}&grain=month").json
    assert delivered(months) == {"": [3]}
    usual = desk.call("GET", PATH).json
    assert (usual["grain"], usual["by"]) == ("day", "none")
    assert sum(delivered(usual)[""]) == 3


def test_by_tag_and_by_recipient_domain_the_largest_first(desk: AdminDesk) -> None:
    tags = desk.call("GET", f"{PATH}?{SPAN}&by=tag").json
    assert delivered(tags) == {"sale": [0, 2], "spring": [0, 2]}
    domains = desk.call("GET", f"{PATH}?{SPAN}&by=recipient_domain").json
    assert delivered(domains) == {"gmail.example": [1, 1], "sea.example": [0, 1]}
    only = desk.call("GET", f"{PATH}?{SPAN}&by=recipient_domain&limit=1").json
    assert (list(delivered(only)), only["others"]) == (["gmail.example"], 1)


def test_one_tag_alone(desk: AdminDesk) -> None:
    assert delivered(desk.call("GET", f"{PATH}?{SPAN}&tag=spring").json) == {"": [0, 2]}
    assert delivered(desk.call("GET", f"{PATH}?{SPAN}&tag=spr").json) == {"": [0, 0]}
    one = desk.call("GET", f"{PATH}?{SPAN}&by=tag&tag=sale").json
    assert delivered(one) == {"sale": [0, 2]}


def test_an_operator_sees_all_domains_together_and_apart(desk: AdminDesk) -> None:
    assert delivered(desk.call("GET", f"/v1/stats?{SPAN}").json) == {"": [1, 3]}
    apart = desk.call("GET", f"/v1/stats?{SPAN}&by=domain").json
    assert delivered(apart) == {DOMAIN: [1, 2], OTHER: [0, 1]}
    there = desk.call("GET", f"/v1/stats?{SPAN}&by=recipient_domain").json
    assert delivered(there) == {"gmail.example": [1, 2], "sea.example": [0, 1]}


def test_it_says_up_to_when_it_is_complete(desk: AdminDesk) -> None:
    expected = datetime.fromtimestamp(NOW - 60, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert desk.call("GET", PATH).json["complete_until"] == expected


def test_where_nothing_was_counted_it_says_so() -> None:
    answer = AdminDesk().call("GET", f"{PATH}?{SPAN}").json
    assert (answer["complete_until"], delivered(answer)) == ("", {"": [0, 0]})


def test_numbers_that_a_disk_has_spoilt_are_named() -> None:
    desk = AdminDesk()
    key = keys.stats_of_day(DOMAIN, "2027-01-15", COUNTS)
    desk.do(desk.store.put(key, b"{"))
    answer = desk.call("GET", f"{PATH}?{SPAN}")
    assert answer.status == 422
    assert f"{key} cannot be read" in answer.json["detail"]


def test_a_domain_that_is_not_there_has_no_numbers(desk: AdminDesk) -> None:
    for name in ("nobody.example", keys.ALL_DOMAINS):
        assert desk.call("GET", f"/v1/domains/{name}/stats").status == 404


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=2026-13-01",
        "from=2027-01-02&to=2027-01-01",
        "from=1971-01-01",
        "from=2020-01-01&grain=hour",
        "grain=week",
        "by=nothing",
        "by=domain",
        "limit=0",
        "limit=1001",
        "limit=x",
        "by=recipient_domain&tag=spring",
        f"{SPAN}&grain=hour&by=tag&limit=1000",
        "from=%ff",
        "from=%00",
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(desk: AdminDesk, query: str) -> None:
    answer = desk.call("GET", f"{PATH}?{query}")
    assert (answer.status, answer.problem) == (422, "invalid_parameter")


@pytest.mark.parametrize("query", ["tag=spring", "by=tag"])
def test_tags_mean_nothing_over_all_domains(desk: AdminDesk, query: str) -> None:
    assert desk.call("GET", f"/v1/stats?{query}").status == 422
