"""Postfix refuses, at each place where a postmaster can tell it to, and the Outcome says so."""

import pytest
from private_postfix import PrivatePostfix
from station import run, running_station
from told_outcomes import first_told, to

REFUSED_AT_RCPT = {
    "nobody@sink.example": "bounced rcpt 550 5.1.1 invalid_recipient",
    "disabled@sink.example": "bounced rcpt 550 5.2.1 invalid_recipient",
    "full@sink.example": "deferred rcpt 452 4.2.2 mailbox_full",
    "overquota@sink.example": "bounced rcpt 552 5.2.2 mailbox_full",
    "spam@sink.example": "bounced rcpt 554 5.7.1 spam",
    "listed@sink.example": "bounced rcpt 554 5.7.1 blocked_address",
    "rejected@sink.example": "bounced rcpt 554 5.7.1 policy",
    "later@sink.example": "deferred rcpt 450 4.7.1 greylisted",
}


def test_each_refused_recipient_gets_its_own_outcome(postfix: PrivatePostfix) -> None:
    async def story() -> None:
        async with running_station(send__route=postfix.route("choosy")) as here:
            outcomes = await first_told(here, to(*REFUSED_AT_RCPT, "ann@sink.example"))
        assert outcomes.pop("ann@sink.example").startswith("delivered")
        assert outcomes == REFUSED_AT_RCPT

    run(story)


OTHER_PLACES = [
    ("refusing clients", {}, "bounced greeting 554 5.7.1 blocked_address"),
    ("refusing senders", {}, "bounced rcpt 554 5.7.1 policy"),
    ("deferring senders", {}, "deferred rcpt 450 4.7.1 policy"),
    ("reading headers", {"subject": "forbidden"}, "bounced body 550 5.7.1 policy"),
    ("deferring at the dot", {}, "deferred body 451 4.7.1 greylisted"),
    ("small", {"text": "long line\r\n" * 500}, "bounced mail 552 5.3.4 policy"),
]


@pytest.mark.parametrize(
    ("service", "changes", "line"), OTHER_PLACES, ids=[each[0] for each in OTHER_PLACES]
)
def test_a_refusal_is_recorded_with_the_step_at_which_it_came(
    postfix: PrivatePostfix, service: str, changes: dict[str, str], line: str
) -> None:
    async def story() -> None:
        async with running_station(send__route=postfix.route(service)) as here:
            outcomes = await first_told(here, to("ann@sink.example", **changes))
        assert outcomes == {"ann@sink.example": line}

    run(story)


def test_a_recipient_whose_server_is_going_down_is_tried_again(postfix: PrivatePostfix) -> None:
    async def story() -> None:
        async with running_station(send__route=postfix.route("choosy")) as here:
            outcomes = await first_told(here, to("busy@sink.example"))
        assert outcomes == {"busy@sink.example": "deferred rcpt 421 4.3.2 unreachable"}

    run(story)
