"""Postfix takes mail, and what the reader behind it gets is what Ekiden sent, byte for byte."""

import pytest
from private_postfix import PrivatePostfix
from reader_of_mail import ReaderOfMail
from signatures_hold import holds, published
from station import run, running_station
from told_outcomes import attempted, first_told, hand_in, to

EIGHT_BIT = (
    b"From: news@example.org\r\nTo: ann@sink.example\r\nSubject: odd   blanks\t\r\n"
    b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\nMessage-ID: <own@example.org>\r\n\r\n"
    b"8-bit bytes \x80\xff, a form feed \x0c\r\n.\r\n..two dots\r\ntrailing blanks  \r\n\r\n"
)


def test_the_signature_holds_behind_postfix(postfix: PrivatePostfix, reader: ReaderOfMail) -> None:
    async def story() -> None:
        route = postfix.route("accepting")
        async with running_station(algorithms=("rsa-sha256",), send__route=route) as here:
            who = "zoe@sink.example"
            html = "<p>Dear {{ name }},</p>\n.\n<p>a dot on a line of its own: Zoë</p>"
            assert await first_told(here, to(who, html=html)) == {who: "delivered 250 2.0.0"}
            [came] = await reader.mail_to(who)
            records = await published(here)
        assert holds(came.as_sent, records)

    run(story)


def test_an_8_bit_body_arrives_byte_for_byte(postfix: PrivatePostfix, reader: ReaderOfMail) -> None:
    async def story() -> None:
        async with running_station(send__route=postfix.route("accepting")) as here:
            batch = await hand_in(here, EIGHT_BIT, "eight@sink.example")
            assert (await here.done(batch))["outcomes"] == {"delivered": 1}
        [came] = await reader.mail_to("eight@sink.example")
        assert came.as_sent.endswith(EIGHT_BIT)
        assert "BODY=8BITMIME" in came.mail  # we told Postfix, and it passed it on

    run(story)


def test_a_large_message_arrives_whole(postfix: PrivatePostfix, reader: ReaderOfMail) -> None:
    body = b"".join(b"line %d of many, with a dot\r\n.\r\n" % n for n in range(100_000))

    async def story() -> None:
        async with running_station(send__route=postfix.route("accepting")) as here:
            batch = await hand_in(here, EIGHT_BIT + body, "large@sink.example")
            assert (await here.done(batch))["outcomes"] == {"delivered": 1}
        [came] = await reader.mail_to("large@sink.example")
        assert came.as_sent.endswith(EIGHT_BIT + body)

    run(story)


def test_an_address_in_utf_8_arrives_at_a_server_that_offers_smtputf8(
    postfix: PrivatePostfix, reader: ReaderOfMail
) -> None:
    async def story() -> None:
        async with running_station(send__route=postfix.route("accepting")) as here:
            outcomes = await first_told(here, to("pelé@sink.example"))
        assert outcomes == {"pelé@sink.example": "delivered 250 2.0.0"}
        [came] = await reader.mail_to("pelé@sink.example")
        assert "SMTPUTF8" in came.mail

    run(story)


def test_an_address_in_utf_8_is_refused_by_ourselves_where_the_server_does_not_know_it(
    postfix: PrivatePostfix,
) -> None:
    async def story() -> None:
        async with running_station(send__route=postfix.route("without smtputf8")) as here:
            [delivery] = await attempted(here, to("josé@sink.example"))
        last = delivery["last"]
        assert (last["outcome"], last["code"], last["enhanced"]) == ("rejected", 550, "5.6.7")

    run(story)


@pytest.mark.parametrize("service", ["without pipelining", "without anything"])
def test_what_is_not_offered_is_not_used(
    postfix: PrivatePostfix, reader: ReaderOfMail, service: str
) -> None:
    """The first of these refuses clients that pipeline unasked."""

    async def story() -> None:
        who = [f"r{n}@{service.replace(' ', '-')}.example" for n in range(5)]
        async with running_station(send__route=postfix.route(service)) as here:
            outcomes = await first_told(here, to(*who))
        assert outcomes == dict.fromkeys(who, "delivered 250 2.0.0")
        for each in who:
            assert len(await reader.mail_to(each)) == 1

    run(story)


def test_a_message_goes_to_postfix_in_chunks(postfix: PrivatePostfix) -> None:
    async def story() -> None:
        async with running_station(send__route=postfix.route("verbose")) as here:
            outcomes = await first_told(here, to("chunks@sink.example"))
        assert outcomes == {"chunks@sink.example": "delivered 250 2.0.0"}
        await postfix.logged(r"< [^ ]*127\.0\.0\.1\]: BDAT \d+ LAST")

    run(story)


def test_recipients_of_one_message_at_one_domain_share_a_transaction(
    postfix: PrivatePostfix, reader: ReaderOfMail
) -> None:
    async def story() -> None:
        who = [f"r{n}@shared.example" for n in range(3)]
        async with running_station(send__route=postfix.route("accepting")) as here:
            batch = await hand_in(here, EIGHT_BIT, *who)
            assert (await here.done(batch))["outcomes"] == {"delivered": 3}
        [came] = await reader.mail_to("r0@shared.example")
        assert sorted(came.recipients) == who

    run(story)


def test_the_envelope_id_names_the_delivery(postfix: PrivatePostfix, reader: ReaderOfMail) -> None:
    """RFC 3461: so a report about it can be attributed even when its return path is lost."""

    async def story() -> None:
        async with running_station(send__route=postfix.route("accepting")) as here:
            [delivery] = await attempted(here, to("id@sink.example"))
        [came] = await reader.mail_to("id@sink.example")
        assert f"ENVID={delivery['delivery']}" in came.mail

    run(story)
