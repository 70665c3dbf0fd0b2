"""Logging in and out: who is let in, for how long, and what a stranger learns."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import pytest
from dashboard_desk import FORM, NOW, TOKEN, Desk

from functions.admin.dashboard import session
from functions.admin.dashboard.session import LIFETIME_S
from functions.admin.dashboard.slowing import MOST_WAITING, WINDOW_S, Slowing

HOME = "/dashboard"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def forget(desk: Desk) -> None:
    desk.cookies.clear()


def is_in(desk: Desk) -> bool:
    return desk.get(HOME).status == 200


def test_every_page_leads_a_stranger_to_the_login(desk: Desk) -> None:
    for _, page in desk.site._pages:
        if page.method == "GET":
            asked = f"{HOME}{page.path}".replace("{", "").replace("}", "")
            answer = desk.get(asked)
            assert answer.status == 303
            assert urlsplit(answer.headers["location"]).path == "/dashboard/login", asked
            assert not answer.html


def test_a_stranger_can_send_no_form(desk: Desk) -> None:
    before = desk.everything()
    for _, page in desk.site._pages:
        if page.method == "POST":
            path = f"{HOME}{page.path}".replace("{", "").replace("}", "")
            assert desk.post(path, {"name": "x", "csrf": "y"}).status == 401
    assert desk.everything() == before


def test_the_right_token_opens_and_leads_to_the_overview(desk: Desk) -> None:
    answer = desk.log_in("Anna")
    assert (answer.status, answer.headers["location"]) == (303, HOME)
    assert "Anna" in desk.get(HOME).html


def test_after_the_login_comes_the_page_that_was_asked_for(desk: Desk) -> None:
    asked = desk.get("/dashboard/failed?stage=send").headers["location"]
    back = parse_qs(urlsplit(asked).query)["back"][0]
    assert desk.log_in(back=back).headers["location"] == "/dashboard/failed?stage=send"


@pytest.mark.parametrize(
    "back",
    [
        *("https://evil.example/", "//evil.example", "/dashboardevil", "/", "\\\\evil.example"),
        *(
            "/dashboard\r\nset-cookie: a=b",
            "/dashboard/\\evil",
            "javascript:alert(1)",
            "/dashboard/é",
        ),
    ],
)
def test_no_login_leads_elsewhere(desk: Desk, back: str) -> None:
    assert desk.log_in(back=back).headers["location"] == HOME


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper(), TOKEN + "x", "\udc80", "ключ"])
def test_a_wrong_token_opens_nothing_and_waits(desk: Desk, token: str) -> None:
    answer = desk.log_in(token=token.encode("utf-8", "replace").decode())
    assert answer.status == 401
    assert "no admin token" in answer.html
    assert desk.paused_s == [0.5]
    assert not is_in(desk)


def test_wrong_tokens_wait_longer_and_longer_and_a_right_one_never(desk: Desk) -> None:
    for _ in range(6):
        desk.log_in(token="wrong")
    assert desk.paused_s == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0]
    assert desk.log_in().status == 303
    assert len(desk.paused_s) == 6


def test_wrong_tokens_are_forgotten_after_a_while() -> None:
    slowing = Slowing()
    assert [slowing.wrong(now) for now in (0.0, 1.0, WINDOW_S + 2)] == [0.5, 1.0, 0.5]


def test_too_many_wrong_ones_at_once_are_sent_away_and_lock_no_operator_out(desk: Desk) -> None:
    gate, all_wait = asyncio.Event(), asyncio.Event()

    async def pause(_: float) -> None:
        if desk.site.door._slowing.waiting == MOST_WAITING:
            all_wait.set()
        await gate.wait()

    async def story() -> tuple[int, int, list[int]]:
        desk.site.door._pause = pause
        form = await desk.fetch("GET", "/dashboard/login")
        csrf = form.html.split('name="csrf" value="')[1].split('"')[0]
        body = f"csrf={csrf}&token=wrong".encode()
        waiting = [
            asyncio.create_task(desk.fetch("POST", "/dashboard/login", body, content_type=FORM))
            for _ in range(MOST_WAITING)
        ]
        await all_wait.wait()
        late = await desk.fetch("POST", "/dashboard/login", body, content_type=FORM)
        right = body.replace(b"wrong", TOKEN.encode())
        operator = await desk.fetch("POST", "/dashboard/login", right, content_type=FORM)
        gate.set()
        return late.status, operator.status, [(await each).status for each in waiting]

    assert asyncio.run(story()) == (429, 303, [401] * MOST_WAITING)


def test_the_cookie_is_for_this_site_alone_and_no_script_reads_it(desk: Desk) -> None:
    said = desk.log_in().headers["set-cookie"]
    assert said.endswith(f"Max-Age={LIFETIME_S}; Path=/dashboard; HttpOnly; SameSite=Strict")


def test_behind_https_the_cookie_never_travels_without(desk: Desk) -> None:
    form = desk.get("/dashboard/login", x_forwarded_proto="https")
    assert form.headers["set-cookie"].endswith("; Secure")


def test_no_page_and_no_cookie_holds_the_token(desk: Desk) -> None:
    said = desk.log_in("Anna")
    for page in (said, desk.get(HOME), desk.get("/dashboard/login")):
        assert TOKEN not in page.html + str(page.headers)


def test_a_session_ends_after_a_shift(desk: Desk) -> None:
    desk.log_in()
    desk.now = NOW + LIFETIME_S - 1
    assert is_in(desk)
    desk.now = NOW + LIFETIME_S
    assert not is_in(desk)


def test_a_token_that_is_taken_away_ends_its_sessions(desk: Desk) -> None:
    desk.log_in()
    desk.restarted(admin__tokens=f"another-token,{TOKEN}")
    assert is_in(desk)
    desk.restarted(admin__tokens="another-token")
    assert not is_in(desk)


def test_whoever_logs_out_is_out(desk: Desk) -> None:
    desk.log_in()
    answer = desk.send("/dashboard/logout")
    assert (answer.status, answer.headers["location"]) == (303, "/dashboard/login")
    assert not is_in(desk)


def forgeries() -> list[str]:
    real = session.begin(TOKEN, "Anna", bytes(16), NOW).cookie
    expires_at, session_id, name, mac = real.split(".")
    foreign = session.begin("another-token", "Anna", bytes(16), NOW).cookie
    return [
        *("", ".", "...", "a.b.c.d", real[:-1], real + "x", real.upper(), "é" * 10, "." * 2000),
        f"{int(expires_at) + 1}.{session_id}.{name}.{mac}",
        f"{expires_at}.{'0' * 31}1.{name}.{mac}",
        f"{expires_at}.{session_id}.Qm9i.{mac}",
        f"{expires_at}.{session_id}.{name}.",
        f"{expires_at}.{session_id}.{name}",
        foreign,
    ]


@pytest.mark.parametrize("cookie", forgeries())
def test_a_forged_or_damaged_cookie_is_none(desk: Desk, cookie: str) -> None:
    desk.cookies["ekiden_session"] = cookie
    assert desk.get(HOME).status == 303


def test_without_a_configured_token_nobody_is_let_in() -> None:
    desk = Desk(admin__tokens="")
    page = desk.get("/dashboard/login")
    assert "EKIDEN_ADMIN_TOKENS" in page.html
    assert not page.all("input")
    desk.post("/dashboard/login", {"token": "", "csrf": ""})
    assert not is_in(desk)


def test_the_login_form_is_one_of_ours(desk: Desk) -> None:
    """Nobody is logged in as somebody else by a page of a third."""
    assert desk.post("/dashboard/login", {"token": TOKEN}).status == 403
    form = desk.get("/dashboard/login")
    assert desk.post("/dashboard/login", {"token": TOKEN, "csrf": "x"}).status == 403
    csrf = form.html.split('name="csrf" value="')[1].split('"')[0]
    desk.cookies["ekiden_login"] = "0" * 32
    assert desk.post("/dashboard/login", {"token": TOKEN, "csrf": csrf}).status == 403


def test_a_login_from_another_site_is_refused(desk: Desk) -> None:
    form = desk.get("/dashboard/login")
    fields = {"token": TOKEN, "csrf": form.html.split('name="csrf" value="')[1].split('"')[0]}
    assert desk.post("/dashboard/login", fields, sec_fetch_site="cross-site").status == 403


def test_a_link_from_another_site_comes_again_with_the_cookie(desk: Desk) -> None:
    """A browser leaves a strict cookie out on the first way, and brings it on the second."""
    page = desk.get("/dashboard/failed", sec_fetch_site="cross-site")
    assert page.status == 200
    assert '<meta http-equiv="refresh" content="0">' in page.html


def test_a_name_is_text_and_not_too_long(desk: Desk) -> None:
    desk.log_in("<b>Anna</b>\r\n\x1b" + "x" * 500)
    page = desk.get(HOME)
    assert "&lt;b&gt;Anna&lt;/b&gt;" in page.html
    assert "x" * 200 not in page.html


def test_who_came_in_and_who_did_not_is_on_record() -> None:
    desk = Desk(audit__enabled="on")
    desk.log_in("Anna", token="wrong")
    desk.log_in("Anna")
    records = [desk.do(desk.store.get(key)).body.decode() for key in desk.keys("audit/")]
    logins = [each for each in records if "/dashboard/login" in each]
    assert len(logins) == 2
    assert any('"allowed":false,"why":"unauthenticated"' in each for each in logins)
    assert any('"attribution":"Anna"' in each and '"allowed":true' in each for each in logins)
