"""An app that only knows SMTP sends through the submission port, and hears what could not be
delivered as a report, like any user of a mail server."""

import asyncio
import smtplib
import ssl
from email import message_from_bytes, policy
from typing import Any

from free_ports import free_port
from station import DOMAIN, Here, run, running_station

from ekiden.sink import Refuse

APP = f"app@{DOMAIN}"


def submit(port: int, api_key: str, *recipients: str, sender: str = APP) -> dict[str, Any]:
    """Send one message; what was refused of it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    message = f"From: App <{APP}>\r\nTo: {recipients[0]}\r\nSubject: By SMTP\r\n\r\nHello.\r\n"
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.starttls(context=context)
        client.login(DOMAIN, api_key)
        return client.sendmail(sender, recipients, message)


async def submitting(here: Here, *recipients: str, sender: str = APP) -> dict[str, Any]:
    port = here.station.listeners.ports["submission"][0]
    refused = await asyncio.to_thread(submit, port, here.api_key, *recipients, sender=sender)
    await here.idle()
    return refused


def refuse(recipient: str, seen_before: int) -> str | None:
    if recipient.startswith("gone"):
        return "550 5.1.1 no such user here"
    return "450 4.2.1 later" if recipient.startswith("later") else None


def station(refuse: Refuse = refuse, **options: str) -> Any:
    listening = {
        "services__submission": "true",
        "submission__host": "127.0.0.1",
        "submission__port": str(free_port()),
        "submission__tls_port": "0",
    }
    return running_station(refuse=refuse, **listening, **options)


def test_mail_by_smtp_arrives_signed() -> None:
    async def story() -> None:
        async with station() as here:
            assert await submitting(here, "ann@sink.example", "ben@sink.example") == {}
            received = {each.recipient: each.message for each in here.sink.received}
            assert set(received) == {"ann@sink.example", "ben@sink.example"}
            for message in received.values():
                assert message.startswith(b"DKIM-Signature:")
                assert b"\r\nSubject: By SMTP\r\n" in message

    run(story)


def test_what_finally_fails_is_reported_once_to_who_sent_it() -> None:
    async def story() -> None:
        async with station() as here:
            await submitting(here, "gone@sink.example", "ann@sink.example", "gone2@sink.example")
            (report,) = [each for each in here.sink.received if each.recipient == APP]
            assert report.return_path == ""
            parsed = message_from_bytes(report.message, policy=policy.default)
            assert parsed.get_content_type() == "multipart/report"
            assert parsed.get_param("report-type") == "delivery-status"
            text = report.message.decode()
            assert "Final-Recipient: rfc822; gone@sink.example" in text
            assert "Final-Recipient: rfc822; gone2@sink.example" in text
            assert "ann@sink.example" not in text.partition("Subject: By SMTP")[0]
            assert "Subject: By SMTP" in text

    run(story)


def test_a_report_that_cannot_be_delivered_is_not_reported() -> None:
    async def story() -> None:
        async with station() as here:
            await submitting(here, "gone@sink.example", sender=f"gone-too@{DOMAIN}")
            assert here.sink.received == []
            assert await here.keys("failed/") == []
            assert len(await here.keys("batches/")) == 4, "the mail, and one report"

    run(story)


def test_mail_that_is_late_is_reported_as_late_once() -> None:
    async def story() -> None:
        hurry = {"send__retry_min": "50ms", "send__retry_base": "50ms", "sweep__interval": "100ms"}
        hurry |= {"send__retry_window": "3s", "send__report_delay_after": "1ms"}
        both = asyncio.Event()

        def hear(recipient: str, seen_before: int) -> str | None:
            if recipient == APP and seen_before:
                both.set()
            return refuse(recipient, seen_before)

        async with station(hear, **hurry) as here:
            await submitting(here, "later@sink.example")
            await both.wait()
            await here.idle()
            late, lost = (each.message.decode() for each in here.sink.received)
            assert "Action: delayed" in late
            assert "Action: failed" in lost

    run(story)
