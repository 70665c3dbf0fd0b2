"""What DNS has to say about a Domain, and what is wrong with what it says. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ekiden.doctor.finding import Finding, failed, ok, warning


@dataclass(frozen=True, slots=True)
class Published:
    """What was found about one Domain."""

    dkim: dict[str, list[str]] = field(default_factory=dict)
    """Name → TXT records."""
    spf: list[str] = field(default_factory=list)
    """The TXT records of the return path's host."""
    dmarc: list[str] = field(default_factory=list)
    """Of the nearest name that has a policy: its own, or that of a domain above."""
    bounces_come_back: bool = True


def judge(
    domain: str, host: str, expected: Sequence[tuple[str, str, bool]], found: Published
) -> Finding:
    """`host`: of the return paths. `expected`: (name, text, does it sign now?) of DKIM records."""
    wrong = [
        problem
        for name, text, signs in expected
        if signs and (problem := _dkim(name, text, found.dkim.get(name, [])))
    ]
    wrong += _spf_errors(host, found.spf)
    if wrong:
        return failed("; ".join(wrong), f"publish what `ekiden domain dns {domain}` prints", domain)
    lacking = []
    if not _starting("v=spf1", found.spf):
        lacking.append(f"{host} has no SPF record")
    if len(_starting("v=DMARC1", found.dmarc)) != 1:  # RFC 7489 §6.6.3: several count as none
        lacking.append("there is no single DMARC record")
    if not found.bounces_come_back:
        lacking.append(f"{host} has no mail server: bounces do not come back")
    if lacking:
        return warning("; ".join(lacking), f"ekiden domain dns {domain}", domain)
    return ok("DKIM, SPF, DMARC and the way back are there", domain)


def _dkim(name: str, wanted: str, found: Sequence[str]) -> str:
    """What is wrong with the record of a key that signs; "" if nothing is."""
    records = [_tags(text) for text in found]
    keys = {tags["p"] for tags in records if "p" in tags}
    if not keys:
        return f"{name} has no DKIM record"
    if keys == {""}:
        return f"{name} says that the key is revoked"  # RFC 6376 §3.6.1
    # Several records for one selector: which one a verifier takes is undefined (§3.6.2.2).
    return "" if keys == {_tags(wanted)["p"]} else f"{name} publishes another key than ours"


def _spf_errors(host: str, found: Sequence[str]) -> list[str]:
    records = _starting("v=spf1", found)
    many = len(records) > 1  # RFC 7208 §4.5: an error, as bad as a fail
    return [f"{host} has {len(records)} SPF records; only one may be"] if many else []


def _starting(version: str, texts: Sequence[str]) -> list[str]:
    pattern = rf"{re.escape(version)}([\s;].*)?"
    return [text for text in texts if re.fullmatch(pattern, text.strip(), re.IGNORECASE | re.S)]


def _tags(text: str) -> dict[str, str]:
    """RFC 6376 §3.2. Blanks inside a value do not count in base 64."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): re.sub(r"\s+", "", value) for name, _, value in pairs if name.strip()}
