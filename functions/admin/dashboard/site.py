"""Every request to `/dashboard`: static files, the door, the pages; what goes wrong is a page."""

import re
from collections.abc import Sequence

from functions.admin.audit import Audit
from functions.admin.dashboard import headers
from functions.admin.dashboard.api import Api
from functions.admin.dashboard.door import HOME, LOGIN, Door, checked_form
from functions.admin.dashboard.pages import LINKS, pages
from functions.admin.dashboard.renderer import STATIC_TYPES, Renderer
from functions.admin.dashboard.session import Session
from functions.admin.dashboard.visit import Form, Link, Page, Visit
from functions.admin.face import AdminFace
from functions.admin.parts import Parts
from functions.admin.principal import Principal
from functions.admin.problems import problem_of
from shared.http import Problem, Request, Response

_STATIC = f"{HOME}/static/"
_LOGOUT = f"{HOME}/logout"
_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_Routes = Sequence[tuple[re.Pattern[str], Page]]


class Site:
    """The dashboard of one installation."""

    def __init__(self, parts: Parts, face: AdminFace, audit: Audit) -> None:
        self._parts = parts
        self._face = face
        self._audit = audit
        self._renderer = Renderer()
        tokens = parts.config.admin.tokens
        self.door = Door(tokens, parts.clock, self._renderer, audit)
        there = {route.path for route in face.routes}
        self._pages: _Routes = [
            (re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", HOME + page.path)), page)
            for page in pages(parts)
            if page.needs in ("", *there)
        ]
        paths = {page.path for _, page in self._pages if page.method == "GET"}
        self.links: list[Link] = [
            Link(HOME + path, title, section) for path, title, section in LINKS if path in paths
        ]

    async def handle(self, request: Request) -> Response:
        """Every request gets a page."""
        session = self.door.session(request)
        try:
            response = await self._answer(request, session)
        except Exception as error:  # noqa: BLE001 - each has its page
            response = self._problem(problem_of(error, request), request, session)
        return response

    async def _answer(self, request: Request, session: Session | None) -> Response:
        path = request.path.rstrip("/") or HOME
        if path.startswith(_STATIC):
            return self._static(path.removeprefix(_STATIC))
        if path == LOGIN:
            return await self._login(request)
        if session is None:
            return self._stranger(request)
        who = Principal(attribution=session.name)
        page, parameters = self._page(request, path)
        form = await self._admitted(request, session, who)
        if page is None:
            return self.door.leave(request)
        api = Api(self._face, who)
        return await page.handler(
            Visit(request, parameters, session, self._parts, api, self._renderer, self.links, form)
        )

    async def _admitted(self, request: Request, session: Session, who: Principal) -> Form:
        """What a form has sent. On record. Raises `Problem`."""
        try:
            form = checked_form(request, session) if request.method == "POST" else {}
        except Problem as problem:
            await self._audit.decided(request, who, problem.kind)
            raise
        await self._audit.decided(request, who)
        return form

    def _page(self, request: Request, path: str) -> tuple[Page | None, dict[str, str]]:
        """None: to log out. Raises `Problem` 404, 405."""
        method = "GET" if request.method == "HEAD" else request.method
        if path == _LOGOUT and method == "POST":
            return None, {}
        found = [(page, match) for each, page in self._pages if (match := each.fullmatch(path))]
        for page, match in found:
            if page.method == method:
                return page, match.groupdict()
        if not found:
            raise Problem(404, "unknown_path", "There is no such page.")
        allowed = ", ".join(sorted(page.method for page, _ in found))
        raise Problem(405, "method_not_allowed", f"This page answers {allowed}.", allow=allowed)

    async def _login(self, request: Request) -> Response:
        if request.method == "POST":
            return await self.door.enter(request)
        return self.door.ask(request)

    def _stranger(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise Problem(401, "unauthenticated", "Your session is over. Log in again.")
        if request.headers.get("sec-fetch-site") == "cross-site":
            # A link in a chat: the browser sends the cookie only when we ask it to come again.
            body = self._renderer.render("again.html", {})
            return Response(200, body, headers.PAGE)
        return self.door.show(request)

    def _static(self, name: str) -> Response:
        if name not in STATIC_TYPES:
            raise Problem(404, "unknown_path", "There is no such file.")
        said = {**headers.STATIC, "content-type": STATIC_TYPES[name]}
        return Response(200, self._renderer.static[name], said)

    def _problem(self, problem: Problem, request: Request, session: Session | None) -> Response:
        values = {
            "problem": problem,
            "session": session,
            "links": self.links if session else [],
            "section": "",
            "notice": "",
            "now": self._parts.clock(),
        }
        body = self._renderer.render("problem.html", values)
        allow = {"allow": str(problem.more["allow"])} if problem.status == 405 else {}
        return Response(problem.status, body, {**headers.PAGE, **allow})
