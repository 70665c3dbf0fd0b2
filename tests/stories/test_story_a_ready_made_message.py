"""An app has its own mail library, and hands in the finished message.

Whatever it says, in whatever spelling, arrives byte for byte; only signatures stand before it.
"""

import base64
import re
from typing import Any

import pytest
from station import DOMAIN, run, running_station

MESSAGE = (
    b"Received: from nowhere\r\n"
    b"from : =?utf-8?q?J=C3=B6rg?= <jorg@example.org>\r\n"
    b"TO: ann@sink.example,\r\n\tben@sink.example\r\n"
    b"Subject:   odd   blanks\t\r\n"
    b"X-Bytes: \xff\xfe\r\n"
    b"Message-ID: <own@example.org>\r\n"
    b"\r\n"
    b"A body with 8-bit bytes \x80\xff, a form feed \x0c\r\n"
    b".\r\n"
    b"..two dots\r\n"
    b"trailing blanks  \r\n"
    b"\r\n\r\n"
    b"and no line end"
)
RECIPIENTS = ["ann@sink.example", "ben@sink.example"]
SIGNATURES = re.compile(rb"(?:DKIM-Signature: [^\r]*\r\n(?:[ \t][^\r]*\r\n)*){2}")


async def as_json(here: Any) -> Any:
    body = {"recipients": RECIPIENTS, "message_base64": base64.b64encode(MESSAGE).decode()}
    return await here.call("POST", "/v1/messages", body)


async def as_rfc822(here: Any) -> Any:
    path = "/v1/messages?" + "&".join(f"to={each}" for each in RECIPIENTS)
    return await here.call("POST", path, MESSAGE, content_type="message/rfc822")


@pytest.mark.parametrize("hand_in", [as_json, as_rfc822])
def test_a_ready_made_message_arrives_byte_for_byte(hand_in: Any) -> None:
    async def story() -> None:
        async with running_station(algorithms=("rsa-sha256", "ed25519-sha256")) as here:
            answer = await hand_in(here)
            assert answer.status == 202, answer.json
            seen = await here.done(answer.json["batch"])
            assert (seen["outcomes"], seen["sender"]) == ({"delivered": 2}, f"jorg@{DOMAIN}")
            assert sorted(received.recipient for received in here.sink.received) == RECIPIENTS
            for received in here.sink.received:
                signatures = SIGNATURES.match(received.message)
                assert signatures is not None
                rest = received.message[signatures.end() :]
                assert rest == MESSAGE + b"\r\n"  # SMTP ends the last line (RFC 5321 §4.1.1.4)

    run(story)
