"""Does SPF let our addresses pass, and nobody else (RFC 7208)? Pure."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain_check.model import Check, PasteRecord, State, listed
from shared.domain_check.spf_evaluation import Verdict
from shared.domain_check.spf_record import PermError, parse, spf_texts
from shared.domain_check.subject import Source

NAME = "spf"
WHY = "Receivers ask it whether this address may send for the return path; a no is a mark of spam."
STRANGER = "240.0.0.1"
"""Reserved (RFC 1112 §4): whoever lets it pass lets everybody pass."""
MOST_SOURCES = 20
_LONGEST_MERGED = 450
"""What fits into a UDP answer of old (RFC 7208 §3.4)."""
_LAST = re.compile(r"[+?~-]?all|redirect=.*", re.IGNORECASE)
_WEAK = ("softfail", "neutral", "none")


@dataclass(frozen=True, slots=True)
class Facts:
    """What DNS says about one return-path host."""

    host: str
    texts: Sequence[str]
    verdicts: Sequence[tuple[Source, Verdict]] = ()
    stranger: Verdict = field(default=Verdict("none"))
    no_sources: str = ""
    """Why there are no verdicts."""
    by_others: str = ""
    """Why there need be none."""


def judge(facts: Facts) -> Check:
    """Of a Domain's return paths."""
    state, found = _judged(facts)
    wanted = listed([source.address for source, _ in facts.verdicts]) or "our addresses"
    expected = f"one SPF record at {facts.host} that lets {wanted} pass, and not everybody"
    paste = () if state in (State.OK, State.UNKNOWN) else _paste(facts)
    return Check(NAME, state, expected, found, WHY, facts.host, paste)


def _judged(facts: Facts) -> tuple[State, str]:
    records = spf_texts(facts.texts)
    if not records:
        return State.WARNING, f"{facts.host} has no SPF record"
    if len(records) > 1:  # RFC 7208 §4.5: an error, as bad as a fail
        return State.FAILED, f"{facts.host} has {len(records)} SPF records; only one may be"
    try:
        parse(records[0])
    except PermError as error:
        return State.FAILED, f"the SPF record of {facts.host} cannot be read: {error}"
    if facts.stranger.result == "pass":
        return State.FAILED, f"everybody passes, by {facts.stranger.by}: {records[0]}"
    if facts.by_others:
        return State.OK, f"{records[0]}; {facts.by_others}"
    return _of_verdicts(facts, records[0])


def _of_verdicts(facts: Facts, record: str) -> tuple[State, str]:
    if not facts.verdicts:
        return State.UNKNOWN, f"{record}; our address is not known: {facts.no_sources}"
    said = [
        f"{source.address}: {verdict.result}{verdict.by and f' by {verdict.by}'}"
        for source, verdict in facts.verdicts
        if verdict.result != "pass"
    ]
    results = {verdict.result for _, verdict in facts.verdicts}
    text = f"{listed(said)}; the record is {record}"
    if results & {"fail", "permerror"}:
        return State.FAILED, text
    if results.intersection(_WEAK):
        return State.WARNING, text
    if "temperror" in results:
        return State.UNKNOWN, text
    if facts.stranger.result == "permerror":
        return State.WARNING, f"our addresses pass, but others cannot be told: {facts.stranger.by}"
    return State.OK, f"our addresses pass: {record}"


def _paste(facts: Facts) -> tuple[PasteRecord, ...]:
    """The record as it is with our addresses in it; a fresh one where that would not do."""
    terms = [_term(source) for source, verdict in facts.verdicts if verdict.result != "pass"]
    records = spf_texts(facts.texts)
    if len(records) == 1 and facts.stranger.result != "pass" and _is_readable(records[0]):
        value = _merged(records[0], terms)
    else:
        everybody = [_term(source) for source, _ in facts.verdicts]
        value = " ".join(["v=spf1", *(everybody or ["a", "mx"]), "~all"])
    if len(value) > _LONGEST_MERGED or spf_texts([value]) == records:
        return ()
    return (PasteRecord("TXT", facts.host, value),)


def _is_readable(record: str) -> bool:
    try:
        parse(record)
    except PermError:
        return False
    return record.isprintable()


def _merged(record: str, terms: Sequence[str]) -> str:
    """In front of what decides about all others."""
    version, *there = record.split()
    end = next((i for i, each in enumerate(there) if _LAST.fullmatch(each)), len(there))
    return " ".join([version, *there[:end], *terms, *there[end:]])


def _term(source: Source) -> str:
    return f"ip{ipaddress.ip_address(source.address).version}:{source.address}"
