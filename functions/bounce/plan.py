"""What a mail that came back leads to, sorted by what has to be written. No store."""

from dataclasses import dataclass, field

from functions.bounce.attribute import attribute, complained, late_outcome
from functions.bounce.recorded import Bag
from functions.bounce.report import Kind, Report
from shared.feedback import BOUNCED, COMPLAINED, Event
from shared.inbound_addresses import Addressee
from shared.outcome import OPEN, Outcome, State
from shared.suppressions import Suppression

_RECEIVING = ("postmaster", "abuse", "routed")


@dataclass(slots=True)
class Plan:
    """What is to be done, before anything of it is."""

    bounced: dict[str, str] = field(default_factory=dict)
    """Delivery of a return path → Domain."""
    complained: dict[str, str] = field(default_factory=dict)
    received: dict[str, list[str]] = field(default_factory=dict)
    """Domain → its addresses that the mail is for."""
    unclear: list[str] = field(default_factory=list)
    """Why a person has to look."""


def sort_out(
    report: Report, addressees: dict[str, Addressee | None], proven: tuple[str, str] | None
) -> Plan:
    """One mail may have addressees of several kinds.

    `proven`: (Delivery, Domain) of the first return path in the report whose MAC is good.
    """
    plan = Plan()
    for address, addressee in addressees.items():
        if addressee is None:
            plan.unclear.append(f"{address} is nobody's address, or was not made by us")
        elif addressee.kind in _RECEIVING and not (report.kind is Kind.COMPLAINT and proven):
            plan.received.setdefault(addressee.domain, []).append(address)
        elif addressee.kind == "bounce":
            _returned(plan, report, addressee, proven)
        else:
            _fed_back(plan, report, proven)
    return plan


def _returned(
    plan: Plan, report: Report, addressee: Addressee, proven: tuple[str, str] | None
) -> None:
    """To a return path whose MAC is good."""
    if report.kind is Kind.BOUNCE:
        plan.bounced[addressee.delivery] = addressee.domain
    elif report.kind is Kind.COMPLAINT:
        delivery, domain = proven or (addressee.delivery, addressee.domain)
        plan.complained[delivery] = domain
    elif report.kind is Kind.UNKNOWN:
        plan.unclear.append("no report that we understand")


def _fed_back(plan: Plan, report: Report, proven: tuple[str, str] | None) -> None:
    """To a feedback address. Who forwards our mail there complains about it, in whatever form."""
    if report.kind in (Kind.COMPLAINT, Kind.UNKNOWN) and proven:
        plan.complained[proven[0]] = proven[1]
    elif report.kind is Kind.COMPLAINT:
        plan.unclear.append("a complaint that names no return path of ours")
    elif report.kind in (Kind.BOUNCE, Kind.UNKNOWN):
        plan.unclear.append("no complaint that we understand")


def is_open(delivery: str, bag: Bag) -> bool:
    """Whether its transmission is not over, or not recorded yet."""
    sent = bag.sent.get(delivery)
    return sent is None or sent.outcome in OPEN


def late_outcomes(deliveries: list[str], report: Report, bag: Bag, at: float) -> list[Outcome]:
    """What the report changes in one Bag. Only what was `delivered` can bounce late.

    What has bounced already, failed or was cancelled stays as it is: it was not delivered
    either way, and its Outcome is the one that the app was told.
    """
    found: dict[str, Outcome] = {}
    for delivery in deliveries:
        for whose, reported in attribute(delivery, report.recipients, bag.sent).items():
            if bag.last[whose].outcome is State.DELIVERED:
                found.setdefault(whose, late_outcome(bag.sent[whose], reported, at))
    return [found[delivery] for delivery in sorted(found)]


def bounce_event(outcome: Outcome) -> Event:
    return Event(
        delivery=outcome.delivery,
        recipient=outcome.recipient,
        kind=BOUNCED,
        at=outcome.at,
        bounce_class=outcome.bounce_class,
        hard=outcome.hard,
        text=outcome.text,
    )


def complaint_event(delivery: str, report: Report, bag: Bag, at: float) -> Event:
    """The Recipient is the one whose mail it was, whoever pressed the button."""
    whose = bag.sent[complained(delivery, report.recipients, bag.sent)]
    return Event(
        delivery=whose.delivery,
        recipient=whose.recipient,
        kind=COMPLAINED,
        at=at,
        feedback_type=report.feedback_type or "abuse",
    )


def suppression(event: Event) -> Suppression | None:
    """A hard bounce or a complaint ends it; a soft bounce may pass."""
    if event.kind == BOUNCED and not event.hard:
        return None
    return Suppression(
        email=event.recipient,
        reason="complaint" if event.kind == COMPLAINED else "hard_bounce",
        at=event.at,
        delivery=event.delivery,
    )
