"""Every page: links that lead somewhere, headers that keep strangers out, and hostile texts."""

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from dashboard_desk import TOKEN, Desk, Page
from dns_server import DnsServer
from station import BATCH, DOMAIN, Here, run, running_station

from functions.admin import assemble
from functions.admin.resources import routes
from shared import keys
from shared.errors import StoreUnavailable
from shared.feedback import CLICKED, Event, encode_lines
from shared.ids import delivery_id
from shared.pauses import pause

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}"
QUIET = '"<script>alert(3)</script>"@sink.example'
"""An address that may really exist."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def refuse(recipient: str, _: int) -> str | None:
    return f"550 5.1.1 no {HOSTILE}" if recipient.startswith("gone") else None


def hostile_batch() -> dict[str, Any]:
    subject = HOSTILE.replace("{{ 7*7 }}", "")
    return {
        **BATCH,
        "sender": {"email": f"news@{DOMAIN}", "alias": "<script>alias</script>"},
        "subject": subject,
        "recipients": [
            {"email": each, "fields": {"name": "Ann"}}
            for each in ("gone@sink.example", "ann@sink.example", QUIET, "<b>no address</b>")
        ],
        "tags": ["<script>tag</script>"],
        "metadata": {"<b>name</b>": "<script>value</script>"},
    }


@asynccontextmanager
async def full_house(folder: str = "") -> Any:
    """A Station where all sorts of things have happened, an operator, and a Batch."""
    names = DnsServer({(DOMAIN, "TXT"): [f'"{HOSTILE.replace(chr(34), "")}"']})
    flags = {
        "admin__tokens": TOKEN,
        "admin__mails": folder,
        "send__nameservers": await names.start(),
    }
    async with running_station(refuse=refuse, **flags) as here:
        desk = Desk(here.store, here.station.front._admin)
        desk.site.door._clock = here.station.front._admin._audit._clock
        batch = await here.submit(hostile_batch())
        await here.done(batch)
        await put_trouble(here, batch)
        await log_in(desk)
        yield here, desk, batch
    names.close()


async def log_in(desk: Desk) -> None:
    form = await desk.fetch("GET", "/dashboard/login")
    csrf = form.html.split('name="csrf" value="')[1].split('"')[0]
    kind = "application/x-www-form-urlencoded"
    body = f"csrf={csrf}&token={TOKEN}&name=%3Cb%3EAnna".encode()
    assert (await desk.fetch("POST", "/dashboard/login", body, content_type=kind)).status == 303


async def put_trouble(here: Here, batch: str) -> None:
    """A failed upload with a hostile name, a hostile pause, an event."""
    await here.store.put(keys.inbox("nobody.example", "<script>x<"), b"{}")
    await here.station.relay.sweep(forgotten_after_s=0)
    await here.idle()
    await pause(here.store, "paused.example", HOSTILE, 1.0)
    content = await here.call("GET", f"/v1/batches/{batch}")
    at = content.json["accepted_at"] + 1
    clicked = Event(
        delivery=delivery_id(batch, 0, 0),
        recipient="gone@sink.example",
        kind=CLICKED,
        at=at,
        url=HOSTILE,
        user_agent=HOSTILE,
    )
    await here.store.put(keys.event(DOMAIN, at, "hostile"), encode_lines([clicked]))


async def crawl(desk: Desk) -> list[Page]:
    """All pages that links lead to, from the overview on."""
    seen: dict[str, Page] = {}
    todo = ["/dashboard"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen[path] = await desk.fetch("GET", path)
        for link in seen[path].links:
            assert link.startswith("/dashboard"), f"{path} leads away, to {link}"
            todo.append(link)
        for each in seen[path].all("iframe"):
            todo.append(each.attributes["src"])
    return list(seen.values())


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Page]:
    """Every page of a full house, each once."""
    found: list[Page] = []
    folder = tmp_path_factory.mktemp("mails")
    mail = (
        f"Delivered-To: {QUIET}\r\nFrom: {HOSTILE}\r\nSubject: {HOSTILE}\r\n"
        f"Content-Type: text/html\r\n\r\n<p>Hello</p><script>alert(4)</script>\r\n"
    )
    (folder / "1.eml").write_bytes(mail.encode())

    async def story() -> None:
        async with full_house(str(folder)) as (_, desk, _):
            found.extend(await crawl(desk))

    run(story)
    return found


def html_pages(pages: list[Page]) -> Iterator[Page]:
    """Our own: not the HTML of a mail."""
    for page in pages:
        if "html" in page.headers["content-type"] and not is_mail(page):
            yield page


def is_mail(page: Page) -> bool:
    return bool(re.fullmatch(r"/dashboard/mails/[^/]+/html", page.path))


def test_every_link_on_every_page_leads_somewhere(pages: list[Page]) -> None:
    assert {page.path: page.status for page in pages if page.status != 200} == {}


def test_every_kind_of_page_was_visited(pages: list[Page]) -> None:
    desk = Desk(admin__mails="/nowhere")
    kinds = {page.path for _, page in desk.site._pages if page.method == "GET"}
    patterns = {
        path: re.compile("/dashboard" + re.sub(r"\{\w+\}", "[^/]+", path)) for path in kinds
    }
    visited = {page.path.partition("?")[0] for page in pages}
    missed = {p for p, pattern in patterns.items() if not any(map(pattern.fullmatch, visited))}
    # The script asks for the first, the search form leads to the second.
    assert missed == {"/domains/{domain}/batches/{batch}/progress", "/find"}


def test_every_page_shuts_strangers_out(pages: list[Page]) -> None:
    for page in html_pages(pages):
        policy = page.headers["content-security-policy"]
        assert policy in (POLICY, f"{POLICY}; frame-src 'self'"), page.path
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-frame-options"] == "DENY"


def test_pages_hold_no_inline_script_and_no_inline_style(pages: list[Page]) -> None:
    for page in html_pages(pages):
        scripts = page.all("script")
        assert len(scripts) == 1, page.path
        assert scripts[0].attributes["src"].startswith("/dashboard/static/"), page.path
        assert not scripts[0].text
        assert not page.all("style"), page.path
        for tag in page.tags:
            inline = {name for name in tag.attributes if name.startswith("on") or name == "style"}
            assert not inline, (page.path, tag)


def test_nothing_is_loaded_from_elsewhere(pages: list[Page]) -> None:
    for page in html_pages(pages):
        for tag in page.tags:
            for name in ("src", "href", "action"):
                place = urlsplit(tag.attributes.get(name, ""))
                assert not place.netloc, (page.path, tag)
                assert not place.scheme, (page.path, tag)


def test_hostile_texts_are_shown_and_stay_texts(pages: list[Page]) -> None:
    hostile = [page for page in html_pages(pages) if "alert(" in page.html]
    assert len(hostile) >= 6, "the hostile texts are to be seen"
    for page in html_pages(pages):
        assert "<script>" not in page.html, page.path
        assert "<b>" not in page.html, page.path
        assert not [each for each in page.all("img") if each.attributes["src"] == "x"], page.path


def test_a_subject_is_not_taken_for_a_template(pages: list[Page]) -> None:
    assert not any("alert(1)</script>&#34;&#39;&amp;49" in page.html for page in pages)


def test_a_mails_html_may_do_nothing_but_look_like_something(pages: list[Page]) -> None:
    (mail,) = filter(is_mail, pages)
    policy = mail.headers["content-security-policy"]
    assert policy.startswith(
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )
    assert "script-src" not in policy
    frames = [each for page in pages for each in page.all("iframe")]
    assert [each.attributes["sandbox"] for each in frames] == [""]


# ---- for whoever sees little, or uses no mouse -------------------------------------------------


def test_every_page_has_its_landmarks_and_a_way_past_the_navigation(pages: list[Page]) -> None:
    for page in html_pages(pages):
        assert page.all("html")[0].attributes["lang"] == "en"
        assert page.all("meta")[1].attributes["name"] == "viewport"
        assert len(page.all("main")) == len(page.all("h1")) == len(page.all("title")) == 1
        first = page.all("a")[0].attributes
        assert first["href"] == "#" + page.all("main")[0].attributes["id"], page.path
        names = [each.attributes["aria-label"] for each in page.all("nav")]
        assert len(set(names)) == len(names), f"{page.path}: {names}"


def test_headings_leave_out_no_level(pages: list[Page]) -> None:
    for page in html_pages(pages):
        levels = [int(tag.name[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag.name)]
        for before, after in itertools.pairwise(levels):
            assert after <= before + 1, f"{page.path}: {levels}"


def test_every_field_has_a_label(pages: list[Page]) -> None:
    for page in html_pages(pages):
        labelled = {each.attributes.get("for") for each in page.all("label")}
        for tag in [*page.all("input"), *page.all("select")]:
            if tag.attributes.get("type") == "hidden":
                continue
            named = tag.attributes.get("id") in labelled or "aria-label" in tag.attributes
            assert named or tag.within("label"), (page.path, tag)


def test_every_link_and_button_says_what_it_does(pages: list[Page]) -> None:
    for page in html_pages(pages):
        for tag in [*page.all("a"), *page.all("button")]:
            assert tag.text.strip() or tag.attributes.get("aria-label"), (page.path, tag)


def test_every_table_has_a_caption_and_named_columns(pages: list[Page]) -> None:
    for page in html_pages(pages):
        captions = [each for each in page.all("caption") if each.text.strip()]
        assert len(captions) == len(page.all("table")), page.path
        for tag in page.all("th"):
            assert tag.attributes.get("scope") in ("col", "row"), (page.path, tag)
            assert tag.text.strip(), (page.path, tag)


def test_every_picture_has_words(pages: list[Page]) -> None:
    for page in html_pages(pages):
        for tag in page.all("svg"):
            named = {"aria-label", "aria-labelledby", "aria-hidden"} & tag.attributes.keys()
            assert named, (page.path, tag)
        ids = [tag.attributes["id"] for tag in page.tags if "id" in tag.attributes]
        assert len(set(ids)) == len(ids), page.path
        for tag in page.tags:
            for name in ("aria-labelledby", "aria-describedby"):
                assert {*tag.attributes.get(name, "").split()} <= {*ids}, (page.path, tag)


# ---- what is there, and what is not ------------------------------------------------------------


def test_a_page_whose_endpoint_is_missing_is_not_linked(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(parts: Any) -> list[Any]:
        return [each for each in routes(parts) if not each.path.startswith("/v1/failed")]

    monkeypatch.setattr(assemble, "routes", few)
    desk = Desk()
    desk.log_in()
    assert "Failed work" not in {link.title for link in desk.site.links}
    assert desk.get("/dashboard/failed").status == 404


def test_without_a_folder_of_mails_there_is_no_such_page() -> None:
    desk = Desk()
    desk.log_in()
    assert "mails" not in {link.section for link in desk.site.links}
    assert desk.get("/dashboard/mails").status == 404


def test_where_no_sender_runs_the_queue_says_so() -> None:
    desk = Desk()
    desk.log_in()
    assert "No sender runs in this process" in desk.get("/dashboard/queue").text


def test_an_empty_installation_needs_nobody() -> None:
    desk = Desk()
    desk.log_in()
    assert "Nothing needs you" in desk.get("/dashboard").text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/dashboard/nothing", 404),
        ("/dashboard/static/../site.py", 404),
        ("/dashboard/static/nothing.css", 404),
        (f"/dashboard/domains/{DOMAIN}/batches/x", 404),
        (f"/dashboard/domains/{DOMAIN}/batches/{'0' * 26}", 404),
        (f"/dashboard/domains/{DOMAIN}/batches/{'0' * 26}/deliveries/{'0' * 26}.0000.0000", 404),
        ("/dashboard/domains/..%2fx", 404),
        ("/dashboard/batches?before=x", 422),
        ("/dashboard/batches?before=%ff", 422),
        ("/dashboard/failed?after=x", 404),
        ("/dashboard/failed/x", 404),
        ("/dashboard/statistics?domain=%3Cb%3E", 422),
        ("/dashboard/statistics?range=x", 200),
        (f"/dashboard/domains/{DOMAIN}/suppressions?reason=x", 422),
        (f"/dashboard/domains/{DOMAIN}/suppressions?address=x", 422),
        ("/dashboard/find?q=nothing", 404),
        ("/dashboard/queue/pause", 405),
        ("/dashboard/", 200),
        ("/dashboard//", 200),
    ],
)
def test_what_cannot_be_shown_is_said_on_a_page(path: str, status: int) -> None:
    desk = Desk()
    desk.log_in()
    page = desk.get(path)
    assert page.status == status
    if "static" not in path:
        assert page.headers["content-security-policy"] == POLICY
        assert page.all("h1")


def test_a_store_that_is_away_is_a_page_and_not_a_crash() -> None:
    desk = Desk()
    desk.log_in()

    async def away(*_: Any) -> Any:
        raise StoreUnavailable("it does not answer")

    desk.store.list_page = away  # type: ignore[method-assign]
    page = desk.get("/dashboard")
    assert page.status == 503
    assert "it does not answer" in page.text


def test_whatever_is_known_of_a_mail_leads_to_its_page() -> None:
    async def story() -> None:
        async with full_house() as (here, desk, batch):
            delivery = delivery_id(batch, 0, 1)
            page = f"/dashboard/domains/{DOMAIN}/batches/{batch}"
            sent = here.sink.received[0]
            bounce_to = sent.return_path.upper()
            own = re.search(rb"Message-ID: (\S+)", sent.message)[1].decode()
            known = sent.return_path.partition("-")[2].rpartition("-")[0]
            for text, place in {
                batch: page,
                batch.upper(): page,
                keys.content(batch): page,
                delivery: f"{page}/deliveries/{delivery}",
                own: f"{page}/deliveries/{known}",
                bounce_to: f"{page}/deliveries/{known}",
                DOMAIN: f"/dashboard/domains/{DOMAIN}",
            }.items():
                answer = await desk.fetch("GET", f"/dashboard/find?q={quote(text)}")
                assert (answer.status, answer.headers.get("location")) == (303, place), text

    run(story)


def test_the_progress_is_told_to_the_script_as_numbers() -> None:
    async def story() -> None:
        async with full_house() as (_, desk, batch):
            path = f"/dashboard/domains/{DOMAIN}/batches/{batch}/progress"
            told = json.loads((await desk.fetch("GET", path)).html)
            assert (told["state"], told["done"], told["uncounted"]) == ("done", True, 0)
            assert told["counts"]["delivered"] == 2
            assert told["counts"]["bounced"] == 1
            assert told["shares"]["delivered"][0] == 0

    run(story)


def test_a_delivery_is_told_in_plain_words() -> None:
    async def story() -> None:
        async with full_house() as (here, desk, batch):
            deliveries = {each["recipient"]: each for each in await here.deliveries(batch)}
            place = f"/dashboard/domains/{DOMAIN}/batches/{batch}/deliveries/"
            page = await desk.fetch("GET", place + deliveries["gone@sink.example"]["delivery"])
            said = "The server of sink.example does not know this mailbox (550 5.1.1)."
            assert said in page.text
            page = await desk.fetch("GET", place + deliveries["ann@sink.example"]["delivery"])
            assert "The server of sink.example took it (250 2.0.0)." in page.text

    run(story)
