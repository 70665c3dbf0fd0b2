"""Does DMARC stand, and does our mail align with it (RFC 9989)? Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.address import normal_domain
from shared.domain_check.model import Check, PasteRecord, State, listed
from shared.domain_check.tags import begins, parse_tags

NAME = "dmarc"
WHY = "Large providers want it of everybody who sends to many; it says what to do with forged mail."
POLICIES = ("none", "quarantine", "reject")
MOST_QUESTIONS = 8  # RFC 9989 §4.10: of one tree walk
MOST_REPORT_HOSTS = 5
_MAILTO = re.compile(r"mailto:([^@\s,!]+@([a-z0-9.-]+))(?:![0-9]+[kmgt]?)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Walk:
    """What the names above one name say: (name, its DMARC records), the longest first."""

    start: str
    found: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def single(self) -> dict[str, str]:
        """Of names with exactly one record: several count as none (RFC 9989 §4.10)."""
        return {name: texts[0] for name, texts in self.found if len(texts) == 1}

    @property
    def organisation(self) -> str:
        """RFC 9989 §4.10.2."""
        last = self.start
        for name, text in self.single.items():
            if _psd(text) == "n":
                return name
            if _psd(text) == "y" and name != self.start:
                below = self.start.removesuffix(f".{name}").rpartition(".")[2]
                return f"{below}.{name}"
            last = name
        return last

    @property
    def public_suffix(self) -> str:
        """One that says that it is one; empty if none does."""
        return next((name for name, text in self.single.items() if _psd(text) == "y"), "")


def _psd(text: str) -> str:
    return (parse_tags(text) or {}).get("psd", "").lower()


def walked(name: str) -> list[str]:
    """The names to ask, in their order (RFC 9989 §4.10)."""
    labels = name.lower().split(".")
    above = labels[1:] if len(labels) <= MOST_QUESTIONS else labels[1 - MOST_QUESTIONS :]
    return [".".join(labels), *(".".join(above[start:]) for start in range(len(above)))]


@dataclass(frozen=True, slots=True)
class Facts:
    """What DNS says about one Domain."""

    domain: Walk
    host: Walk
    """Of the return paths."""
    permitted: Mapping[str, bool] = field(default_factory=dict)
    """Foreign host of reports → does it want them?"""


def judge(facts: Facts) -> Check:
    domain = facts.domain.start
    name, text, problem = _policy_record(facts.domain)
    tags = parse_tags(text) if text else None
    if not problem and tags is not None:
        problem = _unreadable(tags)
    if problem or tags is None:
        return _check(facts, State.WARNING, problem or f"{name}: {text} cannot be read", True)
    lacking = [*_alignment(facts, tags), *_reports(facts, tags)]
    said = f"{_applied(tags, name == domain)} by _dmarc.{name}"
    if lacking:
        return _check(facts, State.WARNING, f"{said}; {'; '.join(lacking)}")
    advice = "" if tags.get("rua") else "; without rua= nobody tells what receivers saw"
    return _check(facts, State.OK, f"{said}; DKIM and SPF align{advice}")


def _check(facts: Facts, state: State, found: str, paste: bool = False) -> Check:
    domain = facts.domain.start
    wanted = f"one record at _dmarc.{domain} or above, with which From and return path align"
    record = PasteRecord("TXT", f"_dmarc.{domain}", "v=DMARC1; p=none")
    return Check(NAME, state, wanted, found, WHY, domain, (record,) if paste else ())


def _policy_record(walk: Walk) -> tuple[str, str, str]:
    """(whose, its text, or what is wrong): the Domain's, else its organisation's, else that of
    the public suffix (RFC 9989 §4.10.1)."""
    for name in (walk.start, walk.organisation, walk.public_suffix):
        texts = dict(walk.found).get(name, ())
        if len(texts) > 1:
            return name, "", f"_dmarc.{name} has {len(texts)} records: they count as none"
        if texts:
            return name, texts[0], ""
    return walk.start, "", f"there is no DMARC record at _dmarc.{walk.start}, nor above"


def _unreadable(tags: Mapping[str, str]) -> str:
    """RFC 9989 §4.7: an unknown policy counts as none if reports are wanted, else all of it does
    not count."""
    if tags.get("p", "").lower() in POLICIES:
        wrong = [each for each in ("sp", "np") if tags.get(each, "none").lower() not in POLICIES]
    else:
        wrong = ["p"]
    wrong += [each for each in ("adkim", "aspf") if tags.get(each, "r").lower() not in ("r", "s")]
    said = [f"{each}={tags[each]}" if each in tags else f"no {each}=" for each in wrong]
    return f"the record does not say what it means: {', '.join(said)}" if said else ""


def _applied(tags: Mapping[str, str], is_own: bool) -> str:
    key = "sp" if not is_own and "sp" in tags else "p"
    test = ", t=y: in test" if tags.get("t", "").lower() == "y" else ""
    return f"{key}={tags[key].lower()}{test}"


def _alignment(facts: Facts, tags: Mapping[str, str]) -> list[str]:
    """What receivers do not believe. DKIM always aligns: we sign as the Domain, which is in From
    (RFC 9989 §4.4)."""
    domain, host = facts.domain, facts.host
    if host.start == domain.start:
        return []
    if tags.get("aspf", "r").lower() == "s":
        return [f"aspf=s: SPF of {host.start} does not count, DKIM alone does"]
    if host.organisation != domain.organisation:
        other = f"{host.organisation} is not {domain.organisation}"
        return [f"SPF of {host.start} does not align ({other}), DKIM alone does"]
    return []


def _reports(facts: Facts, tags: Mapping[str, str]) -> list[str]:
    wrong = [each for each in _uris(tags) if not _MAILTO.fullmatch(each)]
    said = [f"rua={wrong[0]}: write mailto:reports@example.com"] if wrong else []
    refused = [host for host, wants in facts.permitted.items() if not wants]
    if refused:
        said.append(f"{listed(refused)} does not say that it wants reports about others")
    return said


def report_hosts(walk: Walk) -> list[tuple[str, str]]:
    """(host, the name where it says that it wants reports) of those outside the organisation
    (RFC 9990 §4)."""
    name, text, _ = _policy_record(walk)
    found = [_MAILTO.fullmatch(each) for each in _uris(parse_tags(text) or {})]
    hosts = dict.fromkeys(normal_domain(match[2]) for match in found if match)
    own = walk.organisation
    foreign = [each for each in hosts if each and not f".{each}".endswith(f".{own}")]
    return [(each, f"{name}._report._dmarc.{each}") for each in foreign[:MOST_REPORT_HOSTS]]


def _uris(tags: Mapping[str, str]) -> list[str]:
    return [each.strip() for each in tags.get("rua", "").split(",") if each.strip()]


def dmarc_texts(texts: Sequence[str]) -> tuple[str, ...]:
    """Those of a name's TXT records that are DMARC records."""
    return tuple(begins("DMARC1", texts))
