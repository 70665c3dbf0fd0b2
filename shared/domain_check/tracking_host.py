"""Do tracked links of a Domain lead to `track`, over https?"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from shared.dns import HostAnswer, NoMail
from shared.domain_check.lookups import Lookups
from shared.domain_check.model import Check, PasteRecord, State, listed
from shared.domain_check.subject import Sender, Subject
from shared.http_client import Answer, ForbiddenAddress, NoAnswer, Way, connect
from shared.http_url import HttpUrl

NAME = "tracking-host"
WHY = "Links and pixels of its mails lead there; where nobody answers, readers see an error."
PATIENCE_S = 10.0
PATH = "/o/ekiden-domain-check"
"""No token: `track` says that there is nothing here, and records nothing."""
_MOST_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Web:
    """How https is spoken."""

    allows: Callable[[str], bool]
    """Whether an address may be called: who asks for a check must not look around inside."""
    context: ssl.SSLContext | None = None
    """Whom to trust; none given, as the system does."""
    port: int = 443


async def look(subject: Subject, sender: Sender, dns: Lookups, web: Web) -> Check:
    """Raises `DnsUnavailable`."""
    host = subject.tracking_host
    try:
        answer = await dns.host(host)
    except NoMail as error:
        return _check(subject, sender, State.FAILED, str(error))
    if not answer.addresses:
        return _check(subject, sender, State.FAILED, f"{host} has no address")
    wrong = await _wrong(host, dns, web)
    where = listed(answer.addresses)
    if wrong:
        return _check(subject, sender, State.FAILED, f"{host} is at {where}: {wrong}")
    if not _leads_to_track(answer, sender, await _addresses(dns, sender.track_host)):
        seen = f"track answers at {where}, which is not where {sender.track_host} is"
        return _check(subject, sender, State.WARNING, seen)
    return _check(subject, sender, State.OK, f"track answers at {where}, with a good certificate")


async def _addresses(dns: Lookups, host: str) -> list[str]:
    try:
        return await dns.addresses(host) if host else []
    except NoMail:
        return []


def _leads_to_track(answer: HostAnswer, sender: Sender, addresses: list[str]) -> bool:
    known = sender.track_host and addresses
    same = answer.canonical == sender.track_host or set(answer.addresses) & set(addresses)
    return bool(not known or same)


async def _wrong(host: str, dns: Lookups, web: Web) -> str:
    """What is; empty if `track` answers."""
    way = Way(dns.addresses, web.allows, web.context)
    try:
        async with asyncio.timeout(PATIENCE_S):
            connection = await connect(way, HttpUrl("https", host, web.port, PATH))
            try:
                headers = {"User-Agent": "Ekiden", "Connection": "close"}
                answer = await connection.request("GET", headers, most_bytes=_MOST_BYTES)
            finally:
                connection.close()
    except TimeoutError:
        return f"no answer within {PATIENCE_S:g} s"
    except ForbiddenAddress:
        return "that is inside a private network, where readers do not get"
    except NoAnswer as failure:
        return str(failure)
    if not is_from_track(answer):
        return f"another server than track answers there (status {answer.status})"
    return ""


def is_from_track(answer: Answer) -> bool:
    """As `functions/track` says that there is nothing: a test holds both together."""
    policy = answer.headers.get("content-security-policy", "")
    ours = policy.startswith("default-src 'none'") and b"There is nothing here." in answer.body
    return answer.status == 404 and ours


def _check(subject: Subject, sender: Sender, state: State, found: str) -> Check:
    host = subject.tracking_host
    target = sender.track_host if sender.track_host != host else ""
    paste = (PasteRecord("CNAME", host, f"{target}."),)
    expected = f"https://{host} leads to track{target and f', as {target} does'}"
    wanted = bool(target) and state is not State.OK
    return Check(NAME, state, expected, found, WHY, host, paste if wanted else ())
