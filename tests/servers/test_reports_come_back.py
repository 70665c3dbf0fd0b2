"""A server takes our mail and bounces it later: its report comes back and corrects the Outcome.

Ekiden → Postfix, which takes it for the whole domain → the next Postfix, which knows no such user;
then the first one's report (RFC 3464) → our listener.
"""

import re
from pathlib import Path

from private_postfix import PrivatePostfix
from reader_of_mail import ReaderOfMail
from station import Here, run, running_station
from told_outcomes import attempted, history, to

BEHIND = "nobody@behind.example"


async def is_suppressed(here: Here, recipient: str) -> bool:
    """Whether a Batch to this address is refused."""
    answer = await here.call("POST", "/v1/batches", to(recipient, "other@sink.example"))
    refused = {each["email"]: each["reason"] for each in answer.json["rejected_recipients"]}
    return refused.get(recipient) == "suppressed"


def test_a_report_turns_delivered_into_bounced_and_suppresses_the_address(
    postfix: PrivatePostfix, tmp_path: Path
) -> None:
    """The report finds nobody at home at first; Postfix keeps it until our listener is there."""

    async def story() -> None:
        port = postfix.ports["reports"]
        store, route = f"sqlite:///{tmp_path}/ekiden.db", postfix.route("accepting")
        async with running_station(store, send__route=route) as here:
            [delivery] = await attempted(here, to(BEHIND))
            assert delivery["state"] == "delivered"
        listening = {"services__inbound": "true", "inbound__host": "127.0.0.1"}
        listening |= {"inbound__port": str(port), "send__route": route}
        async with running_station(store, **listening) as here:
            await postfix.logged(rf"to=<b-{re.escape(delivery['delivery'])}-.*status=sent")
            await here.idle()
            assert await history(here, delivery["delivery"]) == [
                "delivered 250 2.0.0",
                "bounced report 550 5.1.1 invalid_recipient",
            ]
            assert await is_suppressed(here, BEHIND)

    run(story)


def test_a_report_names_the_delivery_by_its_envelope_id(
    postfix: PrivatePostfix, reader: ReaderOfMail
) -> None:
    """What a real Postfix makes of our ENVID (RFC 3461 §4.4), seen where its postmaster sees it."""

    async def story() -> None:
        async with running_station(send__route=postfix.route("accepting")) as here:
            [delivery] = await attempted(here, to("disabled@behind.example"))
        copy = await reader.mail_that(lambda mail: b"disabled@behind.example" in mail.message)
        assert copy.recipients == ["postmaster@postfix.example"]
        assert f"Original-Envelope-Id: {delivery['delivery']}".encode() in copy.message

    run(story)
