"""The table of rights by itself: who shares what with whom, and that it can be carried out."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from itertools import combinations

import pytest

from shared import keys
from shared.layout import EXPIRES_AFTER_S, QUEUES, RIGHTS, Rights, policy

FUNCTIONS = sorted(RIGHTS)
STAGES = sorted(RIGHTS.keys() & set(keys.WORK.values()))
REPLACED = {
    "submit": ["domains/*/idempotency/*"],
    "send": ["leases/send/*", "control/warmup/*", "probe/*"],
    "notify": ["domains/*/webhooks/*"],
    "admin": [
        "batches/*/content.json",
        "batches/*/outcomes/*",
        "events/*",
        *(f"domains/*/{name}" for name in ("domain.json", "dkim.json", "tracking.json")),
        *(f"domains/*/{kind}/*" for kind in ("keys", "templates", "suppressed", "webhooks")),
        keys.retention_wish("*"),
    ],
    "sweep": [
        "control/redrives/*",
        keys.retention_index(),
        keys.retention_of("*"),
        *(f"{prefix}*" for prefix in keys.WORK),
    ],
    "pod": ["probe/*"],
}
"""Put with `If-Match`."""


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_pattern_begins_with_a_prefix_that_keys_knows(function: str) -> None:
    known = set(re.findall(r"^    ([a-z]+/)", keys.__doc__ or "", re.MULTILINE)) | {"probe/"}
    for patterns in asdict(RIGHTS[function]).values():
        assert {each[: each.find("/") + 1] for each in patterns} <= known


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_pattern_is_given_twice_or_contained_in_another(function: str) -> None:
    for kind, patterns in asdict(RIGHTS[function]).items():
        if function in ("sweep", "pod_sending") and kind == "write":
            continue  # what every sweep may write is in what one of them may
        for one, other in combinations(patterns, 2):
            assert not _contains(one, other)
            assert not _contains(other, one)


def _contains(wide: str, narrow: str) -> bool:
    return bool(re.fullmatch(re.escape(wide).replace(r"\*", ".*"), narrow))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_and_deletes_its_own_work_and_no_others(stage: str) -> None:
    own = next(prefix for prefix, taker in keys.WORK.items() if taker == stage)
    deleted = {each for each in RIGHTS[stage].delete if each.removesuffix("*") in keys.WORK}
    assert deleted == {f"{own}*"}
    assert f"{own}*" in RIGHTS[stage].read
    assert own in RIGHTS[stage].list  # to be ready, it lists it


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_moves_to_its_own_part_of_failed(stage: str) -> None:
    failed = [each for each in RIGHTS[stage].write if each.startswith(keys.FAILED)]
    assert failed == [f"failed/{stage}/*"]
    assert not [each for each in RIGHTS[stage].read if each.startswith(keys.FAILED)]


@pytest.mark.parametrize("function", sorted(REPLACED))
def test_what_is_replaced_may_be_read(function: str) -> None:
    """S3 asks for both rights on a put with `If-Match`."""
    for key in REPLACED[function]:
        assert _reads(RIGHTS[function], key)
        assert key in RIGHTS[function].write


def test_who_reads_secrets() -> None:
    readers = {
        secret: {name for name, rights in RIGHTS.items() if _reads(rights, key)}
        for secret, key in {
            "dkim": keys.domain_dkim("example.org"),
            "tracking": keys.domain_tracking("example.org"),
            "webhook": keys.webhook("example.org", "x"),
            "api key": keys.api_key("example.org", "x"),
        }.items()
    }
    assert readers == {
        "dkim": {"dispatch", "admin"},
        "tracking": {"dispatch", "track", "admin"},
        "webhook": {"notify", "admin"},
        "api key": {"submit", "pod", "pod_sending", "admin"},
    }


def _reads(rights: Rights, key: str) -> bool:
    return any(_contains(pattern, key) for pattern in rights.read)


def test_only_who_forgets_for_domains_deletes_what_became_of_a_mail() -> None:
    lasting = [keys.content("b"), keys.outcome_part("b", 0, 0, 0), keys.event("d", 0, "x")]
    for key in lasting:
        who = {name for name, rights in RIGHTS.items() if _deletes(rights, key)}
        assert who == {"sweep", "pod_sending"}


def test_nobody_deletes_what_was_counted_or_who_was_let_in() -> None:
    lasting = [keys.stats_of_day("d", "2027-01-15", "counts"), keys.stats_window("w")]
    lasting += [keys.audit(0, "x"), keys.template("d", "x"), keys.idempotency("d", "x")]
    for rights in RIGHTS.values():
        assert not [key for key in lasting for each in rights.delete if _contains(each, key)]


def test_what_an_operator_decides_no_stage_decides() -> None:
    decided = {
        "failed work is thrown away": (_deletes, keys.failed("send", "x"), {"admin"}),
        "a Domain is removed": (_deletes, keys.domain_record("d"), {"admin"}),
        "a Domain is changed": (_writes, keys.domain_record("d"), {"admin"}),
        "an API key is made": (_writes, keys.api_key("d", "x"), {"admin"}),
        "a Template is written": (_writes, keys.template("d", "x"), {"admin"}),
        "a destination is paused": (_writes, keys.paused("x"), {"admin"}),
        "somebody was let in": (_writes, keys.audit(0, "x"), {"admin"}),
        "an address may be written to again": (
            *(_deletes, keys.suppression("d", "x", "0")),
            {"admin", "sweep", "pod_sending"},  # who folds them into segments
        ),
    }
    for what, (may, key, who) in decided.items():
        assert {name for name, rights in RIGHTS.items() if may(rights, key)} == who, what


def _deletes(rights: Rights, key: str) -> bool:
    return any(_contains(pattern, key) for pattern in rights.delete)


def _writes(rights: Rights, key: str) -> bool:
    return any(_contains(pattern, key) for pattern in rights.write)


def test_who_answers_strangers_reads_no_mail() -> None:
    """Whoever takes `track` over gets no content and no key that signs mail or lets apps in."""
    private = [keys.content("b"), keys.received("d", "x"), keys.submitted("b")]
    private += [keys.dispatched("b", 0, 0), keys.event("d", 0, "x")]
    private += [keys.domain_dkim("d"), keys.api_key("d", "x"), keys.webhook("d", "x")]
    assert not [key for key in private if _reads(RIGHTS["track"], key)]
    assert not RIGHTS["track"].delete


def test_work_does_not_expire() -> None:
    lasting = [*keys.WORK, keys.WAITING, keys.FAILED, keys.DOMAINS, keys.LEASES, keys.REDRIVES]
    lasting += ["stats/", keys.PAUSED]
    assert not [one for one in EXPIRES_AFTER_S for other in lasting if one.startswith(other)]
    assert all(age_s % 86_400 == 0 for age_s in EXPIRES_AFTER_S.values())


def test_every_stage_has_a_queue_and_rights() -> None:
    assert set(QUEUES) == set(keys.WORK.values())
    others = {"track", "admin", "sweep", "pod", "pod_sending"}
    assert set(RIGHTS) == {*keys.WORK.values(), *others}


def test_a_policy_names_the_bucket_and_the_prefix() -> None:
    rights = Rights(read=("a/*/b",), write=("c/*",), delete=("d/*",), list=("e/",))
    read, write, delete, listed = policy(rights, "mail", "live/")["Statement"]
    assert read["Resource"] == ["arn:aws:s3:::mail/live/a/*/b"]
    assert write["Resource"] == ["arn:aws:s3:::mail/live/c/*"]
    assert delete["Resource"] == ["arn:aws:s3:::mail/live/d/*"]
    assert listed["Resource"] == ["arn:aws:s3:::mail"]
    assert listed["Condition"] == {"StringLike": {"s3:prefix": ["live/a/*/b", "live/e/*"]}}


def test_no_statement_is_about_nothing() -> None:
    """A store refuses such a document; SeaweedFS then forgets other functions' policies, too."""
    for rights in (*RIGHTS.values(), Rights(list=("a/",))):
        for statement in policy(rights, "mail")["Statement"]:
            assert statement["Resource"]


def test_the_command_prints_a_policy_or_says_what_it_wants() -> None:
    shown = _layout("send", "mail")
    assert json.loads(shown.stdout) == policy(RIGHTS["send"], "mail")
    for wrong in (["postmaster", "mail"], ["send"], ["send", "mail", "more"]):
        refused = _layout(*wrong)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "python -m shared.layout" in refused.stderr


def _layout(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shared.layout", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
