"""Does mail to a host reach us, or anybody at all (RFC 5321 §5.1)? Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.dns import MxHost
from shared.domain_check.model import Check, PasteRecord, State, listed
from shared.domain_check.subject import Sender

BOUNCES = "bounces"
MX = "mx"
WHY_BOUNCES = "Bounces come back there; lost ones mean that dead addresses are written to for ever."
WHY_RECEIVED = "The Domain is to receive this mail, and only what reaches us is received."
WHY_REPLIES = "People answer to From, and some receivers refuse mail that nobody could answer."


@dataclass(frozen=True, slots=True)
class Facts:
    """What DNS says about one host."""

    host: str
    servers: Sequence[MxHost] = ()
    """Best first."""
    no_mail: str = ""
    """Why there are none."""
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of the servers, by name."""
    ours: frozenset[str] = frozenset()
    """Addresses that lead to us."""


def judge_bounces(facts: Facts, sender: Sender, domain: str) -> Check:
    """Of the host in return paths of a Domain."""
    state, found = _judged(facts, sender)
    if state is State.WARNING and facts.host == domain:
        # Its people get their mail there: another MX would take it from them.
        found += "; a return-path host of its own brings them here (send.return_path_host)"
    replaces = state is State.FAILED or (state is State.WARNING and facts.host != domain)
    return _check((BOUNCES, WHY_BOUNCES), (state, found), facts, sender, replaces)


def judge_received(facts: Facts, sender: Sender) -> Check:
    """Of a host that a Domain receives mail for, if only at some addresses."""
    judged = _judged(facts, sender)
    return _check((MX, WHY_RECEIVED), judged, facts, sender, judged[0] is State.FAILED)


def _check(
    named: tuple[str, str], judged: tuple[State, str], facts: Facts, sender: Sender, paste: bool
) -> Check:
    name, why = named
    record = PasteRecord("MX", facts.host, f"10 {sender.name}.")
    expected = f"mail for {facts.host} goes to {sender.name}"
    wanted = (record,) if paste and "." in sender.name else ()
    return Check(name, judged[0], expected, judged[1], why, facts.host, wanted)


def _judged(facts: Facts, sender: Sender) -> tuple[State, str]:
    if facts.no_mail:
        return State.FAILED, f"{facts.host} has no mail server: {facts.no_mail}"
    named = listed([each.name for each in facts.servers])
    if not any(facts.addresses.values()):
        return State.FAILED, f"its mail server {named} has no address"
    best = [each for each in facts.servers if each.preference == facts.servers[0].preference]
    ours = [each for each in facts.servers if _is_ours(each, facts, sender)]
    if any(each in ours for each in best):
        return State.OK, f"it goes to {named}"
    if ours:
        return State.WARNING, f"it goes to {best[0].name} first, and to us ({ours[0].name}) later"
    if not facts.ours and "." not in sender.name:
        return State.UNKNOWN, f"it goes to {named}; who we are is not known: set send.hostname"
    return State.WARNING, f"it goes to {named}, not to us: unless they pass it on, it is lost"


def _is_ours(server: MxHost, facts: Facts, sender: Sender) -> bool:
    names = {sender.name, *(source.name for source in sender.sources)}
    return server.name in names or bool(facts.ours.intersection(facts.addresses[server.name]))


def judge_replies(facts: Facts) -> Check:
    """Of the Domain itself, wherever its people read their mail."""
    state, found = State.OK, f"it goes to {listed([each.name for each in facts.servers])}"
    if facts.no_mail:
        state, found = State.WARNING, f"{facts.host} has no mail server: {facts.no_mail}"
    elif not any(facts.addresses.values()):
        state, found = State.WARNING, f"{found}, which has no address"
    expected = f"somebody takes mail for {facts.host}"
    return Check(MX, state, expected, found, WHY_REPLIES, facts.host)
