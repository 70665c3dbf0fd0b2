"""Submission: who may log in, what is accepted, and that 250 means stored."""

import asyncio
import smtplib
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from desk import DOMAIN, NOW
from smtp_desk import HOST, MESSAGE, Client, trusting
from submission_desk import Here, b64, plain, with_desk

from shared import suppressions
from shared.suppressions import Suppression


async def sent(client: Client, message: bytes = MESSAGE, *to: str, sender: str = "") -> str:
    """The reply to the message."""
    sender = sender or f"<news@{DOMAIN}>"
    assert (await client.says(f"MAIL FROM:{sender}"))[:3] == "250"
    for each in to or ("<ann@sink.example>",):
        assert (await client.says(f"RCPT TO:{each}"))[:3] == "250"
    assert (await client.says("DATA"))[:3] == "354"
    client.send(message + b".\r\n")
    return await client.reply()


# Logging in.


@pytest.mark.parametrize("user", [DOMAIN, "Example.ORG", f"app@{DOMAIN}", "x@y@example.org"])
@pytest.mark.parametrize("how", ["PLAIN", "PLAIN in two steps", "LOGIN", "LOGIN with the name"])
def test_a_domain_logs_in_with_its_api_key(user: str, how: str) -> None:
    async def told(here: Here) -> None:
        client = await Client.greeted(here.tls_port, is_tls=True)
        key = here.desk.api_key
        if how == "PLAIN":
            reply = await client.says(f"auth plain {plain(user, key)}")
        elif how == "PLAIN in two steps":
            assert await client.says("AUTH PLAIN") == "334 "
            reply = await client.says(plain(user, key))
        else:
            named = how != "LOGIN"
            first = await client.says(f"AUTH LOGIN {b64(user)}" if named else "AUTH LOGIN")
            assert first == f"334 {b64('Password:' if named else 'Username:')}"
            if not named:
                assert await client.says(b64(user)) == f"334 {b64('Password:')}"
            reply = await client.says(b64(key))
        assert reply == "235 2.7.0 logged in"
        assert (await client.says(f"AUTH PLAIN {plain(user, key)}"))[:9] == "503 5.5.1"
        assert (await sent(client))[:3] == "250"

    with_desk(told)


@pytest.mark.parametrize(
    ("user", "password", "acts_as"),
    [
        ("example.org", "ek_wrong", ""),
        ("foreign.example", "{key}", ""),
        ("", "{key}", ""),
        ("app", "{key}", ""),
        ("example.org", "", ""),
        ("example.org", "{key}x", ""),
        ("example.org", "é", ""),
        ("example.org", "{key}", "foreign.example"),
        ("../example.org", "{key}", ""),
    ],
)
def test_nobody_else_logs_in(user: str, password: str, acts_as: str) -> None:
    async def told(here: Here) -> None:
        client = await Client.greeted(here.tls_port, is_tls=True)
        presented = password.format(key=here.desk.api_key)
        reply = await client.says(f"AUTH PLAIN {plain(user, presented, acts_as)}")
        assert reply[:9] == "535 5.7.8"
        assert (await client.says("MAIL FROM:<news@example.org>"))[:9] == "530 5.7.0"

    with_desk(told)


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("AUTH", "501 5.5.4"),
        ("AUTH PLAIN a b", "501 5.5.4"),
        ("AUTH CRAM-MD5", "504 5.5.4"),
        ("AUTH PLAIN %%%", "501 5.5.2"),
        ("AUTH PLAIN =", "535 5.7.8"),
        ("AUTH PLAIN " + "QUJD" * 3100, "500 5.5.2"),
    ],
)
def test_a_login_that_is_malformed_is_refused(command: str, reply: str) -> None:
    async def told(here: Here) -> None:
        client = await Client.greeted(here.tls_port, is_tls=True)
        assert (await client.says(command))[:9] == reply

    with_desk(told)


def test_a_login_can_be_called_off() -> None:
    async def told(here: Here) -> None:
        client = await Client.greeted(here.tls_port, is_tls=True)
        await client.says("AUTH LOGIN")
        assert (await client.says("*"))[:9] == "501 5.7.0"
        await client.says("AUTH LOGIN")
        client.close()

    with_desk(told)


def test_nobody_logs_in_without_tls_and_nobody_sends() -> None:
    async def told(here: Here) -> None:
        client = await Client.of(here.port)
        await client.reply()
        client.send(b"EHLO client.example\r\n")
        assert "AUTH" not in "".join(await client.lines())
        login = f"AUTH PLAIN {plain(DOMAIN, here.desk.api_key)}"
        assert (await client.says(login))[:10] == "538 5.7.11"
        for command in ("MAIL FROM:<news@example.org>", "RCPT TO:<a@b.example>", "DATA"):
            assert (await client.says(command))[:9] == "530 5.7.0"
        await client.starts_tls()
        client.send(b"EHLO client.example\r\n")
        assert "250-AUTH PLAIN LOGIN" in [
            line.replace(" AUTH", "-AUTH") for line in await client.lines()
        ]
        assert (await client.says("MAIL FROM:<news@example.org>"))[:9] == "530 5.7.0"
        assert (await client.says(login))[:3] == "235"
        assert (await sent(client))[:3] == "250"

    with_desk(told)


