"""What the sweep and the sender do behind the scenes, each with its own few rights."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from dns_server import DnsServer, Lasting
from few_rights import HOUR_S, STAGES, UNKNOWN, Here, Story, counted
from station import DOMAIN
from stories_of_mail import to

from functions.send.lease import Held
from functions.send.protection.mta_sts_cache import PolicyCache
from functions.sweep import assemble as sweep
from functions.sweep.face import TimerFace
from shared import keys
from shared.batches import load_content
from shared.dns import MxResolver
from shared.errors import NotFound
from shared.pauses import pause, resume
from shared.provision import change_domain
from shared.readiness import Readiness, listing

POLICY = "version: STSv1\nmode: enforce\nmx: mx.example.test\nmax_age: 604800\n"


async def forgotten_work_is_woken_and_given_up(here: Here) -> None:
    """Of every kind; what is malformed and what is orphaned goes away."""
    work = [
        keys.put_back(f"inbox/{DOMAIN}/done-at-last.json", 0, b"work"),
        keys.put_back(f"inbox/{DOMAIN}/x", 0, b"work"),
        keys.dispatched(UNKNOWN, 0, 0),
        *(f"{prefix}{UNKNOWN}/x" for prefix in keys.WORK if prefix != keys.INBOX),
    ]
    for key in work:
        await here.operator.put(key, b"work")
    await here.operator.put(f"{keys.WAITING}never/x", b"poison")
    await here.operator.put(keys.lease(UNKNOWN, 0, 0), msgspec.json.encode(Held("dead", 0)))
    await here.operator.put(keys.lease(UNKNOWN, 7, 0), msgspec.json.encode(Held("dead", 0)))
    for hours in (1, 2):
        here.later_s = hours * HOUR_S
        assert sum((await here.sweep()).woken.values()) == len(work)
        assert len(await here.keys(keys.REDRIVES)) == len(work)
    await here.operator.delete(work[0])
    here.later_s = 3 * HOUR_S
    assert (await here.sweep()).failed == len(work) - 1
    assert await here.keys(keys.REDRIVES) == []
    assert counted(await here.keys(keys.FAILED)) == {
        **{f"failed/{stage}": 1 for stage in (*keys.WORK.values(), "sweep")},
        "failed/send": 2,
    }
    await here.sweep()
    assert await here.keys(keys.LEASES) == []
    await here.operator.delete(*await here.keys(keys.FAILED))


async def all_work_that_waits_is_released(here: Here) -> None:
    """Whatever stage it waits for."""
    for prefix in keys.WORK:
        await here.operator.put(keys.waiting(1.0, f"{prefix}{UNKNOWN}/x"), b"due")
    assert (await here.sweep(sweep__forgotten_after="1h")).released == len(keys.WORK)
    for prefix in keys.WORK:
        assert await here.keys(prefix) == [f"{prefix}{UNKNOWN}/x"]
        await here.operator.delete(f"{prefix}{UNKNOWN}/x")


async def a_lease_is_taken_over(here: Here) -> None:
    batch = await here.submit(to("ann"))
    await here.work("validate")
    await here.work("dispatch")
    held = msgspec.json.encode(Held("the dead", time.time() - 60)) + b"\n"
    await here.operator.put(keys.lease(batch, 0, 0), held)
    await here.work_off()
    assert await here.outcomes(batch) == {"delivered": 1}
    assert await here.keys(keys.LEASES) == []


async def a_paused_destination_and_a_new_address(here: Here) -> None:
    """What an operator has paused is held back; what a new address sends is counted."""
    await change_domain(here.operator, DOMAIN, pools=["new"])
    await pause(here.operator, "127.0.0.1", "a test", time.time())
    today = datetime.now(UTC).date().isoformat()
    new = {"send__pools": "new=127.0.0.1/m.invalid", "send__warmup": f"127.0.0.1={today}"}
    batch = await here.submit(to("ann", pool="new"))
    for function in ("validate", "dispatch"):
        await here.work(function)
    await here.work("send", **new)
    assert await here.outcomes(batch) == {"deferred": 1}
    await resume(here.operator, "127.0.0.1")
    here.later_s = HOUR_S
    await here.sweep()
    await here.work("send", **new)
    assert await here.outcomes(batch) == {"delivered": 1}
    (count,) = await here.keys("control/warmup/")
    assert sum(msgspec.json.decode(await here.body(count)).values()) == 1


async def a_policy_is_kept_and_forgotten(here: Here) -> None:
    """MTA-STS: fetched, read after a restart, deleted when it has expired."""
    record = ("_mta-sts.example.test", "TXT")
    zone: Any = {record: Lasting(0, ['"v=STSv1; id=1;"'])}
    dns = DnsServer(zone)
    resolver = MxResolver([await dns.start()], timeout_s=2)

    async def fetch(_domain: str) -> str:
        return POLICY

    async def look(now: float) -> bool:
        cache = PolicyCache(resolver, fetch, here.store("send"), lambda: now)
        try:
            return await cache.policy("example.test") is not None
        finally:
            await cache.close()

    now = time.time()
    try:
        assert [await look(now), await look(now + 60)] == [True, True]
        zone[record] = Lasting(0)
        assert not await look(now + 8 * 24 * HOUR_S)
    finally:
        dns.close()
    assert await here.keys(keys.MTA_STS) == []


async def everybody_is_ready(here: Here) -> None:
    """Also `send`, which probes."""
    for function in STAGES:
        ready = await Readiness(here.store(function), function, Counter()).answer()
        assert ready.status == 200, ready.body
    for function in ("track", "admin"):
        ready = await listing(here.store(function))()
        assert ready.status == 200, ready.body
    store = here.store("sweep")
    face = TimerFace(sweep.sweeping(here.config("sweep"), store), store)
    assert (await face.ready()).status == 200


async def nothing_is_found_where_nothing_is(here: Here) -> None:
    """404, not 403: a stage must be able to tell what is done from what is forbidden."""
    for function in ("submit", "bounce", "pod"):
        with pytest.raises(NotFound):
            await load_content(here.store(function), UNKNOWN)


STORIES: list[Story] = [
    forgotten_work_is_woken_and_given_up,
    all_work_that_waits_is_released,
    a_lease_is_taken_over,
    a_paused_destination_and_a_new_address,
    a_policy_is_kept_and_forgotten,
    everybody_is_ready,
    nothing_is_found_where_nothing_is,
]
