"""Why a mail was not taken: a class, from the reply code, RFC 3463's code and the text. Pure.

The rules are one ordered table (`shared/bounce_rules.py`); the first that matches decides. Texts
stand before codes, because providers use the same few codes for everything.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

CLASSES = {
    "invalid_recipient": "There is no such mailbox or domain, or it is closed for good.",
    "mailbox_full": "The mailbox has no room left.",
    "policy": "A rule of theirs: size, content type, relaying, who may write to whom.",
    "spam": "The message, its links or its sender's domain look like spam to them.",
    "blocked_address": "The address that we send from is blocked or has a bad name.",
    "auth_failure": "SPF, DKIM, DMARC or reverse DNS failed, or a smarthost refused our login.",
    "greylisted": "They want to see a second attempt.",
    "rate_limited": "Too much at once: mails, connections, recipients.",
    "unreachable": "No server answered, or none that could take mail.",
    "tls": "TLS is required and did not come about, or the server's name was not proved.",
    "other": "None of these.",
}


class BounceClass(NamedTuple):
    """What kept a Delivery from being delivered."""

    name: str
    """One of `CLASSES`."""
    hard: bool
    """The same mail to the same address would fail tomorrow, because of the Recipient. What says
    something about the sender is never hard: it must not count against a Recipient."""


_Rules = list[tuple[str, re.Pattern[str]]]

UNREACHABLE = BounceClass("unreachable", False)
TLS = BounceClass("tls", False)

MAX_SUBJECT_CHARS = 1000
_ID_CHARS = 16
_DIGIT = re.compile(r"\d")


@lru_cache(maxsize=2048)
def classify(code: int | None, enhanced: str, text: str, stage: str = "") -> BounceClass:
    """The class of a reply. Without `code` and `enhanced` nobody answered.

    `stage` is what we had said before the reply, such as "rcpt" (`Outcome.reason`).
    """
    if code is None and not enhanced:
        return TLS if stage == "starttls" else UNREACHABLE
    words = " ".join(map(_masked, text[:MAX_SUBJECT_CHARS].lower().split()))
    return _classify(f"{code or '-'} {enhanced or '-'} {words}", stage)


def _masked(word: str) -> str:
    """`~` for addresses and queue ids: they never decide, and without them a provider's replies
    are few, so that they are found in the cache."""
    if "@" in word:
        return "~"
    is_id = len(word) >= _ID_CHARS and "/" not in word and _DIGIT.search(word)
    return "~" if is_id else word


@lru_cache(maxsize=4096)
def _classify(subject: str, stage: str) -> BounceClass:
    name = _by_text(subject) or _by_stage(subject, stage) or _by_code(subject)
    return BounceClass(name, name == "invalid_recipient" and _is_permanent(subject))


def _is_permanent(subject: str) -> bool:
    """The reply code decides where there is one: that is what a sender acts on."""
    return subject.startswith(("5", "- 5"))


@cache
def _compiled() -> tuple[_Rules, _Rules]:
    """At the first refusal: a cold start needs none."""
    from shared.bounce_rules import CODES, TEXTS, patterns

    texts, codes = (
        [(name, re.compile(pattern)) for name, pattern in patterns(table)]
        for table in (TEXTS, CODES)
    )
    return texts, codes


def _by_text(subject: str) -> str:
    return _first(_compiled()[0], subject)


def _by_code(subject: str) -> str:
    return _first(_compiled()[1], subject) or "other"


def _by_stage(subject: str, stage: str) -> str:
    """Who refuses before it has seen an envelope can only mean the address that we come from."""
    if stage in ("connect", "greeting", "ehlo"):
        return "blocked_address" if subject.startswith("5") else "unreachable"
    return {"starttls": "tls", "auth": "auth_failure"}.get(stage, "")


def _first(rules: _Rules, subject: str) -> str:
    return next((name for name, pattern in rules if pattern.search(subject)), "")