def test_failed_logins_are_slowed_and_then_refused_from_that_address() -> None:
    async def told(here: Here) -> None:
        wrong = f"AUTH PLAIN {plain(DOMAIN, 'ek_wrong')}"
        for _ in range(3):
            client = await Client.greeted(here.tls_port, is_tls=True)
            assert (await client.says(wrong))[:9] == "535 5.7.8"
        right = f"AUTH PLAIN {plain(DOMAIN, here.desk.api_key)}"
        client = await Client.greeted(here.tls_port, is_tls=True)
        assert (await client.says(right))[:9] == "421 4.7.0"
        assert await client.is_hung_up_on()

    with_desk(told, submission__max_login_failures="3")


def test_a_login_while_the_store_is_away_is_put_off() -> None:
    async def told(here: Here) -> None:
        here.store.is_away = True
        client = await Client.greeted(here.tls_port, is_tls=True)
        reply = await client.says(f"AUTH PLAIN {plain(DOMAIN, here.desk.api_key)}")
        assert reply == "454 4.7.0 the store does not answer, try again later"

    with_desk(told)


# What is accepted.


def test_250_names_a_batch_that_is_stored_and_woken() -> None:
    async def told(here: Here) -> None:
        reply = await sent(await here.client(), MESSAGE, "<ann@sink.example>", "<bob@sink.example>")
        content = await here.stored()
        assert reply == f"250 2.0.0 queued as {content.batch}"
        assert (content.domain, content.accepted) == (DOMAIN, 2)
        assert content.reports_to == "news@example.org"
        assert not content.null_return_path
        assert [wake.key for wake in here.desk.woken] == await here.work()

    with_desk(told)


def test_the_bytes_stay_and_what_is_missing_is_added() -> None:
    async def told(here: Here) -> None:
        message = MESSAGE.replace(
            b"Subject", b"BCC: eve@sink.example,\r\n mal@sink.example\r\nSubject"
        )
        await sent(
            await here.client(),
            message + b"\xc3\xa9\r\n",
            sender="<news@example.org> BODY=8BITMIME",
        )
        content = await here.stored()
        date, message_id, rest = content.message.encode("latin-1").split(b"\r\n", 2)
        assert rest == MESSAGE + b"\xc3\xa9\r\n"
        assert message_id == f"Message-ID: <{content.batch}@example.org>".encode()
        assert date == b"Date: Fri, 15 Jan 2027 08:00:00 +0000"
        assert parsedate_to_datetime(date[6:].decode()).timestamp() == NOW

    with_desk(told)


def test_a_complete_message_stays_byte_for_byte() -> None:
    async def told(here: Here) -> None:
        message = b"DATE: x\r\nMessage-Id : <1@example.org>\r\n" + MESSAGE
        await sent(await here.client(), message)
        assert (await here.stored()).message.encode("latin-1") == message

    with_desk(told)


def test_each_recipient_has_its_own_reply() -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        await client.says("MAIL FROM:<news@example.org>")
        to = {
            "ann@sink.example": "250 2.1.5 ok",
            "ANN@sink.example": "250 2.1.5 ok, once",
            "nobody": "553 5.1.3",
            "a@[192.0.2.1]": "553 5.1.3",
            "gone@sink.example": "550 5.7.1 suppressed",
            "bob@sink.example": "250 2.1.5 ok",
            "too@many.example": "452 4.5.3",
        }
        for address, reply in to.items():
            assert (await client.says(f"RCPT TO:<{address}>")).startswith(reply)
        await client.says("DATA")
        client.send(MESSAGE + b".\r\n")
        assert (await client.reply())[:3] == "250"
        assert [bytes(raw) for raw in (await here.submitted()).recipients] == [
            b'{"email":"ann@sink.example"}',
            b'{"email":"bob@sink.example"}',
        ]

    async def suppressing(here: Here) -> None:
        entry = Suppression(email="gone@sink.example", reason="manual", at=NOW)
        await suppressions.add(here.desk.store, DOMAIN, entry)
        await told(here)

    with_desk(suppressing, submission__max_recipients="2")


def test_a_list_with_many_bad_addresses_is_no_attack() -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        await client.says("MAIL FROM:<news@example.org>")
        for _ in range(50):
            assert (await client.says("RCPT TO:<nobody>"))[:3] == "553"

    with_desk(told)


