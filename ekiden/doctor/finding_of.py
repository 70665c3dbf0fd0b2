"""A check of a Domain as the doctor reports it."""

from collections.abc import Sequence

from ekiden.doctor.finding import Finding, State, ok
from shared.domain_check import model
from shared.domain_check.model import Check, overall

_STATES = {
    model.State.OK: State.OK,
    model.State.WARNING: State.WARNING,
    model.State.FAILED: State.FAILED,
    # What nobody answers may be all right, and somebody has to look.
    model.State.UNKNOWN: State.WARNING,
}


def of_domain(domain: str, checks: Sequence[Check]) -> Finding:
    """All that was looked at of a Domain, as one line."""
    wrong = [each for each in checks if each.state is not model.State.OK]
    if not wrong:
        return ok("DKIM, SPF, DMARC and the way back are there", domain)
    seen = "; ".join(f"{each.name}: {each.found}" for each in wrong)
    advice = f"ekiden domain check {domain} says what to publish"
    return Finding(_STATES[overall(wrong)], seen, advice, domain)


def of_check(check: Check) -> Finding:
    """One line; the advice is what to publish, else what is expected."""
    if check.state is model.State.OK:
        return ok(check.found, check.about)
    records = [f"publish {each.name} {each.type} {each.value}" for each in check.paste]
    advice = "; ".join(records) or check.expected
    return Finding(_STATES[check.state], check.found, advice, check.about)
