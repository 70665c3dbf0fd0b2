"""Notification rules: which are wanted, which are there, which have to be added.

A rule is ours by its id, `ekiden-<work prefix>`; all others belong to somebody else and stay.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared import keys
from shared.layout import NOTIFIED_OPERATIONS

EVENTS = tuple(f"s3:ObjectCreated:{operation}" for operation in NOTIFIED_OPERATIONS)
EVERY_CREATION = "s3:ObjectCreated:*"
STAGES = tuple(keys.WORK.values())


@dataclass(frozen=True, slots=True)
class Notice:
    """One rule: who is told of what below which prefix."""

    id: str
    target: str
    events: frozenset[str]
    prefix: str = ""
    suffix: str = ""

    def tells_of(self, prefix: str, event: str) -> bool:
        """Of every such event below `prefix`."""
        told = event in self.events or EVERY_CREATION in self.events
        return told and not self.suffix and prefix.startswith(self.prefix)

    def overlaps(self, other: "Notice") -> bool:
        """Both may be told of the same event: S3 refuses that for two targets."""
        near = self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        mine, theirs = map(_operations, (self, other))
        return near and bool(mine & theirs)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about the rules that are there."""

    keep: list[int]
    """Places in the list of those that are there."""
    add: list[Notice]
    replaced: int = 0

    @property
    def differs(self) -> bool:
        return bool(self.add)


def parse_targets(texts: Iterable[str]) -> dict[str, str]:
    """Stage → ARN of `send=arn:minio:sqs::send:webhook`. Raises ValueError."""
    targets: dict[str, str] = {}
    for text in texts:
        stage, _, arn = text.partition("=")
        if stage not in STAGES or not re.fullmatch(r"arn:[a-z0-9-]+:sqs:[^:\s]*:[^:\s]+:\S+", arn):
            raise ValueError(
                f"{text!r} is no target: write STAGE=ARN, as in send=arn:minio:sqs::send:webhook; "
                f"stages are {', '.join(STAGES)}"
            )
        targets[stage] = arn
    return targets


def wanted(targets: Mapping[str, str], key_prefix: str = "") -> list[Notice]:
    """One rule per work prefix: engines take one prefix per rule."""
    return [
        Notice(
            f"ekiden-{key_prefix}{prefix}".rstrip("/"),
            targets[stage],
            frozenset(EVENTS),
            key_prefix + prefix,
        )
        for prefix, stage in keys.WORK.items()
        if stage in targets
    ]


def plan(there: Sequence[Notice], ours: Sequence[Notice]) -> Plan:
    """Which to keep and which to add. A rule of others that says the same is good enough."""
    add = [each for each in ours if not any(_serves(rule, each) for rule in there)]
    replaced = {each.id for each in add}
    keep = [place for place, rule in enumerate(there) if rule.id not in replaced]
    return Plan(keep, add, len(there) - len(keep))


def conflicts(there: Sequence[Notice], added: Sequence[Notice]) -> list[str]:
    """Rules of others that S3 would refuse ours for."""
    ours = {each.id for each in added}
    return [
        f"{rule.id or '(no id)'} tells {rule.target} of {rule.prefix or 'everything'}"
        for rule in there
        if rule.id not in ours and any(rule.overlaps(each) for each in added)
    ]


def untold(there: Sequence[Notice], key_prefix: str = "") -> dict[str, list[str]]:
    """Work prefix → the operations on it that nobody is told of."""
    missing = {
        prefix: [
            event.rpartition(":")[2]
            for event in EVENTS
            if not any(rule.tells_of(key_prefix + prefix, event) for rule in there)
        ]
        for prefix in keys.WORK
    }
    return {prefix: operations for prefix, operations in missing.items() if operations}


def from_s3(rule: Mapping[str, Any]) -> Notice:
    """A queue's, topic's or function's rule, as boto3 has it."""
    arns = ("QueueArn", "TopicArn", "LambdaFunctionArn")
    names = {
        str(each.get("Name", "")).lower(): str(each.get("Value", ""))
        for each in rule.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    }
    return Notice(
        str(rule.get("Id", "")),
        next((str(rule[arn]) for arn in arns if arn in rule), ""),
        frozenset(rule.get("Events", [])),
        names.get("prefix", ""),
        names.get("suffix", ""),
    )


def to_s3(notice: Notice) -> dict[str, Any]:
    """A queue's rule, as boto3 puts it."""
    return {
        "Id": notice.id,
        "QueueArn": notice.target,
        "Events": sorted(notice.events),
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": notice.prefix}]}},
    }


def all_of(configuration: Mapping[str, Any]) -> list[Notice]:
    """Every rule of a notification configuration. EventBridge is told of everything."""
    kinds = ("QueueConfigurations", "TopicConfigurations", "LambdaFunctionConfigurations")
    found = [from_s3(rule) for kind in kinds for rule in configuration.get(kind, [])]
    if "EventBridgeConfiguration" in configuration:
        found.append(Notice("EventBridge", "", frozenset({EVERY_CREATION})))
    return found


def _serves(rule: Notice, ours: Notice) -> bool:
    """It does what ours would. Our own has to be as we would write it now."""
    if rule.id == ours.id:
        return rule == ours
    told = all(rule.tells_of(ours.prefix, event) for event in ours.events)
    return told and rule.target == ours.target


def _operations(notice: Notice) -> frozenset[str]:
    return frozenset(EVENTS) if EVERY_CREATION in notice.events else notice.events
