"""STARTTLS with a certificate that nobody vouches for, and STARTTLS that is broken.

All mail goes by MX here: protection is a matter between domains (RFC 8461, RFC 7672).
"""

import hashlib
import ssl
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from private_postfix import PrivatePostfix
from reader_of_mail import ReaderOfMail
from station import run, running_station
from told_outcomes import attempted, to, told
from zone_server import Zone

DOMAIN, HOST = "protected.example", "postfix.example"
DELIVERED = "delivered 250 2.0.0"
VERIFIED = {"send__tls_overrides": f"{DOMAIN}=verified"}
REQUIRED = {"send__starttls": "required"}


async def outcome(
    postfix: PrivatePostfix, zone: Zone, service: str, user: str = "ann", **options: str
) -> dict[str, Any]:
    """What a mail by MX to this port comes to."""
    zone.publish([("MX", DOMAIN, f"10 {HOST}."), ("A", HOST, "127.0.0.1")])
    way = {"send__route": "mx", "send__nameservers": zone.name_server}
    way["send__mx_port"] = str(postfix.ports[service])
    async with running_station(**way, **options) as here:
        [delivery] = await attempted(here, to(f"{user}@{DOMAIN}"))
    last: dict[str, Any] = delivery["last"]
    return last


@pytest.mark.parametrize("options", [{}, REQUIRED], ids=["opportunistic", "required"])
@pytest.mark.parametrize("service", ["tls", "tls only"])
def test_without_a_demand_for_proof_a_bad_certificate_is_good_enough(
    postfix: PrivatePostfix, zone: Zone, service: str, options: dict[str, str]
) -> None:
    """Encrypted to somebody is better than open to everybody (RFC 7435)."""

    async def story() -> None:
        last = await outcome(postfix, zone, service, **options)
        assert (told(last), last["tls"]) == (DELIVERED, "TLSv1.3")
        assert not last.get("tls_proof")

    run(story)


TOO_LITTLE = [
    ("tls", VERIFIED, "deferred starttls tls"),
    ("accepting", VERIFIED, "deferred starttls tls"),
    ("accepting", REQUIRED, "deferred starttls tls"),
    ("broken tls", REQUIRED, "deferred starttls tls"),
    ("tls only", {"send__starttls": "off"}, "bounced mail 530 5.7.0 tls"),
]


@pytest.mark.parametrize(("service", "options", "line"), TOO_LITTLE)
def test_mail_that_needs_more_protection_than_there_is_stays_here(
    postfix: PrivatePostfix,
    reader: ReaderOfMail,
    zone: Zone,
    service: str,
    options: dict[str, str],
    line: str,
) -> None:
    async def story() -> None:
        last = await outcome(postfix, zone, service, "secret", **options)
        assert told(last) == line
        assert reader.to(f"secret@{DOMAIN}") == []

    run(story)


def test_where_tls_is_broken_opportunistic_mail_goes_in_plain_text(
    postfix: PrivatePostfix, zone: Zone
) -> None:
    """Postfix offers it, and says 454 when it is asked to begin."""

    async def story() -> None:
        last = await outcome(postfix, zone, "broken tls")
        assert (told(last), last.get("tls", "")) == (DELIVERED, "")

    run(story)


def test_a_certificate_that_dns_vouches_for_proves_the_server(
    postfix: PrivatePostfix, zone: Zone
) -> None:
    """DANE-EE (RFC 7672 §3.1.1): the record has the digest of the server's key."""

    def publish_digest(digest: str) -> None:
        zone.publish([("TLSA", f"_25._tcp.{HOST}", f"3 1 1 {digest}")])
        zone.publish([("TLSA", f"_{postfix.ports['tls']}._tcp.{HOST}", f"3 1 1 {digest}")])

    async def story() -> None:
        publish_digest(digest_of_key(postfix))
        last = await outcome(postfix, zone, "tls", send__dane="true")
        assert (told(last), last["tls_proof"]) == (DELIVERED, "dane")

        publish_digest("00" * 32)
        last = await outcome(postfix, zone, "tls", send__dane="true")
        assert told(last) == "deferred starttls tls"

    run(story)


def digest_of_key(postfix: PrivatePostfix) -> str:
    pem = (postfix.folder / "certificate.pem").read_text()
    certificate = x509.load_der_x509_certificate(ssl.PEM_cert_to_DER_cert(pem))
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()
