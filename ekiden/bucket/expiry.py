"""Lifecycle rules: which are wanted, which are there, what changes. Rules are as boto3 has them.

A rule is ours by its id, `ekiden-<prefix>`; all others belong to somebody else and stay.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared import keys
from shared.config_kinds import Duration
from shared.layout import DAY_S, EXPIRES_AFTER_S

KEPT = (*keys.WORK, keys.WAITING, keys.FAILED, keys.DOMAINS, keys.PAUSED)
"""Nothing below these ever expires: it is there until somebody is done with it."""

Rule = Mapping[str, Any]
NEVER = 0


@dataclass(slots=True)
class Merged:
    """What the bucket's rules become."""

    rules: list[dict[str, Any]]
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    @property
    def differs(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def parse_expire(texts: Iterable[str]) -> dict[str, int]:
    """Prefix → days (0: never) of `batches/=90d`. Raises ValueError."""
    days: dict[str, int] = {}
    for text in texts:
        prefix, equals, word = text.partition("=")
        if not equals or prefix not in EXPIRES_AFTER_S:
            known = ", ".join(sorted(EXPIRES_AFTER_S))
            raise ValueError(f"{text!r}: write batches/=90d; what may expire is {known}")
        days[prefix] = NEVER if word in ("0", "0d") else math.ceil(Duration().parse(word) / DAY_S)
    return days


def wanted(overrides: Mapping[str, int]) -> dict[str, int]:
    """Prefix → days (0: never) of everything that may expire."""
    usual = {prefix: math.ceil(after_s / DAY_S) for prefix, after_s in EXPIRES_AFTER_S.items()}
    return usual | dict(overrides)


def merge(rules: Sequence[Rule], days: Mapping[str, int], key_prefix: str = "") -> Merged:
    """The rules with ours as wanted. What others wrote stays, and in its place."""
    open_ = {_id(key_prefix, prefix): prefix for prefix in days}
    merged = Merged([])
    for rule in rules:
        prefix = open_.pop(rule.get("ID", ""), None)
        if prefix is None:
            merged.rules.append(_filtered(rule))
        elif days[prefix] == NEVER:
            merged.removed.append(f"{prefix} (it was {days_of(rule)} days)")
        elif _is(rule, key_prefix + prefix, days[prefix]):
            merged.rules.append(dict(rule))
        else:
            merged.rules.append(_rule(key_prefix, prefix, days[prefix]))
            merged.changed.append(f"{prefix} {days[prefix]} days (it was {days_of(rule)})")
    for prefix in open_.values():
        in_force = any(_is(rule, key_prefix + prefix, days[prefix]) for rule in rules)
        if days[prefix] != NEVER and not in_force:
            merged.rules.append(_rule(key_prefix, prefix, days[prefix]))
            merged.added.append(f"{prefix} {days[prefix]} days")
    return merged


def without_expiry(rules: Sequence[Rule], key_prefix: str = "") -> list[str]:
    """The prefixes of the layout whose objects would stay for ever."""
    return [
        prefix
        for prefix in EXPIRES_AFTER_S
        if not any(_expires(rule, key_prefix + prefix) for rule in rules)
    ]


def dangers(rules: Sequence[Rule], key_prefix: str = "") -> list[str]:
    """The rules that delete what must stay, each with the prefix that it reaches."""
    found = []
    for rule in rules:
        below = prefix_of(rule)
        for kept in (key_prefix + each for each in KEPT):
            reaches = kept.startswith(below) or below.startswith(kept)
            if _deletes(rule) and not _only_tagged(rule) and reaches:
                found.append(f"{rule.get('ID', '(no id)')} deletes {kept}")
    return found


def days_of(rule: Rule) -> int:
    """After how many days it deletes; 0: never, or on a date."""
    on = rule.get("Status") == "Enabled"
    return int(rule.get("Expiration", {}).get("Days", 0)) if on else NEVER


def prefix_of(rule: Rule) -> str:
    """What its keys begin with, wherever the rule says so."""
    where = rule.get("Filter", {})
    inner = where.get("And", where)
    return str(inner.get("Prefix", rule.get("Prefix", "")) or "")


def _id(key_prefix: str, prefix: str) -> str:
    return f"ekiden-{key_prefix}{prefix}".rstrip("/")


def _rule(key_prefix: str, prefix: str, days: int) -> dict[str, Any]:
    return {
        "ID": _id(key_prefix, prefix),
        "Status": "Enabled",
        "Filter": {"Prefix": key_prefix + prefix},
        "Expiration": {"Days": days},
    }


def _is(rule: Rule, prefix: str, days: int) -> bool:
    return prefix_of(rule) == prefix and not _narrowed(rule) and days_of(rule) == days


def _expires(rule: Rule, prefix: str) -> bool:
    return prefix.startswith(prefix_of(rule)) and not _narrowed(rule) and _deletes(rule)


def _deletes(rule: Rule) -> bool:
    expiration = rule.get("Expiration", {})
    return rule.get("Status") == "Enabled" and ("Days" in expiration or "Date" in expiration)


def _narrowed(rule: Rule) -> bool:
    """It holds for some of the objects only: those with a tag, or of a size."""
    where = rule.get("Filter", {})
    return bool(set(where.get("And", where)) - {"Prefix"})


def _only_tagged(rule: Rule) -> bool:
    where = rule.get("Filter", {})
    return bool({"Tag", "Tags"} & set(where.get("And", where)))


def _filtered(rule: Rule) -> dict[str, Any]:
    """S3 takes no rule in the old form, with the prefix outside the filter, beside ours."""
    changed = dict(rule)
    if "Prefix" in changed and "Filter" not in changed:
        changed["Filter"] = {"Prefix": changed.pop("Prefix")}
    return changed
