"""What happens to a Batch, each function with its own few rights. Every story stands alone, asserts
what comes out, and leaves no work behind."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
from few_rights import HOUR_S, UNKNOWN, Here, Story, counted
from station import BATCH, DOMAIN

from functions.submit import assemble
from functions.submit.submit import Call
from shared import keys
from shared.domains import Template
from shared.provision import put_template
from shared.stage import Failure


def to(*names: str, **more: Any) -> dict[str, Any]:
    """A Batch to these names at the sink."""
    recipients = [{"email": f"{name}@sink.example", "fields": {"name": name}} for name in names]
    return {**BATCH, "recipients": recipients, **more}


def in_an_hour() -> str:
    return datetime.fromtimestamp(time.time() + HOUR_S, UTC).isoformat()


async def readable(here: Here, batch: str) -> Counter[str]:
    """Where submit says that the Deliveries are, asked in every way."""
    page = await here.call("GET", f"/v1/batches/{batch}/deliveries")
    assert page.status == 200, page.json
    for each in page.json["deliveries"]:
        one = await here.call("GET", f"/v1/deliveries/{each['delivery']}")
        assert one.json["state"] == each["state"]
    return Counter(each["state"] for each in page.json["deliveries"])


async def a_batch_goes_all_the_way(here: Here) -> None:
    """Delivered, bounced with a suppression, deferred and delivered; archived; read back."""
    await put_template(
        here.operator, DOMAIN, Template(id="hello", subject="Hi", text="Hi {{name}}")
    )
    wanted = to("ann", "gone", "busy", tags=["spring"], template_id="hello", subject="", text="")
    batch = await here.submit(wanted, idempotency_key="once")
    assert await here.submit(wanted, idempotency_key="once") == batch
    assert await readable(here, batch) == {}
    for function in ("validate", "dispatch"):
        assert await here.work(function)
        assert await here.submit(wanted, idempotency_key="once") == batch
        assert await readable(here, batch) == {"queued": 3}
    assert await here.work("send")
    assert await here.outcomes(batch) == {"delivered": 1, "bounced": 1, "deferred": 1}
    assert counted(await here.keys(keys.WAITING)) == {"waiting": 1}
    assert len(await here.keys(keys.suppressions(DOMAIN))) == 1
    here.later_s = HOUR_S
    assert (await here.sweep()).released == 1
    await here.work_off()
    assert await here.outcomes(batch) == {"delivered": 2, "bounced": 1}
    assert await readable(here, batch) == {"delivered": 2, "bounced": 1}
    tagged = await here.call("GET", "/v1/batches?tag=spring")
    assert tagged.json["batches"] == [batch]
    assert await here.keys("archive/submitted/") == [keys.archived(keys.submitted(batch))]


async def a_call_that_expired_is_made_anew(here: Here) -> None:
    """The record of an Idempotency-Key is replaced; the same key with another body is refused."""
    config = here.config("submit")
    body = msgspec.json.encode(to("ann"))
    first = assemble.submit(config, here.store("submit"), lambda: time.time() - 72 * HOUR_S)
    again = assemble.submit(config, here.store("submit"))
    old, _ = await first.batch(Call(DOMAIN, body, "again"))
    new, _ = await again.batch(Call(DOMAIN, body, "again"))
    assert old.batch != new.batch
    await here.work_off()


async def a_scheduled_batch_is_cancelled(here: Here) -> None:
    batch = await here.submit(to("ann", scheduled_time=in_an_hour()))
    await here.work("validate")
    assert await readable(here, batch) == {"queued": 1}
    assert (await here.call("POST", f"/v1/batches/{batch}/cancel")).status == 202
    assert await here.keys(keys.WAITING) == []
    await here.work_off()
    assert await here.outcomes(batch) == {"cancelled": 1}


async def a_scheduled_batch_is_cancelled_before_it_has_bags(here: Here) -> None:
    batch = await here.submit(to("ann", scheduled_time=in_an_hour()))
    assert (await here.call("POST", f"/v1/batches/{batch}/cancel")).status == 202
    await here.work_off()
    assert await here.outcomes(batch) == {"cancelled": 1}


async def a_scheduled_batch_comes_due(here: Here) -> None:
    batch = await here.submit(to("ann", scheduled_time=in_an_hour()))
    await here.work("validate")
    here.later_s = 2 * HOUR_S
    assert (await here.sweep()).released == 1
    await here.work_off()
    assert sum((await here.outcomes(batch)).values()) == 1


async def an_app_uploads_into_the_inbox(here: Here) -> None:
    await here.operator.put(f"inbox/{DOMAIN}/a.json", msgspec.json.encode(to("ann")))
    mail = f"From: news@{DOMAIN}\r\nTo: ben@sink.example\r\nSubject: Hi\r\n\r\nHello\r\n"
    await here.operator.put(f"inbox/{DOMAIN}/b.eml", mail.encode())
    before = here.sink.accepted
    await here.work_off()
    assert here.sink.accepted == before + 2


async def work_that_was_done_comes_again(here: Here) -> None:
    """The late twin: each finds what stands there already, and nobody gets a second mail."""
    batch = await here.submit(to("ann", tags=["twice"]))
    seen: dict[str, bytes] = {}
    for function in ("validate", "dispatch", "send"):
        for key in await here.keys():
            if keys.stage_of(key):
                seen[key] = await here.body(key)
        await here.work(function)
    before = here.sink.accepted
    for key, body in seen.items():
        await here.operator.put(key, body)
    await here.work_off()
    assert len(seen) == 3
    assert here.sink.accepted == before
    assert await here.outcomes(batch) == {"delivered": 1}


async def what_cannot_be_done_goes_to_failed(here: Here) -> None:
    """By each function, on its own."""
    poison = {
        "submit": keys.put_back("inbox/nobody.example/x.json", 0, b"poison"),
        "validate": keys.submitted(UNKNOWN),
        "dispatch": keys.validated(UNKNOWN, 0),
        "send": keys.dispatched(UNKNOWN, 0, 0),
        "bounce": keys.inbound(UNKNOWN),
        "notify": keys.notifying(DOMAIN, "wh_0", "x", 0),
    }
    for key in poison.values():
        await here.operator.put(key, b"poison")
    await here.work_off()
    failed = [keys.failed(function, key) for function, key in poison.items()]
    assert sorted(await here.keys(keys.FAILED)) == sorted(failed)
    for key in failed:
        cause = msgspec.json.decode(await here.body(key), type=Failure)
        assert cause.body == b"poison"
        assert "403" not in cause.message
    await here.operator.delete(*failed)


STORIES: list[Story] = [
    a_batch_goes_all_the_way,
    a_call_that_expired_is_made_anew,
    a_scheduled_batch_is_cancelled,
    a_scheduled_batch_is_cancelled_before_it_has_bags,
    a_scheduled_batch_comes_due,
    an_app_uploads_into_the_inbox,
    work_that_was_done_comes_again,
    what_cannot_be_done_goes_to_failed,
]
