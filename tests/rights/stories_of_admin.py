"""What an operator does over HTTP, by a function that has few rights, too."""

import time
from typing import Any

from few_rights import UNKNOWN, Here, Story
from station import DOMAIN, Answer
from stories_of_mail import in_an_hour, to
from stories_of_pod import arrived, pod, report_to
from stories_of_webhooks import LOOSE, app

from shared import feedback, keys
from shared.errors import Malformed
from shared.feedback import Event
from shared.stage import fail

ONE = f"/v1/domains/{DOMAIN}"
NEW = "/v1/domains/new.example"
TEXTS = {"subject": "Hi {{ name }}", "text": "Hello {{ name }}"}


async def did(here: Here, method: str, path: str, body: Any = None) -> Answer:
    """An operator's call that has to be done."""
    answer = await here.operate(method, path, body)
    assert answer.status < 300, (method, path, answer.json)
    return answer


async def a_domain_is_made_changed_and_removed(here: Here) -> None:
    """With DKIM keys, keys of tracked links, API keys, Templates and their versions."""
    await did(
        here, "POST", "/v1/domains", {"name": "new.example", "algorithms": ["ed25519-sha256"]}
    )
    await did(here, "PATCH", NEW, {"receives": ["@new.example"]})
    await did(here, "POST", f"{NEW}/dkim", {"selector": "b", "algorithm": "ed25519-sha256"})
    await did(here, "PUT", f"{NEW}/dkim/signing", {"selectors": ["b"]})
    await did(here, "DELETE", f"{NEW}/dkim/ekiden1")
    await did(here, "PUT", f"{NEW}/tracking", {"opens": "full", "host": "t.new.example"})
    await did(here, "POST", f"{NEW}/tracking/rotate")
    made = (await did(here, "POST", f"{NEW}/keys", {"name": "app"})).json
    await did(here, "DELETE", f"{NEW}/keys/{made['id']}")
    assert [each["active"] for each in (await did(here, "GET", f"{NEW}/keys")).json["keys"]] == [
        False
    ]
    for text in ("first", "second"):
        await did(here, "PUT", f"{NEW}/templates/hi", {**TEXTS, "text": text})
    await did(here, "POST", f"{NEW}/templates/hi/versions/1/restore")
    assert (await did(here, "GET", f"{NEW}/templates/hi")).json["text"] == "first"
    await did(here, "DELETE", f"{NEW}/templates/hi")
    await did(here, "DELETE", NEW)
    left = {"templates", "template_versions"}
    assert {key.split("/")[2] for key in await here.keys("domains/new.example/")} == left
    await here.operator.delete(*await here.keys("domains/new.example/"))


async def suppressions_are_edited_and_imported(here: Here) -> None:
    every = f"{ONE}/suppressions"
    await did(here, "PUT", f"{every}/cas@sink.example")
    lines = b"email\r\ndan@sink.example\r\neve@sink.example\r\n"
    assert (await did(here, "POST", f"{every}/import", lines)).json["added"] == 2
    exported = (await did(here, "GET", f"{every}/export")).json
    for name in ("cas", "dan", "eve"):
        assert name.encode() in exported
        await did(here, "DELETE", f"{every}/{name}@sink.example")
        assert (await here.operate("GET", f"{every}/{name}@sink.example")).status == 404


async def failed_work_is_replayed_or_thrown_away(here: Here) -> None:
    """Of every kind, also what the sweep could not release."""
    work = [(stage, f"{prefix}{UNKNOWN}/x") for prefix, stage in keys.WORK.items()]
    work[0] = ("submit", keys.put_back(keys.inbox(UNKNOWN, "x"), 0, b"work"))
    work += [("sweep", f"{keys.WAITING}20270101T000000Z/send/x"), ("send", "dispatched/thrown/x")]
    for stage, key in work:
        await fail(stage, here.operator, time.time, key, b"work", Malformed("poison"), 1)
    for each in (await did(here, "GET", "/v1/failed")).json["failed"]:
        if "thrown" in each["key"]:
            await did(here, "DELETE", f"/v1/failed/{each['id']}")
        else:
            await did(here, "POST", f"/v1/failed/{each['id']}/replay")
    places = (await did(here, "GET", "/v1/backlog")).json["places"]
    assert {each["place"]: each["number"] for each in places} == {
        **dict.fromkeys([*keys.WORK.values(), "waiting"], 1),
        "failed": 0,
    }
    for prefix in (*keys.WORK, keys.WAITING):
        await here.operator.delete(*await here.keys(prefix))


async def a_destination_is_paused(here: Here) -> None:
    one = "/v1/destinations/slow.example"
    await did(here, "POST", f"{one}/pause", {"reason": "they asked"})
    (paused,) = (await did(here, "GET", "/v1/destinations")).json["paused"]
    assert (paused["name"], paused["reason"]) == ("slow.example", "they asked")
    await did(here, "POST", f"{one}/resume")
    assert await here.keys(keys.PAUSED) == []


