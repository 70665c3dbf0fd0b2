"""Somebody opens a mail, follows a link, wants no more of it: each function with its own few
rights."""

import re
from email import message_from_bytes, policy

from few_rights import Here, Story
from station import BATCH, DOMAIN
from stories_of_webhooks import LOOSE, app, webhook

from shared import webhooks

TRACKED = {
    **BATCH,
    "html": '<p>Hello <a href="https://example.com/offer">offer</a></p>',
    "one_click_unsubscribe": {},
    "tracking": {"opens": "identified", "links": "identified"},
}
CEILING = {"opens": "full", "links": "full", "host": f"t.{DOMAIN}"}
UNTRACKED = {"opens": "off", "links": "off"}


async def a_mail_is_opened_and_clicked_and_unsubscribed_from(here: Here) -> None:
    """The app is told of it, the next Batch passes the reader over."""
    assert (await here.operate("PUT", f"/v1/domains/{DOMAIN}/tracking", CEILING)).status == 200
    async with app(here) as there:
        made = await webhook(here, there)
        try:
            opened, clicked, unsubscribed = await _links(here)
            assert (await here.visit(opened)).status == 200
            led = await here.visit(clicked)
            assert (led.status, led.headers["location"]) == (302, "https://example.com/offer")
            assert (await here.visit(unsubscribed, "POST")).status == 200
            await here.work("notify", **LOOSE)
        finally:
            await webhooks.remove(here.operator, DOMAIN, made.id)
    seen = ["delivery.clicked", "delivery.opened", "delivery.unsubscribed"]
    assert sorted(there.told) == sorted(["delivery.delivered", *seen])
    again = {**BATCH, "recipients": [{"email": READER, "fields": {"name": "Rea"}}]}
    refused = await here.call("POST", "/v1/batches", again)
    assert [each["reason"] for each in refused.json["rejected_recipients"]] == ["suppressed"]
    await here.operate("PUT", f"/v1/domains/{DOMAIN}/tracking", UNTRACKED)
    await here.work_off()


READER = "reader@sink.example"


async def _links(here: Here) -> tuple[str, str, str]:
    """The tracked URLs of a mail that arrived: its pixel, its link, how to unsubscribe."""
    before = len(here.sink.received)
    rows = [{"email": READER, "fields": {"name": "Rea"}}]
    batch = await here.submit({**TRACKED, "recipients": rows})
    for function in ("validate", "dispatch", "send"):
        await here.work(function)
    assert await here.outcomes(batch) == {"delivered": 1}
    mail = message_from_bytes(here.sink.received[before].message, policy=policy.default)
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    (opened,) = re.findall(r'src="([^"]+/o/[^"]+)"', html)
    (clicked,) = re.findall(r'href="([^"]+/c/[^"]+)"', html)
    (unsubscribed,) = re.findall(r"<(https?://[^>]+/u/[^>]+)>", mail["list-unsubscribe"])
    return opened, clicked, unsubscribed


STORIES: list[Story] = [a_mail_is_opened_and_clicked_and_unsubscribed_from]
