"""Does a sending address have a name that leads back to it (RFC 1912 §2.1)? Pure."""

import ipaddress
from collections.abc import Mapping, Sequence

from shared.domain_check.model import Check, PasteRecord, State, listed
from shared.domain_check.subject import Source

NAME = "reverse-dns"
WHY = "Large providers refuse mail from addresses without a name that leads back to them."
MOST_NAMES = 10


def nameless(name: str, reason: str) -> Check:
    """The addresses that we send from are not known."""
    if "." not in name:
        expected = "a full name in EHLO: set send.hostname"
        return Check(NAME, State.WARNING, expected, f"{name!r} is no full name", WHY, name)
    expected = f"{name} leads to our address, and that back: publish it, or set send.hostname"
    return Check(NAME, State.WARNING, expected, reason, WHY, name)


def judge(source: Source, forward: Sequence[str], back: Mapping[str, bool]) -> Check:
    """`forward`: the addresses of the name in EHLO. `back`: the address's names → whether they
    lead to it."""
    state, found, paste = _judged(source, forward, back)
    expected = f"{source.name} leads to {source.address}, and that back to {source.name}"
    if paste and paste[0].type == "PTR":
        expected += " (a PTR record comes from who gave you the address)"
    return Check(NAME, state, expected, found, WHY, source.address, paste)


def _judged(
    source: Source, forward: Sequence[str], back: Mapping[str, bool]
) -> tuple[State, str, tuple[PasteRecord, ...]]:
    address, name = source.address, source.name
    there = (PasteRecord("AAAA" if ":" in address else "A", name, address),)
    pointer = (PasteRecord("PTR", ipaddress.ip_address(address).reverse_pointer, f"{name}."),)
    if not forward:
        return State.WARNING, f"{name} has no address", there
    if address not in forward:
        return State.FAILED, f"{name} leads to {listed(forward)}, not to {address}", there
    if not back:
        return State.FAILED, f"{address} does not lead back to {name}: it has no name", pointer
    confirmed = [each for each, leads_back in back.items() if leads_back]
    if not confirmed:
        seen = f"{listed(list(back))} does not lead to it"
        return State.FAILED, f"{address} does not lead back to {name}: {seen}", pointer
    if not any(_akin(each, name) for each in confirmed):
        return State.WARNING, f"{address} is called {listed(confirmed)}, we say {name}", pointer
    return State.OK, f"{name} leads to {address} and back", ()


def _akin(one: str, other: str) -> bool:
    """The same name, or one below the other."""
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")
