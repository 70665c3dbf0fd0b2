"""DNS: does it answer, what does it say about the Domains, and about the name we send by?"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

import msgspec

from ekiden.doctor.beside import in_thread
from ekiden.doctor.finding import Finding, Scene, State, failed, ok, skipped, warning
from ekiden.doctor.records import Published, judge
from shared import keys
from shared.config_mail import parse_pool_member
from shared.config_network import parse_nameserver
from shared.dkim_keys import dns_record, load
from shared.dns import DnsUnavailable, MxResolver, NoMail
from shared.domains import DkimKeys, Domain
from shared.errors import EkidenError, NotFound
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
    dns = MxResolver(scene.config.send.nameservers, PATIENCE_S)
    at_once = asyncio.Semaphore(AT_ONCE)

    async def look(name: str) -> Finding:
        async with at_once:
            return await _domain(scene.store, dns, name)

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


async def _domain(store: Store, dns: MxResolver, name: str) -> Finding:
    try:
        record = msgspec.json.decode((await store.get(keys.domain_record(name))).body, type=Domain)
        dkim = msgspec.json.decode((await store.get(keys.domain_dkim(name))).body, type=DkimKeys)
        wanted = [
            (*dns_record(key.selector, name, load(key)), key.selector in dkim.signing)
            for key in dkim.keys
        ]
        host = record.return_path_host or name
        found = await _published(dns, name, host, [each for each, _, signs in wanted if signs])
    except (NotFound, msgspec.MsgspecError) as error:
        return failed(f"its record cannot be read: {error}", f"ekiden show domains/{name}/", name)
    except EkidenError as error:
        return failed(str(error), "", name)
    return judge(name, host, wanted, found)


async def _published(dns: MxResolver, name: str, host: str, dkim: Sequence[str]) -> Published:
    texts = await asyncio.gather(*map(dns.txt, dkim))
    try:
        await dns.destination(host)
        comes_back = True
    except NoMail:
        comes_back = False
    return Published(
        dict(zip(dkim, texts, strict=True)),
        await dns.txt(host),
        await _dmarc(dns, name),
        comes_back,
    )


async def _dmarc(dns: MxResolver, name: str) -> list[str]:
    """Of the Domain, else of the domain above it (RFC 7489 §6.6.3)."""
    while "." in name:
        found = [text for text in await dns.txt(f"_dmarc.{name}") if text.startswith("v=DMARC1")]
        if found:
            return found
        name = name.partition(".")[2]
    return []


async def sending_name(scene: Scene) -> list[Finding]:
    """The name in EHLO leads to an address, and that back to the name (RFC 1912 §2.1): large
    providers refuse mail from others."""
    ours = scene.config.send
    if ours.route != "mx":
        return [skipped("all mail goes by one server, whose name counts")]
    hostname = ours.hostname or await in_thread(socket.getfqdn)
    sources = [
        (name or hostname, address) for _, address, name in map(parse_pool_member, ours.pools)
    ]
    return list(
        await asyncio.gather(
            *(_name(scene, name, address) for name, address in sources or [(hostname, "")])
        )
    )


async def _name(scene: Scene, name: str, source: str) -> Finding:
    """`source`: the address that it sends from; "": whatever the name leads to."""
    if "." not in name:
        return warning(f"{name!r} is no full name", "set send.hostname", name)
    servers = scene.config.send.nameservers
    try:
        addresses = await MxResolver(servers, PATIENCE_S).addresses(name)
    except NoMail:
        addresses = []
    if not addresses:
        return warning(f"{name} has no address", "publish one, or set send.hostname", name)
    if source and source not in addresses:
        return failed(f"{name} leads to {', '.join(addresses)}, not to {source}", _FORWARD, name)
    looked_at = [source] if source else addresses
    missing = [each for each in looked_at if name.lower() not in await _names_of(servers, each)]
    if missing:
        return failed(f"{', '.join(missing)} does not lead back to {name}", _BACK, name)
    return ok(f"{name} leads to {', '.join(looked_at)} and back", name)


async def _names_of(servers: Sequence[str], address: str) -> list[str]:
    """What an address is called (RFC 1035 §3.5)."""
    from shared.dns_client import Client

    client = Client([parse_nameserver(each) for each in servers], PATIENCE_S)
    reply = await client.ask(ipaddress.ip_address(address).reverse_pointer, "PTR")
    return [rr.target.to_text(omit_final_dot=True).lower() for rr in reply.records]


_FORWARD = "publish an A or AAAA record of the name for this address"
_BACK = "ask who gave you the address for a PTR record with this name"