async def a_webhook_is_made_tried_and_told_again(here: Here) -> None:
    every = f"{ONE}/webhooks"
    async with app(here) as there:
        made = (await did(here, "POST", every, {"url": there.url})).json["id"]
        one = f"{every}/{made}"
        await did(here, "PATCH", one, {"per_post": 2})
        await did(here, "POST", f"{one}/rotate")
        await did(here, "POST", f"{one}/test")
        await here.submit(to("heard"))
        for function in ("validate", "dispatch", "send"):
            await here.work(function)
        await here.work("notify", **LOOSE)
        assert sorted(there.told) == ["delivery.delivered", "webhook.test"]
        await did(here, "POST", f"{one}/replay", {})
        await here.work("notify", **LOOSE)
        assert there.told[2:] == ["delivery.delivered"]
        assert (await did(here, "GET", f"{one}/attempts")).json["attempts"]
        await did(here, "DELETE", one)


async def mail_is_looked_at_wherever_it_is(here: Here) -> None:
    """From the moment it is accepted until a Delivery's last event."""
    later = await here.submit(to("sam", scheduled_time=in_an_hour()))
    batch = await here.submit(to("kim", "lee", "mia"))
    for function in ("validate", "dispatch", "send"):
        await _look_at(here, batch)
        await here.work(function)
    await _look_at(here, batch)
    await _look_at(here, later)
    await here.call("POST", f"/v1/batches/{later}/cancel")
    path = here.sink.received[-1].return_path
    async with pod(here) as station:
        await arrived(station, path, report_to(path))
    await here.work("bounce")
    deliveries = (await did(here, "GET", f"{ONE}/batches/{batch}/deliveries")).json["deliveries"]
    for each in deliveries:
        await did(here, "GET", f"{ONE}/batches/{batch}/deliveries/{each['delivery']}")
    assert sorted(each["state"] for each in deliveries) == ["bounced", "delivered", "delivered"]
    assert batch in str((await did(here, "GET", f"{ONE}/batches")).json)
    await here.work_off()


async def _look_at(here: Here, batch: str) -> None:
    """What is not validated yet is not found: all that matters is that it is no refusal."""
    for path in ("", "/deliveries"):
        answer = await here.operate("GET", f"{ONE}/batches/{batch}{path}")
        assert answer.status in (200, 404), answer.json


async def an_address_is_forgotten(here: Here) -> None:
    """In its Batches, also those that were archived; in Outcomes, events, mail; suppressed by
    its digest."""
    ann = "forgotten@sink.example"
    rows = [{"email": ann, "fields": {"name": "F"}}]
    await here.submit({**to("nia", "ole"), "recipients": [*to("nia", "ole")["recipients"], *rows]})
    await here.work_off()
    path = next(each.return_path for each in here.sink.received if each.recipient == ann)
    waiting = await here.submit({**to("x"), "recipients": rows, "scheduled_time": in_an_hour()})
    await did(here, "PUT", f"{ONE}/suppressions/{ann}")
    async with pod(here) as station:
        await arrived(station, path, report_to(path).replace(b"nobody@", b"forgotten@"))
        mail = f"From: {ann}\r\nSubject: hello\r\n\r\nhello\r\n".encode()
        await arrived(station, f"postmaster@{DOMAIN}", mail)
    await here.work_off()
    complaint = {"delivery": f"{UNKNOWN}.0000.0000", "recipient": ann, "kind": feedback.COMPLAINED}
    event = Event(**complaint, at=time.time())
    await here.operator.put(keys.event(DOMAIN, time.time(), "told"), feedback.encode_lines([event]))
    one = f"{ONE}/addresses/{ann}"
    assert (await did(here, "GET", one)).json
    done = (await did(here, "DELETE", one)).json
    assert done["suppressed"]
    assert done["rewritten"] >= 3
    assert done["deleted"] >= 1
    for key in [*await here.keys(keys.BATCHES), *await here.keys(keys.EVENTS)]:
        if waiting not in key:
            assert ann.encode() not in await here.body(key), key
    await here.call("POST", f"/v1/batches/{waiting}/cancel")
    await here.work_off()


async def who_was_let_in_is_on_record(here: Here) -> None:
    before = len((await did(here, "GET", "/v1/audit?limit=200")).json["records"])
    assert before
    refused = await here.operate("GET", "/v1/domains", x_ekiden_admin_token="wrong")
    assert refused.status == 401
    assert len(await here.keys(keys.AUDIT)) > before


async def the_dashboard_is_there(here: Here) -> None:
    """A stranger is asked to log in; nothing is read for that."""
    assert (await here.operate("GET", "/dashboard/login")).status == 200


STORIES: list[Story] = [
    a_domain_is_made_changed_and_removed,
    suppressions_are_edited_and_imported,
    failed_work_is_replayed_or_thrown_away,
    a_destination_is_paused,
    a_webhook_is_made_tried_and_told_again,
    mail_is_looked_at_wherever_it_is,
    an_address_is_forgotten,
    who_was_let_in_is_on_record,
    the_dashboard_is_there,
]
