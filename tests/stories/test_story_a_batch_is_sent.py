"""A shop sends its newsletter, and looks what became of it.

It submits one content with a picture to six customers over HTTP. One is no address, one is
unknown to the server, one server is busy. The others get their own mail, signed, with their own
unsubscribe link. What the store holds afterwards is what can be read back, and one Bag that waits
for the next attempt.
"""

import asyncio
import base64
import email
import email.policy
from email.message import EmailMessage
from typing import Any

from station import DOMAIN, Here, run, running_station

from ekiden.client import Client

PICTURE = bytes(range(256)) * 40
NEWSLETTER: dict[str, Any] = {
    "sender": {"email": f"news@{DOMAIN}", "alias": "Die Bücherei"},
    "subject": "{{ name }}, {{ shop }} has news",
    "html": '<p>Dear {{ name }}, <img src="cid:logo"></p>',
    "text": "Dear {{ name }}.\n.a line that begins with a dot\n",
    "global_fields": {"shop": "the shop"},
    "attachments": [
        {
            "filename": "logo ü.png",
            "content_type": "image/png",
            "content_id": "logo",
            "content": base64.b64encode(PICTURE).decode(),
        }
    ],
    "headers": {"reply_to": ["Help <help@example.org>"]},
    "one_click_unsubscribe": {"url_template": "https://example.org/u/{{ name }}"},
    "tags": ["spring"],
    "metadata": {"run": "7"},
    "recipients": [
        {"email": "ann@sink.example", "fields": {"name": "Ann & Co <b>"}},
        {"email": "jö@sink.example", "fields": {"name": "Jörg"}},
        {"email": "cay@bücher.example", "fields": {"name": "Cay"}},
        {"email": "unknown@sink.example", "fields": {"name": "Nobody"}},
        {"email": "busy@sink.example", "fields": {"name": "Busy"}},
        {"email": "no address", "fields": {"name": "x"}},
    ],
}


def refuse(recipient: str, _tries: int) -> str | None:
    return {
        "unknown@sink.example": "550 5.1.1 no such user",
        "busy@sink.example": "451 4.3.2 come back later",
    }.get(recipient)


def test_a_shop_sends_its_newsletter(tmp_path: Any) -> None:
    async def story() -> None:
        url = f"sqlite:///{tmp_path}/ekiden.db"
        algorithms = ("rsa-sha256", "ed25519-sha256")
        async with running_station(url, refuse=refuse, http=True, algorithms=algorithms) as here:
            client = Client(here.url, here.api_key)
            accepted = await asyncio.to_thread(client.submit, NEWSLETTER)
            assert (accepted["accepted"], accepted["rejected"]) == (5, 1)
            await here.idle()
            batch = accepted["batch"]
            seen, _ = await asyncio.to_thread(client.batch, batch)
            assert seen["outcomes"] == {"delivered": 3, "deferred": 1, "bounced": 1}

            await the_customers_got_their_own_mail(here, batch)
            await every_delivery_says_what_happened(here, batch)
            await nothing_is_left_but_what_waits(here, batch)

    run(story)


async def the_customers_got_their_own_mail(here: Here, batch: str) -> None:
    mails = {received.recipient: received for received in here.sink.received}
    assert set(mails) == {"ann@sink.example", "jö@sink.example", "cay@xn--bcher-kva.example"}
    ann = parsed(mails["ann@sink.example"].message)
    assert ann["Subject"] == "Ann & Co <b>, the shop has news"
    assert ann["From"].addresses[0].display_name == "Die Bücherei"
    assert (ann["To"], ann["Reply-To"]) == ("ann@sink.example", "Help <help@example.org>")
    assert ann["List-Unsubscribe"] == "<https://example.org/u/Ann%20%26%20Co%20%3Cb%3E>"
    assert ann["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len(ann.get_all("DKIM-Signature", [])) == 2
    assert part(ann, "text/html").get_content().strip().startswith("<p>Dear Ann &amp; Co &lt;b&gt;")
    assert part(ann, "text/plain").get_content().splitlines() == [
        "Dear Ann & Co <b>.",
        ".a line that begins with a dot",
    ]
    picture = part(ann, "image/png")
    assert picture.get_content() == PICTURE
    assert (picture["Content-ID"], picture.get_filename()) == ("<logo>", "logo ü.png")
    assert parsed(mails["jö@sink.example"].message)["Subject"] == "Jörg, the shop has news"
    assert mails["ann@sink.example"].return_path.startswith(f"b-{batch}.0000.")


def parsed(message: bytes) -> EmailMessage:
    whole = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(whole, EmailMessage)
    assert not any(each.defects for each in whole.walk())
    return whole


def part(message: EmailMessage, kind: str) -> EmailMessage:
    (found,) = (each for each in message.walk() if each.get_content_type() == kind)
    assert isinstance(found, EmailMessage)
    return found


async def every_delivery_says_what_happened(here: Here, batch: str) -> None:
    by_recipient = {each["recipient"]: each for each in await here.deliveries(batch)}
    unknown, busy = by_recipient["unknown@sink.example"], by_recipient["busy@sink.example"]
    assert (unknown["state"], unknown["last"]["code"]) == ("bounced", 550)
    assert (busy["state"], busy["last"]["text"]) == ("deferred", "come back later")
    ann = by_recipient["ann@sink.example"]
    history = (await here.call("GET", f"/v1/deliveries/{ann['delivery']}")).json
    assert [each["outcome"] for each in history["outcomes"]] == ["delivered"]
    received = next(r for r in here.sink.received if r.recipient == "ann@sink.example")
    assert parsed(received.message)["Message-ID"] == history["message_id"] == ann["message_id"]
    assert (await here.call("GET", "/v1/batches?tag=spring")).json["batches"] == [batch]


async def nothing_is_left_but_what_waits(here: Here, batch: str) -> None:
    folders = {key.partition("/")[0] for key in await here.keys()}
    assert folders == {"batches", "domains", "waiting"}
    (waiting,) = await here.keys("waiting/")
    assert waiting.endswith(f"/send/{batch}/0000.001.jsonl")
