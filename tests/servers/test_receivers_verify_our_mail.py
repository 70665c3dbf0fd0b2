"""Who receives our mail finds SPF, DKIM and DMARC in order: rspamd says so, behind Postfix.

DNS has what `ekiden domain` tells an operator to publish, and nothing else.
"""

import re
import smtplib

import msgspec
import pytest
from private_postfix import PrivatePostfix
from reader_of_mail import ReaderOfMail
from station import DOMAIN, Here, run, running_station
from told_outcomes import first_told, to
from zone_server import Zone

from shared import keys, provision
from shared.domains import Domain


async def publish(here: Here, zone: Zone) -> None:
    body = (await here.store.get(keys.domain_record(DOMAIN))).body
    domain = msgspec.json.decode(body, type=Domain)
    dkim, _ = await provision.read_dkim(here.store, DOMAIN)
    zone.publish([("A", DOMAIN, "127.0.0.1"), *provision.dns_records(domain, dkim)])


def results(message: bytes) -> list[str]:
    """What the receiver found, such as `dkim=pass header.d=example.org`."""
    field = re.search(rb"^Authentication-Results: (.*\r\n(?:[ \t].*\r\n)*)", message, re.MULTILINE)
    assert field, message
    text = " ".join(field[1].decode().split())
    return [part.strip() for part in text.split(";")[1:]]


def test_spf_both_dkim_signatures_and_dmarc_pass(
    postfix: PrivatePostfix, reader: ReaderOfMail, zone: Zone, rspamd: int
) -> None:
    if not rspamd:
        pytest.skip("rspamd is not installed (Debian: apt-get install rspamd)")

    async def story() -> None:
        who = "verifying@sink.example"
        route = postfix.route("verifying")
        both = ("rsa-sha256", "ed25519-sha256")
        async with running_station(algorithms=both, send__route=route) as here:
            await publish(here, zone)
            assert await first_told(here, to(who)) == {who: "delivered 250 2.0.0"}
        [came] = await reader.mail_to(who)
        found = results(came.message)
        assert sorted(each.partition(" ")[0] for each in found) == [
            *("dkim=pass", "dkim=pass", "dmarc=pass", "spf=pass")
        ]
        assert {f"header.s={each}" for each in ("ekiden1", "ekiden1-2")} <= set(
            " ".join(found).split()
        )

        # And it is no rubber stamp: the same mail with one word changed.
        changed = came.as_sent.replace(b"this is it", b"this was it")
        with smtplib.SMTP("127.0.0.1", postfix.ports["verifying"]) as forger:
            forger.sendmail("forger@elsewhere.example", "forged@sink.example", changed)
        [forged] = await reader.mail_to("forged@sink.example")
        words = sorted(each.partition(" ")[0] for each in results(forged.message))
        assert words[:3] == ["dkim=fail", "dkim=fail", "dmarc=fail"]

    run(story)
