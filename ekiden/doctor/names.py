"""DNS: does it answer, what does it say about the Domains, and about the name we send by?"""

import asyncio
import socket

from ekiden.doctor.beside import in_thread
from ekiden.doctor.finding import Finding, Scene, State, failed, ok, skipped, warning
from ekiden.doctor.finding_of import of_check, of_domain
from shared import keys
from shared.config_mail import parse_pool_member
from shared.config_network import parse_nameserver
from shared.dns import DnsUnavailable
from shared.domain_check import reverse
from shared.domain_check.look import at_reverse, find_sources
from shared.domain_check.lookups import Lookups
from shared.domain_check.run import PUBLISHED, check_domain
from shared.domain_check.subject import Sender, Source
from shared.errors import EkidenError, Malformed, NotFound
from shared.store.base import Store

PATIENCE_S = 6.0
AT_ONCE = 10
MOST_DOMAINS = 200
"""A minute of questions, at worst."""
_PAGE = 1000


async def resolver(scene: Scene) -> list[Finding]:
    """Each name server that the configuration names, or those of the system together."""
    servers = scene.config.send.nameservers
    answers = await asyncio.gather(*map(_asks, [[each] for each in servers] or [[]]))
    wrong = [answer for answer in answers if answer]
    if not wrong:
        return [ok(f"{', '.join(servers) or 'the name servers of the system'}: an answer")]
    advice = "look at send.nameservers, or at the resolver of this machine"
    needed = scene.config.send.route == "mx" and len(wrong) == len(answers)
    return [(failed if needed else warning)("; ".join(wrong), advice)]


async def _asks(servers: list[str]) -> str:
    """What is wrong with them; "" if they know the root of all names."""
    from shared.dns_client import Client

    client = Client([parse_nameserver(each) for each in servers], PATIENCE_S)
    shown = ", ".join(servers) or "those of the system"
    try:
        reply = await client.ask(".", "NS")
    except DnsUnavailable as error:
        return f"{shown}: {error}"
    return "" if reply.records else f"{shown}: an answer, but it knows nothing of the internet"


async def domains(scene: Scene) -> list[Finding]:
    """The records that `ekiden domain dns` asks to publish; a line for each that lacks some."""
    names = await _names(scene.store)
    if not names:
        return [skipped("there is no Domain yet", "ekiden domain add example.com")]
    at_once = asyncio.Semaphore(AT_ONCE)

    async def look(name: str) -> Finding:
        async with at_once:
            return await _domain(scene, name)

    findings = await asyncio.gather(*map(look, names[:MOST_DOMAINS]))
    well = [finding for finding in findings if finding.state is State.OK]
    said = [ok(f"{len(well)} of {len(names)} Domains have their records")] if well else []
    if len(names) > MOST_DOMAINS:
        said.append(skipped(f"{len(names) - MOST_DOMAINS} Domains more: one run looks at a part"))
    return [*said, *(finding for finding in findings if finding.state is not State.OK)]


async def _names(store: Store) -> list[str]:
    """All Domains. Their long lists are jumped over: all keys of one stand together."""
    found: dict[str, None] = {}
    after = ""
    while True:
        page = await store.list_page(keys.DOMAINS, after, _PAGE)
        found |= dict.fromkeys(keys.parse_domain(entry.key) for entry in page)
        if len(page) < _PAGE:
            return list(found)
        after = f"{keys.DOMAINS}{keys.parse_domain(page[-1].key)}/~"


async def _domain(scene: Scene, name: str) -> Finding:
    try:
        return of_domain(name, await check_domain(scene.config, scene.store, name, PUBLISHED))
    except (NotFound, Malformed) as error:
        return failed(f"its record cannot be read: {error}", f"ekiden show domains/{name}/", name)
    except EkidenError as error:
        return failed(str(error), "", name)


async def sending_name(scene: Scene) -> list[Finding]:
    """The name in EHLO leads to an address, and that back to the name (RFC 1912 §2.1): large
    providers refuse mail from others."""
    ours = scene.config.send
    if ours.route != "mx":
        return [skipped("all mail goes by one server, whose name counts")]
    hostname = ours.hostname or await in_thread(socket.getfqdn)
    pools = [
        Source(address, (name or hostname).lower())
        for _, address, name in map(parse_pool_member, ours.pools)
    ]
    dns = Lookups(ours.nameservers, PATIENCE_S)
    sources, missing = await find_sources(Sender(hostname.lower(), tuple(pools)), dns)
    if not sources:
        return [of_check(reverse.nameless(hostname, missing))]
    return list(await asyncio.gather(*(_name(dns, source) for source in sources)))


async def _name(dns: Lookups, source: Source) -> Finding:
    try:
        return of_check(await at_reverse(dns, source))
    except DnsUnavailable as error:
        return warning(str(error), "look at the check `resolver`", source.address)
