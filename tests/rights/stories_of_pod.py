"""What comes in by SMTP, and what the pod does besides, each part with its own few rights."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from smtplib import SMTP, SMTPRecipientsRefused

import msgspec
import pytest
from few_rights import HOUR_S, UNKNOWN, Here, Story, Watched, counted, in_thread
from free_ports import free_port
from station import DOMAIN
from stories_of_mail import to

from ekiden.cli.run import POD
from ekiden.station import Station
from functions.send.lease import Held
from shared import keys
from shared.domains import Domain
from shared.ids import delivery_id, return_path

REPORT = Path(__file__).parents[1] / "bounce" / "samples" / "postfix-user-unknown.eml"


def pod_options(**more: str) -> dict[str, str]:
    shipped = {
        **{name.replace(".", "__"): value for name, value in POD.items()},
        "services__send": "off",
        "services__bounce": "off",
        "services__sweep": "off",
        "submission__host": "127.0.0.1",
        "submission__port": str(free_port()),
        "submission__tls_port": "0",
        "inbound__host": "127.0.0.1",
        "inbound__port": str(free_port()),
    }
    return {**shipped, "metrics__port": "0", **more}


@asynccontextmanager
async def pod(here: Here, name: str = "pod", **more: str) -> AsyncIterator[Station]:
    """Its own sweeps come when a story wants them."""
    station = Station(here.config(name, **pod_options(**more)))
    station.store.inner = Watched(station.store.inner, name, here.used)
    await station.start()
    try:
        yield station
    finally:
        await station.stop()


def submit_by_smtp(port: int, api_key: str, *recipients: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    message = f"From: app@{DOMAIN}\r\nTo: {recipients[0]}\r\nSubject: By SMTP\r\n\r\nHello\r\n"
    with SMTP("127.0.0.1", port) as client:
        client.starttls(context=context)
        client.login(DOMAIN, api_key)
        client.sendmail(f"app@{DOMAIN}", recipients, message)


def come_back(port: int, to: str, message: bytes) -> None:
    with SMTP("127.0.0.1", port) as client:
        client.sendmail("", [to], message)


async def submitted(here: Here, station: Station, *recipients: str) -> None:
    port = station.listeners.ports["submission"][0]
    await in_thread(submit_by_smtp, port, here.api_key, *recipients)


async def arrived(station: Station, to: str, message: bytes) -> None:
    await in_thread(come_back, station.listeners.ports["inbound"][0], to, message)


def report_to(address: str) -> bytes:
    return REPORT.read_bytes().replace(b"RETURN_PATH", address.encode()).replace(b"\n", b"\r\n")


async def the_pod_takes_mail_and_a_report_goes_back(here: Here) -> None:
    async with pod(here) as station:
        assert (await station.ready()).status == 200
        await submitted(here, station, "ann@sink.example", "gone2@sink.example")
    before = here.sink.accepted
    await here.work_off()
    told = [each.recipient for each in here.sink.received[before:]]
    assert sorted(told) == ["ann@sink.example", f"app@{DOMAIN}"]


async def a_mail_bounces_late(here: Here) -> None:
    """A report arrives at the pod, and bounce believes it."""
    batch = await here.submit(to("late"))
    await here.work_off()
    path = here.sink.received[-1].return_path
    async with pod(here) as station:
        await arrived(station, path, report_to(path))
    await here.work_off()
    assert await here.outcomes(batch) == {"bounced": 1}
    found = counted(await here.keys())
    assert found["events"] == 1
    assert len(await here.keys("archive/inbound/")) >= 1


async def a_report_comes_before_its_outcome(here: Here) -> None:
    """The Batch is not even validated: its content is read from what was submitted."""
    batch = await here.submit(to("early"))
    path = await _return_path(here, batch)
    async with pod(here) as station:
        await arrived(station, path, report_to(path))
    await here.work("bounce")
    assert [key.split("/")[2] for key in await here.keys(keys.WAITING)] == ["bounce"]
    await here.work_off()
    here.later_s = HOUR_S
    await here.sweep()
    await here.work_off()
    assert await here.outcomes(batch) == {"bounced": 1}


async def nobodys_mail_is_refused_at_the_door(here: Here) -> None:
    """Also a return path of a Batch that is not there: 404 in the store, 550 to the client."""
    async with pod(here) as station:
        for address in (await _return_path(here, UNKNOWN), "someone@elsewhere.example"):
            with pytest.raises(SMTPRecipientsRefused) as refused:
                await arrived(station, address, b"Subject: x\r\n\r\nx\r\n")
            assert {code for code, _ in refused.value.recipients.values()} == {550}


async def _return_path(here: Here, batch: str) -> str:
    body = await here.body(keys.domain_record(DOMAIN))
    domain = msgspec.json.decode(body, type=Domain)
    secret = bytes.fromhex(domain.return_path_secret)
    return return_path(delivery_id(batch, 0, 0), DOMAIN, secret)


async def mail_for_people_is_kept(here: Here) -> None:
    async with pod(here) as station:
        await arrived(station, f"postmaster@{DOMAIN}", b"Subject: Hello\r\n\r\nHello\r\n")
    await here.work_off()
    assert len(await here.keys(f"received/{DOMAIN}/")) == 1


async def the_pod_sends_reads_and_sweeps(here: Here) -> None:
    """With the component `send-from-pod`: only submit, validate and dispatch are functions."""
    on = {"services__send": "on", "services__bounce": "on", "services__sweep": "on"}
    async with pod(here, "pod_sending", **on) as station:
        await submitted(
            here, station, "zoe@sink.example", "gone3@sink.example", "busy2@sink.example"
        )
        for function in ("validate", "dispatch"):
            await here.work(function)
        await _swept(station)
        assert [key.split("/")[2] for key in await here.keys(keys.WAITING)] == ["send"]
        for key in await here.keys(keys.WAITING):  # an hour passes
            _, work = keys.parse_waiting(key)
            await here.operator.put(keys.waiting(1.0, work), await here.body(key))
            await here.operator.delete(key)
        await here.operator.put(f"{keys.WAITING}never/x", b"poison")
        await here.operator.put(keys.lease(UNKNOWN, 0, 0), msgspec.json.encode(Held("dead", 0)))
        path = next(
            each.return_path for each in here.sink.received[::-1] if each.recipient[:3] == "zoe"
        )
        await arrived(station, path, report_to(path))
        await _swept(station)
        for function in ("validate", "dispatch"):  # the report about gone3
            await here.work(function)
        await _swept(station)
    left = counted(await here.keys())
    assert (left["dispatched"], left["inbound"], left["leases"], left["waiting"]) == (0, 0, 0, 0)
    assert left["failed/sweep"] == 1
    await here.operator.delete(*await here.keys(keys.FAILED))


async def _swept(station: Station) -> None:
    await station.relay.sweep(forgotten_after_s=0)
    await station.relay.idle()


STORIES: list[Story] = [
    the_pod_takes_mail_and_a_report_goes_back,
    a_mail_bounces_late,
    a_report_comes_before_its_outcome,
    nobodys_mail_is_refused_at_the_door,
    mail_for_people_is_kept,
    the_pod_sends_reads_and_sweeps,
]