@pytest.mark.parametrize(
    "sender", ["<x@foreign.example>", "<x@sub.example.org>", "<x@[192.0.2.1]>"]
)
def test_the_sender_belongs_to_the_domain(sender: str) -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        assert (await client.says(f"MAIL FROM:{sender}"))[:5] == "553 5"

    with_desk(told)


def test_a_mail_from_nobody_lets_nothing_come_back() -> None:
    async def told(here: Here) -> None:
        await sent(await here.client(), sender="<>")
        content = await here.stored()
        assert (content.reports_to, content.null_return_path) == ("", True)

    with_desk(told)


def test_who_wants_no_report_gets_none() -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        never = (
            "<ann@sink.example> NOTIFY=NEVER",
            "<bob@sink.example> notify=never ORCPT=rfc822;Bob",
        )
        await sent(client, MESSAGE, *never, sender="<news@example.org> RET=HDRS ENVID=Qq1")
        content = await here.stored()
        assert (content.reports_to, content.null_return_path) == ("", False)

    with_desk(told)


def test_addresses_in_other_alphabets() -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        to = "<zoë@bücher.example>"
        reply = await sent(client, MESSAGE, to, sender="<news@example.org> SMTPUTF8")
        assert reply[:3] == "250"
        [raw] = (await here.submitted()).recipients
        assert bytes(raw).decode() == '{"email":"zoë@xn--bcher-kva.example"}'

    with_desk(told)


# What is refused.


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        (b"Hello\r\n", "554 5.6.0"),
        (b"", "554 5.6.0"),
        (b"From: x@foreign.example\r\n\r\nHello\r\n", "550 5.7.1"),
        (b"Subject: no From\r\n\r\nHello\r\n", "550 5.6.0"),
        (b"From: \xc3\xa9\r\n\r\nHello\r\n", "550 5.6.0"),
        (MESSAGE + b"\x00\r\n", "554 5.6.0"),
        (MESSAGE + b"a\nb\r\n", "554 5.6.0"),
        (b"Bcc: x\r\n\r\nHello\r\n", "550 5.6.0"),
        (b"Received: x\r\n" * 101 + MESSAGE, "554 5.4.6"),
        (MESSAGE + b"x\r\n" * 1000, "552 5.3.4"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused_and_nothing_is_stored(
    message: bytes, reply: str
) -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        answer = await sent(client, message)
        assert answer.startswith(reply)
        assert len(answer) <= 510
        assert await here.work() == []
        assert (await sent(client))[:3] == "250"

    with_desk(told, submit__max_message="2000")


def test_while_the_store_is_away_nothing_is_accepted_and_nothing_lost() -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        assert (await sent(client))[:3] == "250"
        before = await here.work()
        await client.says("MAIL FROM:<news@example.org>")
        await client.says("RCPT TO:<ann@sink.example>")
        here.store.is_away = True
        await client.says("DATA")
        client.send(MESSAGE + b".\r\n")
        assert await client.reply() == "451 4.3.0 the store does not answer, try again later"
        here.store.is_away = False
        assert await here.work() == before
        assert (await sent(client))[:3] == "250"

    with_desk(told)


def test_who_is_suppressed_between_rcpt_and_the_message_is_not_half_accepted() -> None:
    async def told(here: Here) -> None:
        client = await here.client()
        await client.says("MAIL FROM:<news@example.org>")
        for name in ("ann", "bob"):
            await client.says(f"RCPT TO:<{name}@sink.example>")
        entry = Suppression(email="bob@sink.example", reason="manual", at=NOW)
        await suppressions.add(here.desk.store, DOMAIN, entry)
        here.desk.now += 60  # what is known of suppressions is older than that
        await client.says("DATA")
        client.send(MESSAGE + b".\r\n")
        assert (await client.reply())[:9] == "451 4.3.0"
        assert await here.work() == []

    with_desk(told)


# As clients do it.


@pytest.mark.parametrize("way", ["STARTTLS", "TLS"])
def test_pythons_smtplib_submits(way: str) -> None:
    async def told(here: Here) -> None:
        def submit() -> dict[str, Any]:
            if way == "TLS":
                client: smtplib.SMTP = smtplib.SMTP_SSL(HOST, here.tls_port, context=trusting())
            else:
                client = smtplib.SMTP(HOST, here.port)
                client.starttls(context=trusting())
            with client:
                client.login(DOMAIN, here.desk.api_key)
                return client.sendmail(f"news@{DOMAIN}", ["ann@sink.example", "nobody"], MESSAGE)

        refused = await asyncio.to_thread(submit)
        assert {address: reply[0] for address, reply in refused.items()} == {"nobody": 553}
        assert (await here.stored()).accepted == 1

    with_desk(told)
