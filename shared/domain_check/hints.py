"""What a Domain may publish besides, for the mail that it gets (RFC 8461, RFC 8460). Pure."""

from collections.abc import Sequence

from shared.domain_check.model import Check, PasteRecord, State
from shared.domain_check.tags import begins, parse_tags

MTA_STS = "mta-sts"
TLS_RPT = "tls-rpt"
_WHY = {
    MTA_STS: "Optional: who writes to the Domain then insists on TLS with a good certificate.",
    TLS_RPT: "Optional: others then report when TLS to the Domain's mail servers fails.",
}
_NEEDED = {MTA_STS: ("STSv1", "id"), TLS_RPT: ("TLSRPTv1", "rua")}
PREFIX = {MTA_STS: "_mta-sts", TLS_RPT: "_smtp._tls"}


def judge(name: str, domain: str, texts: Sequence[str]) -> Check:
    """`name`: one of the two. Their absence is no fault."""
    version, needed = _NEEDED[name]
    where = f"{PREFIX[name]}.{domain}"
    found = begins(version, texts)
    state, said = State.OK, f"{where}: {found[0]}" if found else f"{where} has none"
    if len(found) > 1:  # RFC 8461 §3.1, RFC 8460 §3: several count as none
        state, said = State.WARNING, f"{where} has {len(found)} records: they count as none"
    elif found and not (parse_tags(found[0]) or {}).get(needed):
        state, said = State.WARNING, f"{where} lacks {needed}=: {found[0]}"
    paste: tuple[PasteRecord, ...] = ()
    if name == TLS_RPT and (not found or state is State.WARNING):
        value = f"v=TLSRPTv1; rua=mailto:postmaster@{domain}"
        paste = (PasteRecord("TXT", where, value),)
    return Check(name, state, f"none, or one v={version} record", said, _WHY[name], domain, paste)
