"""Opens, clicks and an unsubscribe, from the Domain's ceiling to the event in the bucket."""

import re

from station import BATCH, DOMAIN, Here, run, running_station

from shared import tracking_keys
from shared.feedback import Event, decode_lines
from shared.http import Request
from shared.provision import change_domain
from shared.tracking import Level, Tracking

URL = "https://t.example"
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140", "x-forwarded-for": "192.0.2.9"}
HTML = (
    '<body><a href="https://shop.example/{{ name }}">Shop</a> '
    '<a href="{{ unsubscribe_url }}">Stop</a></body>'
)


async def may_watch(here: Here, opens: Level, links: Level) -> None:
    await tracking_keys.ensure(here.store, DOMAIN, 0.0)
    await change_domain(here.store, DOMAIN, tracking=Tracking(opens, links))


async def visit(here: Here, mail: bytes, kind: str, method: str = "GET") -> tuple[int, str]:
    """Follow the first URL of this kind in a mail; (status, where it leads)."""
    text = mail.replace(b"=\r\n", b"").replace(b"=3D", b"=").decode()
    path = re.findall(rf"{URL}(/{kind}/[A-Za-z0-9_-]+)", text)[0]
    answer = await here.station.handle(Request(method, path, BROWSER))
    return answer.status, answer.headers.get("location", "")


async def events(here: Here) -> list[Event]:
    found = await here.keys(f"events/{DOMAIN}/")
    return [each for key in found for each in decode_lines((await here.store.get(key)).body)]


def test_a_batch_is_opened_clicked_and_unsubscribed() -> None:
    async def story() -> None:
        async with running_station(track__public_url=URL) as here:
            await may_watch(here, Level.PSEUDONYMOUS, Level.FULL)
            wish = {"one_click_unsubscribe": {}, "html": HTML}
            batch = await here.submit({**BATCH, **wish})
            await here.done(batch)
            mail = here.sink.received[0].message
            assert (await visit(here, mail, "o"))[0] == 200
            assert await visit(here, mail, "c") == (302, "https://shop.example/Ann")
            assert (await visit(here, mail, "u"))[0] == 200
            assert (await visit(here, mail, "u", "POST"))[0] == 200
            opened, clicked, stopped = sorted(await events(here), key=lambda each: each.at)
            assert (opened.kind, opened.delivery, opened.ip) == ("opened", "", "")
            assert (clicked.kind, clicked.ip) == ("clicked", "192.0.2.9")
            assert (stopped.kind, stopped.recipient) == ("unsubscribed", "ann@sink.example")
            assert len(await here.keys(f"domains/{DOMAIN}/suppressions/")) == 1

    run(story)


def test_more_than_the_ceiling_is_refused_for_the_batch_and_for_one_recipient() -> None:
    async def story() -> None:
        async with running_station(track__public_url=URL) as here:
            await may_watch(here, Level.ANONYMOUS, Level.IDENTIFIED)
            above = await here.call("POST", "/v1/batches", {**BATCH, "tracking": {"opens": "full"}})
            assert (above.status, above.problem) == (422, "tracking_above_ceiling")
            people = [
                {"email": "a@sink.example", "fields": {"name": "A"}, "tracking": {"links": "full"}},
                {"email": "b@sink.example", "fields": {"name": "B"}, "tracking": {"links": "off"}},
            ]
            answer = await here.call("POST", "/v1/batches", {**BATCH, "recipients": people})
            (rejected,) = answer.json["rejected_recipients"]
            assert (rejected["email"], rejected["reason"]) == (
                "a@sink.example",
                "tracking_above_ceiling",
            )

    run(story)


def test_what_counts_is_frozen_when_the_batch_is_accepted() -> None:
    async def story() -> None:
        off = {"services__dispatch": "off", "services__send": "off"}
        async with running_station("memory:", track__public_url=URL, **off) as here:
            await may_watch(here, Level.OFF, Level.FULL)
            batch = await here.submit({**BATCH, "html": '<a href="https://a.example">A</a>'})
            await here.idle()
            await change_domain(here.store, DOMAIN, tracking=Tracking())
            content = (await here.store.get(f"batches/{batch}/content.json")).body
            assert b'"links":"full"' in content

    run(story)


def test_without_a_place_to_lead_to_nothing_is_tracked() -> None:
    async def story() -> None:
        async with running_station() as here:
            await may_watch(here, Level.FULL, Level.FULL)
            answer = await here.call("POST", "/v1/batches", BATCH)
            assert (answer.status, answer.problem) == (422, "tracking_not_set_up")

    run(story)
