"""Asks what each matter is about, and hands it to who judges. All raise `DnsUnavailable`."""

import ipaddress
from dataclasses import dataclass

from shared.dns import DnsUnavailable, MxHost, NoMail
from shared.domain_check import dkim, dmarc, hints, mail_way, port_25, reverse, spf
from shared.domain_check.lookups import Lookups
from shared.domain_check.model import Check, State
from shared.domain_check.spf_evaluation import Verdict, evaluate
from shared.domain_check.subject import PublicKey, Sender, Source, Subject
from shared.together import together

MOST_SERVERS = 5
"""Of one host: whether the best of them are ours is what counts."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One check of one Domain."""

    subject: Subject
    sender: Sender
    dns: Lookups
    sources: tuple[Source, ...] = ()
    no_sources: str = ""
    """Why there are none."""


async def find_sources(sender: Sender, dns: Lookups) -> tuple[tuple[Source, ...], str]:
    """The addresses that mail leaves from, or why they are not known. Does not raise."""
    if sender.by_others or sender.sources:
        return sender.sources, sender.by_others
    if "." not in sender.name:
        return (), "set send.hostname"
    try:
        found = await dns.addresses(sender.name)
    except (NoMail, DnsUnavailable) as error:
        return (), str(error)
    named = tuple(Source(_normal(each), sender.name) for each in found)
    return named, "" if named else f"{sender.name} has no address"


def _normal(address: str) -> str:
    return str(ipaddress.ip_address(address))


async def at_dkim(scene: Scene, key: PublicKey) -> Check:
    return dkim.judge(key, await scene.dns.txt(key.name))


async def at_old_dkim(scene: Scene, selector: str) -> Check | None:
    domain = scene.subject.domain
    return dkim.judge_old(selector, domain, await scene.dns.txt(f"{selector}._domainkey.{domain}"))


async def at_spf(scene: Scene) -> Check:
    host, dns, helo = scene.subject.host, scene.dns, scene.sender.name
    texts = await dns.txt(host)
    sources = () if scene.sender.by_others else scene.sources[: spf.MOST_SOURCES]
    verdicts: list[tuple[Source, Verdict]] = []
    # One after the other: the second finds the answers that the first one was given.
    stranger = await evaluate(dns, spf.STRANGER, host, helo)
    for source in sources:
        verdicts.append((source, await evaluate(dns, source.address, host, source.name)))
    return spf.judge(
        spf.Facts(host, texts, verdicts, stranger, scene.no_sources, scene.sender.by_others)
    )


async def at_dmarc(scene: Scene) -> Check:
    own, host = await together(
        [_walk(scene.dns, scene.subject.domain), _walk(scene.dns, scene.subject.host)]
    )
    asked = dmarc.report_hosts(own)
    answers = await together(scene.dns.txt(name) for _, name in asked)
    permitted = {
        reports: bool(dmarc.dmarc_texts(texts))
        for (reports, _), texts in zip(asked, answers, strict=True)
    }
    return dmarc.judge(dmarc.Facts(own, host, permitted))


async def _walk(dns: Lookups, name: str) -> dmarc.Walk:
    names = dmarc.walked(name)
    texts = await together(dns.txt(f"_dmarc.{each}") for each in names)
    pairs = zip(names, map(dmarc.dmarc_texts, texts), strict=True)
    return dmarc.Walk(name, tuple((each, found) for each, found in pairs if found))


async def at_bounces(scene: Scene) -> Check:
    facts = await _mail_way(scene, scene.subject.host)
    return mail_way.judge_bounces(facts, scene.sender, scene.subject.domain)


async def at_mx(scene: Scene, host: str) -> Check:
    facts = await _mail_way(scene, host)
    if host in scene.subject.receives:
        return mail_way.judge_received(facts, scene.sender)
    return mail_way.judge_replies(facts)


async def _mail_way(scene: Scene, host: str) -> mail_way.Facts:
    try:
        servers = (await scene.dns.destination(host))[:MOST_SERVERS]
    except NoMail as error:
        return mail_way.Facts(host, no_mail=str(error))
    found = await together(_server_addresses(scene.dns, each) for each in servers)
    addresses = {each.name: there for each, there in zip(servers, found, strict=True)}
    return mail_way.Facts(host, servers, "", addresses, await _ours(scene))


async def _server_addresses(dns: Lookups, server: MxHost) -> list[str]:
    try:
        return [_normal(each) for each in await dns.addresses(server.name)]
    except NoMail:
        return []


async def _ours(scene: Scene) -> frozenset[str]:
    """Where we listen: most often where we send from."""
    ours = {source.address for source in scene.sources}
    if "." in scene.sender.name:
        ours.update(await _server_addresses(scene.dns, MxHost(scene.sender.name)))
    return frozenset(ours)


async def at_reverse(dns: Lookups, source: Source) -> Check:
    if "." not in source.name:
        return reverse.nameless(source.name, "")
    forward = await _server_addresses(dns, MxHost(source.name))
    names = (await dns.names_of(source.address))[: reverse.MOST_NAMES]
    there = await together(_server_addresses(dns, MxHost(each)) for each in names)
    back = {each: source.address in found for each, found in zip(names, there, strict=True)}
    return reverse.judge(source, forward, back)


async def at_hint(scene: Scene, name: str) -> Check:
    domain = scene.subject.domain
    return hints.judge(name, domain, await scene.dns.txt(f"{hints.PREFIX[name]}.{domain}"))


async def at_port_25(scene: Scene, source: str) -> Check:
    sender = scene.sender
    try:
        server = await port_25.server_of(sender.route, sender.mx_port, scene.dns)
        addresses = await scene.dns.addresses(server.host)
    except NoMail as error:
        expected = "a mail server outside greets us"
        return Check(
            port_25.NAME, State.UNKNOWN, expected, f"no server to ask: {error}", port_25.WHY, source
        )
    return port_25.judge(source, await port_25.knock(source, addresses, server))
