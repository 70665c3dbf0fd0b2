"""Which events concern a function; the others are counted, by why they do not."""

import pytest

from shared.events import Event, Scope
from shared.events.scope import prefix_of

WORK = "dispatched/01hf7yat00zzzzzzzzzzzzzzzz/0000.000.jsonl"


def sorted_out(scope: Scope, *events: Event) -> tuple[list[str], dict[str, int]]:
    work, dropped = scope.sort(events)
    return list(work), dict(dropped)


def test_a_function_works_on_the_objects_below_its_prefix() -> None:
    assert sorted_out(Scope("send"), Event("mail", WORK)) == ([WORK], {})


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        *[(key, "other_stage") for key in ("submitted/x.json", "waiting/x", "", "/", "../x")],
        *[(key, "other_stage") for key in ("dispatched", "Dispatched/x", ".uploads/x/1.part")],
        *[(key, "folder") for key in ("dispatched/", "dispatched/x/")],
        *[(key, "impossible_key") for key in ("dispatched//x", "dispatched/../x", "dispatched/.")],
        *[
            (key, "impossible_key")
            for key in ("dispatched/a\nb", "dispatched/\0", "dispatched/\x7f")
        ],
        *[(key, "impossible_key") for key in ("dispatched/..\\x", "dispatched/\ud800")],
        (f"dispatched/{'x' * 1020}", "impossible_key"),
    ],
)
def test_what_is_no_work_of_a_function_is_dropped(key: str, reason: str) -> None:
    assert sorted_out(Scope("send"), Event("mail", key)) == ([], {reason: 1})


def test_another_bucket_is_dropped_where_one_is_named() -> None:
    scope = Scope("send", bucket="mail")
    assert sorted_out(scope, Event("other", WORK)) == ([], {"other_bucket": 1})
    assert sorted_out(scope, Event("mail", WORK)) == ([WORK], {})
    assert sorted_out(scope, Event("", WORK)) == ([WORK], {})
    assert sorted_out(Scope("send"), Event("other", WORK)) == ([WORK], {})


def test_below_a_prefix_of_the_bucket_keys_are_found_without_it() -> None:
    scope = Scope("send", prefix="ekiden/eu/")
    assert sorted_out(scope, Event("mail", f"ekiden/eu/{WORK}")) == ([WORK], {})
    assert sorted_out(scope, Event("mail", WORK)) == ([], {"other_prefix": 1})
    assert sorted_out(scope, Event("", WORK)) == ([WORK], {})  # by hand: Ekiden's own key


def test_the_same_object_twice_in_one_request_is_one_piece_of_work() -> None:
    assert sorted_out(Scope("send"), Event("", WORK), Event("mail", WORK)) == ([WORK], {})


@pytest.mark.parametrize(
    ("store_url", "prefix"),
    [
        ("s3://mail", ""),
        ("s3://mail/?region=x", ""),
        ("s3://mail/ekiden%20eu/x/?region=x", "ekiden eu/x/"),
        ("sqlite:////var/lib/ekiden.db", ""),
        ("memory:", ""),
    ],
)
def test_the_prefix_is_the_store_s(store_url: str, prefix: str) -> None:
    assert prefix_of(store_url) == prefix
