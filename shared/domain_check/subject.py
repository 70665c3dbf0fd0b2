"""What a Domain should look like from outside, by its record and our configuration. Pure."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.config import Config
from shared.config_mail import parse_pool_member
from shared.config_network import DEMO, Route, parse_route
from shared.dkim_keys import dns_record, load
from shared.domains import DkimKeys, Domain

DEFAULT_POOL = "default"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A DKIM key of ours."""

    selector: str
    name: str
    """Of its TXT record."""
    text: str
    signs: bool


@dataclass(frozen=True, slots=True)
class Source:
    """An address that mail leaves from."""

    address: str
    name: str
    """In EHLO."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A Domain."""

    domain: str
    host: str
    """In return paths."""
    keys: tuple[PublicKey, ...] = ()
    receives: tuple[str, ...] = ()
    """Hosts that it takes mail for."""
    tracking_host: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """How its mail leaves."""

    name: str
    """In EHLO, and of the server that bounces come back to."""
    sources: tuple[Source, ...] = ()
    """Of its pools; empty: the address that `name` leads to."""
    route: Route | None = None
    """A server that takes all its mail on."""
    is_demo: bool = False
    """Nothing leaves."""
    mx_port: int = 25
    track_host: str = ""
    """Where `track` answers for all Domains."""

    @property
    def by_others(self) -> str:
        """Why our addresses do not count; empty: they do."""
        if self.is_demo:
            return "send.route=demo: nothing leaves"
        return f"all mail leaves by {self.route.host}: its addresses count" if self.route else ""


def subject_of(record: Domain, dkim: DkimKeys) -> Subject:
    """Raises `Malformed` for a key that cannot be read."""
    keys = [
        PublicKey(key.selector, *dns_record(key.selector, record.name, load(key)), signs)
        for key in dkim.keys
        for signs in [key.selector in dkim.signing]
    ]
    hosts = {each.rpartition("@")[2].lower() for each in record.receives}
    return Subject(
        record.name,
        (record.return_path_host or record.name).lower(),
        tuple(keys),
        tuple(sorted(hosts)),
        record.tracking_host,
    )


def sender_of(config: Config, record: Domain, own_name: str) -> Sender:
    """`own_name`: of this machine, for when `send.hostname` is empty."""
    ours = config.send
    name = (ours.hostname or own_name).lower()
    way = record.routes.get("*", ours.route)
    return Sender(
        name,
        tuple(_sources(config, record, name)),
        parse_route(way),
        way == DEMO,
        ours.mx_port,
        (urlsplit(config.track.public_url).hostname or ""),
    )


def _sources(config: Config, record: Domain, name: str) -> list[Source]:
    """As `send` chooses: the Domain's pools, each the default one where it has no address."""
    pools: dict[str, list[Source]] = {}
    for pool, address, own in map(parse_pool_member, config.send.pools):
        pools.setdefault(pool, []).append(Source(address, (own or name).lower()))
    chosen = [pools.get(pool) or pools.get(DEFAULT_POOL, []) for pool in record.pools]
    members = chosen or [pools.get(DEFAULT_POOL, [])]
    return list(dict.fromkeys(source for pool in members for source in pool))
