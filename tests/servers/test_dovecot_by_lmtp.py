"""Dovecot takes mail by LMTP (RFC 2033): each recipient of a message has a reply of its own."""

from collections.abc import Iterator

import pytest
from private_dovecot import Mailboxes, running_dovecot
from private_postfix import ServerMissing
from station import run, running_station
from told_outcomes import first_told, hand_in, to, told

DELIVERED = "delivered 250 2.0.0"
NOBODY = "bounced rcpt 550 5.1.1 invalid_recipient"
FULL = "bounced body 552 5.2.2 mailbox_full"

MESSAGE = (
    b"From: news@example.org\r\nTo: you@sink.example\r\nSubject: to all of you\r\n"
    b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <own@example.org>\r\n\r\n"
    b"8-bit bytes \x80\xff\r\n.\r\n..two dots\r\n"
)


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Mailboxes]:
    try:
        with running_dovecot() as mailboxes:
            yield mailboxes
    except ServerMissing as reason:
        pytest.skip(str(reason))


def test_mail_is_in_the_mailbox_when_it_is_delivered(dovecot: Mailboxes) -> None:
    async def story() -> None:
        who = ("ann@sink.example", "nobody@sink.example", "full@sink.example")
        async with running_station(send__route=dovecot.route) as here:
            outcomes = await first_told(here, to(*who))
        assert outcomes == dict(zip(who, (DELIVERED, NOBODY, FULL), strict=True))
        assert b"Dear ann,\nthis is it.\n" in dovecot.of("ann@sink.example")[0]

    run(story)


def test_recipients_of_one_message_are_told_apart(dovecot: Mailboxes) -> None:
    async def story() -> None:
        who = [f"{each}@sink.example" for each in ("nobody", "ben", "full", "ann")]
        async with running_station(send__route=dovecot.route) as here:
            batch = await hand_in(here, MESSAGE, *who)
            await here.done(batch)
            deliveries = await here.deliveries(batch)
        outcomes = {each["recipient"]: told(each["last"]) for each in deliveries}
        assert outcomes == dict(zip(who, (NOBODY, DELIVERED, FULL, DELIVERED), strict=True))
        [kept] = dovecot.of("ben@sink.example")
        assert kept.endswith(MESSAGE.replace(b"\r\n", b"\n"))  # as files have it

    run(story)
