"""The listeners' certificate: does it fit its key and our name, and for how long?"""

import ipaddress
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ekiden.doctor.beside import in_thread
from ekiden.doctor.finding import Finding, Scene, failed, ok, skipped, warning
from shared.errors import Misconfigured
from shared.smtp_server.certificate import Certificate

SOON = timedelta(days=14)
"""Who renews by itself (ACME) has done so long before."""


@dataclass(frozen=True, slots=True)
class Read:
    """What counts of a certificate."""

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime


async def certificates(scene: Scene) -> list[Finding]:
    """Of `listen.tls_certificate`; the pod listens with the same."""
    listen, services = scene.config.listen, scene.config.services
    host = scene.config.send.hostname or await in_thread(socket.getfqdn)
    if not listen.tls_certificate:
        seen = "listen.tls_certificate names none: the listeners sign their own"
        if services.submission or services.inbound:
            return [warning(seen, "apps cannot verify it: name a certificate of a known CA")]
        return [skipped(seen)]
    try:
        found = await in_thread(lambda: _from_files(listen.tls_certificate, listen.tls_key))
    except (Misconfigured, OSError, ValueError) as error:
        return [failed(str(error), "look at listen.tls_certificate and listen.tls_key")]
    return [judge(found, host, datetime.fromtimestamp(scene.clock(), UTC))]


def _from_files(certificate: str, key: str) -> Read:
    Certificate(certificate, key, "")  # as the listeners read them: do the two fit?
    return read(Path(certificate).read_bytes())


def read(pem: bytes) -> Read:
    """The first of the file: the listeners' own; its chain follows. Raises ValueError."""
    from cryptography import x509

    first = x509.load_pem_x509_certificates(pem)[0]
    try:
        alternatives = first.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names: tuple[str, ...] = ()  # RFC 6125 §6.4.4: clients stop looking at the common name
    else:
        addresses = map(str, alternatives.get_values_for_type(x509.IPAddress))
        names = (*alternatives.get_values_for_type(x509.DNSName), *addresses)
    return Read(names, first.not_valid_before_utc, first.not_valid_after_utc)


def judge(found: Read, host: str, now: datetime) -> Finding:
    """`host`: the name by which apps and other servers know us."""
    until = f"until {found.not_after:%Y-%m-%d}"
    if now >= found.not_after:
        return failed(f"it was good {until}", "renew it; the listeners read it again by themselves")
    if now < found.not_before:
        return failed(
            f"it is good from {found.not_before:%Y-%m-%d %H:%M} on", "is the clock right?"
        )
    if not any(covers(name, host) for name in found.names):
        names = ", ".join(found.names) or "no name"
        return failed(f"it is for {names}, not for {host}", "have it made for send.hostname, too")
    if found.not_after - now < SOON:
        return warning(f"for {host}, only {until}", "renew it")
    return ok(f"for {host}, {until}")


def covers(name: str, host: str) -> bool:
    """RFC 6125 §6.4: `*` stands for one label, the first."""
    name, host = name.lower().rstrip("."), host.lower().strip("[]").rstrip(".")
    if name.startswith("*."):
        return host.partition(".")[2] == name[2:] and not _is_address(host)
    return name == host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
