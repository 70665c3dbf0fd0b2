"""Postfix greylists, counts, delays and hangs up; the mail gets there all the same, once."""

from pathlib import Path

import pytest
from private_postfix import PrivatePostfix
from reader_of_mail import ReaderOfMail
from station import Here, run, running_station
from told_outcomes import attempted, first_told, history, to

AGAIN_SOON = {"send__retry_min": "2s", "send__retry_base": "2s", "sweep__interval": "1s"}
"""What a postmaster makes us wait for minutes is over in seconds here."""
DELIVERED = "delivered 250 2.0.0"


async def histories(here: Here, batch: str) -> dict[str, list[str]]:
    """Recipient → what each attempt came to."""
    deliveries = await here.deliveries(batch)
    return {each["recipient"]: await history(here, each["delivery"]) for each in deliveries}


def test_greylisted_mail_is_delivered_at_the_next_attempt(
    postfix: PrivatePostfix, reader: ReaderOfMail, postgrey: int
) -> None:
    if not postgrey:
        pytest.skip("postgrey is not installed (Debian: apt-get install postgrey)")

    async def story() -> None:
        who = "ann@greylisting.example"
        route = postfix.route("greylisting")
        async with running_station(send__route=route, **AGAIN_SOON) as here:
            batch = await here.submit(to(who))
            assert (await here.done(batch))["outcomes"] == {"delivered": 1}
            first, *_, last = (await histories(here, batch))[who]
        assert (first, last) == ("deferred rcpt 450 4.2.0 greylisted", DELIVERED)
        assert len(await reader.mail_to(who)) == 1

    run(story)


def test_more_than_a_server_takes_at_a_time_is_delivered_later(
    postfix: PrivatePostfix, reader: ReaderOfMail, tmp_path: Path
) -> None:
    """It takes three messages, then says 450 until its count begins anew. The sender learns from
    that to be slow; a new one has not learnt it."""

    async def story() -> None:
        who = [f"r{n}@counting.example" for n in range(4)]
        store, route = f"sqlite:///{tmp_path}/ekiden.db", postfix.route("three messages at a time")
        async with running_station(store, send__route=route, **AGAIN_SOON) as here:
            batch = await here.submit(to(*who))
            await here.idle()
            first = sorted(told for [told] in (await histories(here, batch)).values())
            assert first == ["deferred mail 450 4.7.1 rate_limited", *[DELIVERED] * 3]
        async with running_station(store, send__route=route, **AGAIN_SOON) as here:
            assert (await here.done(batch))["outcomes"] == {"delivered": 4}
        for each in who:
            assert len(await reader.mail_to(each)) == 1

    run(story)


def test_a_server_that_greets_the_second_connection_with_421_gets_it_later(
    postfix: PrivatePostfix, reader: ReaderOfMail
) -> None:
    async def delivered(who: str) -> str:
        """What the first attempt came to, when the mail is delivered."""
        route = postfix.route("one connection at a time")
        async with running_station(send__route=route, **AGAIN_SOON) as here:
            batch = await here.submit(to(who))
            assert (await here.done(batch))["outcomes"] == {"delivered": 1}
            return (await histories(here, batch))[who][0]

    async def story() -> None:
        await delivered("first@connection.example")
        told = await delivered("second@connection.example")
        assert told == "deferred greeting 421 4.7.0 rate_limited"
        assert len(await reader.mail_to("second@connection.example")) == 1

    run(story)


def test_a_server_that_hangs_up_after_too_many_errors_keeps_no_good_address_from_its_mail(
    postfix: PrivatePostfix, reader: ReaderOfMail
) -> None:
    """Every third error it says 421 and closes, with our commands still under way."""

    async def story() -> None:
        bad = [f"nobody@patience{n}.example" for n in range(6)]
        good = [f"ann@patience{n}.example" for n in range(6)]
        mixed = [each for pair in zip(bad, good, strict=True) for each in pair]
        route = postfix.route("out of patience")
        async with running_station(send__route=route, **AGAIN_SOON) as here:
            batch = await here.submit(to(*mixed))
            assert (await here.done(batch))["outcomes"] == {"delivered": 6, "bounced": 6}
            last = {who: told[-1] for who, told in (await histories(here, batch)).items()}
        assert last == dict.fromkeys(good, DELIVERED) | dict.fromkeys(
            bad, "bounced rcpt 550 5.1.1 invalid_recipient"
        )
        for each in good:
            assert len(await reader.mail_to(each)) == 1

    run(story)


def test_a_tarpit_is_waited_out(postfix: PrivatePostfix) -> None:
    """It holds every refusal back for a second."""

    async def story() -> None:
        async with running_station(send__route=postfix.route("tarpit")) as here:
            who = ("nobody@tarpit.example", "ann@tarpit.example")
            outcomes = await first_told(here, to(*who))
        assert outcomes == {
            "nobody@tarpit.example": "bounced rcpt 550 5.1.1 invalid_recipient",
            "ann@tarpit.example": DELIVERED,
        }

    run(story)


def test_a_server_that_never_answers_is_given_up_for_now(postfix: PrivatePostfix) -> None:
    async def story() -> None:
        options = {"send__reply_timeout": "1s", "send__final_timeout": "1s"}
        async with running_station(send__route=postfix.route("stalling"), **options) as here:
            [delivery] = await attempted(here, to("ann@stalling.example"))
        last = delivery["last"]
        assert (last["outcome"], last["class"]) == ("deferred", "unreachable")
        assert "code" not in last

    run(story)
