"""What became of Deliveries, in one line each, for tests to compare."""

import base64
from typing import Any

from station import BATCH, Here


def told(outcome: dict[str, Any]) -> str:
    """State, step, code, enhanced code, class: `bounced rcpt 550 5.1.1 invalid_recipient`."""
    names = ("outcome", "reason", "code", "enhanced", "class")
    return " ".join(str(outcome[name]) for name in names if outcome.get(name))


def to(*recipients: str, **changes: Any) -> dict[str, Any]:
    """A Batch to these addresses."""
    rows = [{"email": each, "fields": {"name": each.partition("@")[0]}} for each in recipients]
    return {**BATCH, "recipients": rows, **changes}


async def first_told(here: Here, batch: dict[str, Any]) -> dict[str, str]:
    """Recipient → what its first attempt came to."""
    return {each["recipient"]: told(each["last"]) for each in await attempted(here, batch)}


async def attempted(here: Here, batch: dict[str, Any]) -> list[Any]:
    """Submit, wait until every Delivery was tried once, and return them."""
    submitted = await here.submit(batch)
    await here.idle()
    return await here.deliveries(submitted)


async def history(here: Here, delivery: str) -> list[str]:
    """What each attempt came to."""
    answer = await here.call("GET", f"/v1/deliveries/{delivery}")
    return [told(each) for each in answer.json["outcomes"]]


async def hand_in(here: Here, message: bytes, *recipients: str) -> str:
    """Submit a ready-made message; returns the Batch."""
    body = {
        "recipients": list(recipients),
        "message_base64": base64.b64encode(message).decode(),
    }
    answer = await here.call("POST", "/v1/messages", body)
    assert answer.status == 202, answer.json
    return str(answer.json["batch"])
