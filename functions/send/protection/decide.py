"""Which protection a session with a host needs, and which host may not be used. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.send.protection.mta_sts import Mode, Policy
from functions.send.protection.tlsa import Demand
from functions.send.smtp.target import Tls, Tlsa
from shared.dns import MxHost


@dataclass(frozen=True, slots=True)
class Protection:
    """How a session with a host must be protected, and who said so."""

    tls: Tls
    tlsa: tuple[Tlsa, ...] = ()
    """What the certificate is checked by, with `Tls.DANE`."""
    source: str = ""
    """"override", "dane" or "mta-sts"; "" for the default."""
    base: str = ""
    """With `Tls.DANE`: the name for SNI and for a DANE-TA(2) certificate to prove (RFC 7672
    §3.2.2). It is the host's but for a host that is a CNAME."""


@dataclass(frozen=True, slots=True)
class HostProtection:
    """What to do about one of a destination's hosts."""

    host: MxHost
    protection: Protection
    refusal: str = ""
    """Why the host must not be used now; "": it may."""


def decide(
    host: MxHost, default: Tls, policy: Policy | None, demand: Demand | None
) -> HostProtection:
    """DANE goes before MTA-STS (RFC 8461 §2), and that before the default. Nothing weakens it."""
    if demand and demand.usable:
        protection = Protection(Tls.DANE, demand.usable, "dane", demand.base)
        return HostProtection(host, protection)
    if policy and policy.mode is Mode.ENFORCE:
        refusal = "" if policy.allows(host.name) else not_in_policy(host)
        return HostProtection(host, Protection(Tls.VERIFIED, source="mta-sts"), refusal)
    if demand:  # records, but none that could be checked (RFC 7672 §2.2)
        tls = default if default is Tls.VERIFIED else Tls.REQUIRED
        return HostProtection(host, Protection(tls, source="dane"))
    return HostProtection(host, Protection(default))


def not_in_policy(host: MxHost) -> str:
    return f"{host.name} is no server of this domain by its MTA-STS policy"


def override_for(domain: str, overrides: Mapping[str, Tls]) -> Tls | None:
    """By the domain itself, else by the closest `*.` above it."""
    if domain in overrides:
        return overrides[domain]
    while domain:
        domain = domain.partition(".")[2]
        if f"*.{domain}" in overrides:
            return overrides[f"*.{domain}"]
    return None
