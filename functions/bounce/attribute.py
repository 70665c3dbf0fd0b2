"""Whose bounce it is: the return path says a Delivery, the content may say another. Pure.

Envelopes with identical bytes share one SMTP transaction, and so the return path of the first of
them. A report about such a one names its address, and no other may take its place: who has got
one mail can prove its return path, and must not be able to make another's Delivery bounce.
"""

from collections.abc import Mapping, Sequence

from functions.bounce.report import Reported
from shared.address import identity
from shared.bounce_classes import classify
from shared.ids import parse_return_path
from shared.outcome import Outcome, State

MAX_TEXT_CHARS = 1000


def attribute(
    delivery: str, recipients: Sequence[Reported], bag: Mapping[str, Outcome]
) -> dict[str, Reported]:
    """Delivery → what is reported to have failed.

    `delivery`: of the return path. `bag`: what the last transmission of each Delivery of its Bag
    came to, whatever was reported since.
    """
    together = _together(delivery, bag)
    named = [(_named(each, together), each) for each in recipients]
    failed: dict[str, Reported] = {}
    for whose, each in named:
        if whose and each.action == "failed":
            failed.setdefault(whose, each)
    if delivery in (whose for whose, _ in named):
        return failed  # what became of its own address is said; others are members of a list
    # Mail is forwarded, and the last server knows another address than ours.
    strangers = [each for whose, each in named if whose is None and each.action == "failed"]
    if strangers:
        failed[delivery] = strangers[0]
    return failed


def complained(delivery: str, recipients: Sequence[Reported], bag: Mapping[str, Outcome]) -> str:
    """The Delivery that a complaint is about. Who complained is often blacked out."""
    together = _together(delivery, bag)
    return next((whose for each in recipients if (whose := _named(each, together))), delivery)


def _together(delivery: str, bag: Mapping[str, Outcome]) -> dict[str, str]:
    """Recipient → Delivery, of all that may have travelled under this one's return path."""
    return {
        identity(outcome.recipient): each
        for each, outcome in bag.items()
        if each == delivery or _went_with(outcome, delivery)
    }


def _went_with(other: Outcome, delivery: str) -> bool:
    """Whether it travelled under this Delivery's return path: `send` has written it down. Nothing
    less will do, or who got one mail could bounce those of others."""
    path = parse_return_path(other.return_path)
    return other.outcome is State.DELIVERED and path is not None and path[0] == delivery


def _named(reported: Reported, together: Mapping[str, str]) -> str | None:
    """RFC 3464 §2.3.1: the original address is the one that we had given."""
    for address in (reported.original, reported.address):
        if address and identity(address) in together:
            return together[identity(address)]
    return None


def late_outcome(last: Outcome, reported: Reported, at: float) -> Outcome:
    """The Outcome of a Delivery that was taken, and then could not be delivered."""
    bounce_class = classify(reported.code, reported.enhanced, reported.text)
    return Outcome(
        delivery=last.delivery,
        recipient=last.recipient,
        outcome=State.BOUNCED,
        at=at,
        attempt=last.attempt,
        code=reported.code,
        enhanced=reported.enhanced,
        text=reported.text[:MAX_TEXT_CHARS],
        reason="report",
        bounce_class=bounce_class.name,
        hard=bounce_class.hard,
        host=reported.host,
    )
