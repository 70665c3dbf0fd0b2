"""Haraka, which shares no line with Postfix, as the next hop."""

from collections.abc import Iterator

import pytest
from private_haraka import Kept, running_haraka
from private_postfix import ServerMissing
from signatures_hold import holds, published
from station import run, running_station
from told_outcomes import first_told, to

OUTCOMES = {
    "ann@haraka.example": "delivered 250",
    "zoë@haraka.example": "delivered 250",
    "nobody@haraka.example": "bounced rcpt 550 invalid_recipient",
    "full@haraka.example": "deferred rcpt 450 mailbox_full",
    "closing@haraka.example": "deferred rcpt 450 other",
}


@pytest.fixture(scope="module")
def haraka() -> Iterator[Kept]:
    try:
        with running_haraka() as kept:
            yield kept
    except ServerMissing as reason:
        pytest.skip(str(reason))


def test_haraka_takes_defers_and_refuses_mail(haraka: Kept) -> None:
    async def story() -> None:
        async with running_station(send__route=haraka.route) as here:
            assert await first_told(here, to(*OUTCOMES)) == OUTCOMES

    run(story)


def test_the_signature_holds_behind_haraka(haraka: Kept) -> None:
    async def story() -> None:
        who, html = "signed@haraka.example", "<p>Zoë</p>\n.\n<p>a dot on a line of its own</p>"
        async with running_station(algorithms=("rsa-sha256",), send__route=haraka.route) as here:
            await first_told(here, to(who, html=html))
            records = await published(here)
        mail = haraka.mail_to(who)
        assert holds(mail[mail.index(b"DKIM-Signature:") :], records)

    run(story)
