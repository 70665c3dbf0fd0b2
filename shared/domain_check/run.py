"""All checks of one Domain, side by side, each within its time.

    checks = await check_domain(config, store, "example.com")

What nobody answers is `unknown`, never `failed`: DNS that is silent says nothing about a Domain.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

import msgspec

from shared.config import Config
from shared.dns import DnsUnavailable
from shared.domain_check import dkim, dmarc, hints, look, mail_way, port_25, reverse, spf
from shared.domain_check import tracking_host as tracking
from shared.domain_check.look import Scene
from shared.domain_check.lookups import Lookups
from shared.domain_check.model import Check, State, escaped
from shared.domain_check.subject import Sender, Subject, sender_of, subject_of
from shared.errors import Malformed
from shared.provision import read_dkim, read_domain
from shared.store.base import Store
from shared.together import together

CHECK_S = 20.0
"""For one of them."""
NAME_S = 3.0
MOST_KEYS = 10
MOST_HOSTS = 5

PUBLISHED = (dkim.NAME, spf.NAME, dmarc.NAME, mail_way.BOUNCES)
"""What a Domain has to publish for its mail to be trusted and its bounces to come back."""
ALL = (
    *PUBLISHED,
    *(mail_way.MX, tracking.NAME, reverse.NAME, port_25.NAME, hints.MTA_STS, hints.TLS_RPT),
)


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    about: str
    expected: str
    why: str
    work: Callable[[], Awaitable[Check | None]]


async def check_domain(
    config: Config,
    store: Store,
    name: str,
    only: Collection[str] = ALL,
    web: tracking.Web | None = None,
) -> list[Check]:
    """All that `only` names of a stored Domain. Raises `NotFound`, `Malformed`, `Temporary`."""
    try:
        record, _ = await read_domain(store, name)
        dkim_keys, _ = await read_dkim(store, name)
    except msgspec.MsgspecError as error:
        raise Malformed(f"the record of {name} cannot be read: {error}") from error
    subject = subject_of(record, dkim_keys)
    sender = sender_of(config, record, config.send.hostname or await own_name())
    return await check(subject, sender, Lookups(config.send.nameservers), only, web)


async def own_name() -> str:
    """This machine's own full name, as `send` takes it when send.hostname is empty."""
    try:
        return await asyncio.wait_for(asyncio.to_thread(socket.getfqdn), NAME_S)
    except TimeoutError:
        return socket.gethostname()


async def check(
    subject: Subject,
    sender: Sender,
    dns: Lookups,
    only: Collection[str] = ALL,
    web: tracking.Web | None = None,
) -> list[Check]:
    """In the order of `ALL`. Does not raise because of DNS or of a server."""
    sources, missing = await look.find_sources(sender, dns)
    scene = Scene(subject, sender, dns, sources, missing)
    parts = [part for part in _parts(scene, web) if part.name in only]
    found = await together(map(_within_its_time, parts))
    return [escaped(each) for each in found if each is not None]


async def _within_its_time(part: _Part) -> Check | None:
    try:
        async with asyncio.timeout(CHECK_S):
            return await part.work()
    except DnsUnavailable as error:
        seen = str(error)
    except TimeoutError:
        seen = f"no answer within {CHECK_S:g} s"
    return Check(part.name, State.UNKNOWN, part.expected, seen, part.why, part.about)


def _parts(scene: Scene, web: tracking.Web | None) -> Iterator[_Part]:
    yield from _of_dkim(scene)
    yield from _of_mail(scene)
    yield from _of_tracking(scene, web)
    yield from _of_sources(scene)
    for name in (hints.MTA_STS, hints.TLS_RPT):
        domain = scene.subject.domain
        work = partial(look.at_hint, scene, name)
        yield _Part(name, domain, "none, or one that can be read", "It is optional.", work)


def _of_dkim(scene: Scene) -> Iterator[_Part]:
    # Those that sign come first: a Domain may keep old ones for years.
    keys = sorted(scene.subject.keys, key=lambda key: not key.signs)[:MOST_KEYS]
    for key in keys:
        expected = f"{key.name} publishes our key"
        work = partial(look.at_dkim, scene, key)
        yield _Part(dkim.NAME, key.selector, expected, dkim.WHY, work)
    for old in dkim.old_selectors(keys):
        work_ = partial(look.at_old_dkim, scene, old)
        yield _Part(dkim.NAME, old, "no key that is not ours", dkim.WHY, work_)


def _of_mail(scene: Scene) -> Iterator[_Part]:
    domain, host = scene.subject.domain, scene.subject.host
    expected = f"one SPF record at {host} that lets our addresses pass"
    yield _Part(spf.NAME, host, expected, spf.WHY, partial(look.at_spf, scene))
    expected = f"one record at _dmarc.{domain} or above"
    yield _Part(dmarc.NAME, domain, expected, dmarc.WHY, partial(look.at_dmarc, scene))
    expected = f"mail for {host} goes to {scene.sender.name}"
    bounces = partial(look.at_bounces, scene)
    yield _Part(mail_way.BOUNCES, host, expected, mail_way.WHY_BOUNCES, bounces)
    for each in dict.fromkeys([domain, *scene.subject.receives[:MOST_HOSTS]]):
        if each != host:
            work = partial(look.at_mx, scene, each)
            expected = f"somebody takes mail for {each}"
            yield _Part(mail_way.MX, each, expected, mail_way.WHY_REPLIES, work)


def _of_tracking(scene: Scene, web: tracking.Web | None) -> Iterator[_Part]:
    host = scene.subject.tracking_host
    if host:
        speaking = web or tracking.Web(lambda _: True)
        work = partial(tracking.look, scene.subject, scene.sender, scene.dns, speaking)
        yield _Part(tracking.NAME, host, f"https://{host} leads to track", tracking.WHY, work)


def _of_sources(scene: Scene) -> Iterator[_Part]:
    sender, sources = scene.sender, scene.sources[: spf.MOST_SOURCES]
    expected = "each sending address has a name that leads back to it"
    for source in sources:
        work = partial(look.at_reverse, scene.dns, source)
        yield _Part(reverse.NAME, source.address, expected, reverse.WHY, work)
    if not sources:
        yield _Part(reverse.NAME, "", expected, reverse.WHY, partial(_without_sources, scene))
    if sender.is_demo:
        return
    for address in [each.address for each in sender.sources][: spf.MOST_SOURCES] or [""]:
        knock = partial(look.at_port_25, scene, address)
        expected = "a mail server outside greets us"
        yield _Part(port_25.NAME, address, expected, port_25.WHY, knock)


async def _without_sources(scene: Scene) -> Check:
    if scene.sender.by_others:
        expected = "each address that we send from has a name that leads back to it"
        return Check(reverse.NAME, State.OK, expected, scene.no_sources, reverse.WHY)
    return reverse.nameless(scene.sender.name, scene.no_sources)
