"""Logging in and out, and what each form has to carry."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from functions.admin.audit import Audit
from functions.admin.dashboard import headers, session
from functions.admin.dashboard.renderer import Renderer
from functions.admin.dashboard.session import Session
from functions.admin.dashboard.slowing import Slowing
from functions.admin.dashboard.visit import Form
from functions.admin.principal import Principal, is_admin_token
from shared.http import Problem, Request, Response
from shared.stage import Clock

HOME = "/dashboard"
LOGIN = "/dashboard/login"
_SESSION, _LOGIN = "ekiden_session", "ekiden_login"
_MOST_FIELDS = 5000


class Door:
    """Lets operators in. `pause` is how a wrong login waits."""

    def __init__(
        self,
        admin_tokens: Sequence[str],
        clock: Clock,
        renderer: Renderer,
        audit: Audit,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._tokens = [token for token in admin_tokens if token]
        self._clock = clock
        self._renderer = renderer
        self._audit = audit
        self._pause = pause
        self._slowing = Slowing()

    def session(self, request: Request) -> Session | None:
        """Who is logged in."""
        return session.read(_cookies(request).get(_SESSION, ""), self._tokens, self._clock())

    def ask(self, request: Request, wrong: str = "", status: int = 200) -> Response:
        """The login page."""
        nonce = _cookies(request).get(_LOGIN, "")
        if not _is_nonce(nonce):
            nonce = secrets.token_hex(session.ID_BYTES)
        values = {
            "is_open": bool(self._tokens),
            "csrf": session.login_token(self._tokens[0], nonce) if self._tokens else "",
            "wrong": wrong,
            "back": _safe(request.parameter("back")),
        }
        body = self._renderer.render("login.html", values)
        cookie = _set_cookie(_LOGIN, nonce, session.LIFETIME_S, request)
        return Response(status, body, {**headers.PAGE, "set-cookie": cookie})

    def show(self, request: Request) -> Response:
        """To the login page, and then back to what was asked for."""
        asked = quote(request.path, safe="/@") + (f"?{request.query}" if request.query else "")
        place = f"{LOGIN}?{urlencode({'back': asked})}" if asked != HOME else LOGIN
        return Response(303, b"", {**headers.PAGE, "location": place})

    async def enter(self, request: Request) -> Response:
        """What the login form has sent. Raises `Problem`."""
        _from_here(request)
        form = form_of(request)
        nonce = _cookies(request).get(_LOGIN, "")
        own = [t for t in self._tokens if session.is_login_token(_of(form, "csrf"), t, nonce)]
        if not own:
            return self.ask(request, "The form was too old. Please try again.", 403)
        shown = _of(form, "token").strip()
        found = [token for token in self._tokens if is_admin_token(shown, [token])]
        if not found and self._slowing.is_full:
            raise Problem(429, "slow_down", "too many wrong logins at once: try again in a moment")
        if not found:
            await self._audit.decided(request, None, "unauthenticated")
            await self._wait()
            return self.ask(request, "This is no admin token of this installation.", 401)
        made = session.begin(
            found[0], _of(form, "name"), secrets.token_bytes(session.ID_BYTES), self._clock()
        )
        await self._audit.decided(request, Principal(attribution=made.name))
        cookie = _set_cookie(_SESSION, made.cookie, session.LIFETIME_S, request)
        place = {"location": _safe(_of(form, "back")), "set-cookie": cookie}
        return Response(303, b"", {**headers.PAGE, **place})

    def leave(self, request: Request) -> Response:
        """The browser forgets the session."""
        cookie = _set_cookie(_SESSION, "", 0, request)
        return Response(303, b"", {**headers.PAGE, "location": LOGIN, "set-cookie": cookie})

    async def _wait(self) -> None:
        self._slowing.waiting += 1
        try:
            await self._pause(self._slowing.wrong(self._clock()))
        finally:
            self._slowing.waiting -= 1


def checked_form(request: Request, of: Session) -> Form:
    """What a form of this session has sent. Raises `Problem` 403."""
    _from_here(request)
    form = form_of(request)
    if not of.is_form_token(_of(form, "csrf")):
        raise Problem(403, "forbidden", "the form is not one of this session: load the page again")
    return form


def form_of(request: Request) -> Form:
    """Raises `Problem` 400, 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415, "invalid_request", "a form is sent as application/x-www-form-urlencoded")
    try:
        return parse_qs(
            request.body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise Problem(400, "invalid_request", "the form cannot be read") from error


def _from_here(request: Request) -> None:
    """Browsers say where a form comes from. Raises `Problem` 403."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin", "")
    foreign = origin and urlsplit(origin).netloc != request.headers.get("host", "")
    if site not in ("same-origin", "none") or (foreign and "sec-fetch-site" not in request.headers):
        raise Problem(403, "forbidden", "the form comes from another site")


def _of(form: Form, name: str) -> str:
    return next(iter(form.get(name, ())), "")


def _safe(path: str) -> str:
    """A page of the dashboard, whatever was asked for: no login leads elsewhere."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and (path == HOME or path.startswith((f"{HOME}/", f"{HOME}?"))) else HOME


def _cookies(request: Request) -> dict[str, str]:
    pairs = (each.strip().partition("=") for each in request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs}


def _is_nonce(text: str) -> bool:
    return len(text) == 2 * session.ID_BYTES and not set(text) - set("0123456789abcdef")


def _set_cookie(name: str, value: str, lifetime_s: int, request: Request) -> str:
    """RFC 6265bis §4.1. Behind https it must never travel without."""
    secure = request.headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https"
    flags = "; Path=/dashboard; HttpOnly; SameSite=Strict" + ("; Secure" if secure else "")
    return f"{name}={value}; Max-Age={lifetime_s}{flags}"
