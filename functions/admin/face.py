"""The HTTP face of admin: each call is authenticated, authorised, put on record, then done."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote

from functions.admin.audit import Audit
from functions.admin.principal import OPERATOR, Principal, principal_of
from functions.admin.problems import problem_of
from functions.admin.route import ADDRESS, Call, Route
from shared.domains import Directory
from shared.http import Problem, Request, Response, as_json
from shared.key_form import is_possible

if TYPE_CHECKING:
    from functions.admin.dashboard.site import Site

DOCUMENT_PATH = "/v1/openapi.json"
DASHBOARD_PATH = "/dashboard"
MOST_BODY_BYTES = 8 * 1024 * 1024


class AdminFace:
    """Answers for a list of routes."""

    def __init__(
        self,
        routes: Sequence[Route],
        directory: Directory,
        audit: Audit,
        admin_tokens: Sequence[str] = (),
        dashboard: "Callable[[AdminFace], Site] | None" = None,
    ) -> None:
        """`dashboard` makes the pages when the first one is asked for."""
        self.routes = tuple(routes)
        self._directory = directory
        self._audit = audit
        self._admin_tokens = admin_tokens
        self._dashboard = dashboard

    async def handle(self, request: Request) -> Response:
        """Every request gets an answer; what is wrong with it is a problem document."""
        path = request.path
        if self._dashboard and (path + "/").startswith(DASHBOARD_PATH + "/"):
            return await self._site.handle(request)
        try:
            return await self._answer(request)
        except Exception as error:  # noqa: BLE001 - each has its answer
            return problem_of(error, request).response()

    async def operate(self, request: Request, operator: Principal, *, on_record: bool) -> Response:
        """The same for an operator who was let in elsewhere, by the dashboard. Raises what the
        endpoint raises."""
        route, parameters = self._route(request, unquote)
        if on_record:
            await self._audit.decided(request, operator)
        return await route.handler(Call(request, operator, parameters, route.read(request.body)))

    @cached_property
    def _site(self) -> "Site":
        assert self._dashboard
        return self._dashboard(self)

    async def _answer(self, request: Request) -> Response:
        if request.path == DOCUMENT_PATH:
            from functions.admin.openapi import document

            return as_json(200, document(self.routes))
        route, parameters = self._route(request)
        _check_place(request)
        principal = await self._admitted(request, route, parameters.get("domain", ""))
        return await route.handler(Call(request, principal, parameters, route.read(request.body)))

    def _route(
        self, request: Request, read: Callable[[str], str] = str
    ) -> tuple[Route, dict[str, str]]:
        """`read` decodes what no server has decoded yet. Raises `Problem` 404, 405."""
        path = request.path.rstrip("/")
        found = [(each, match) for each in self.routes if (match := each.pattern.fullmatch(path))]
        if not found:
            detail = f"nothing answers at {request.path}; see {DOCUMENT_PATH}"
            raise Problem(404, "unknown_path", detail)
        for route, match in found:
            if route.method == request.method:
                named = {name: read(value) for name, value in match.groupdict().items()}
                return route, _checked(named)
        allowed = ", ".join(sorted(route.method for route, _ in found))
        raise Problem(405, "method_not_allowed", f"{path} answers {allowed}", allow=allowed)

    async def _admitted(self, request: Request, route: Route, domain: str) -> Principal:
        """Who calls, and may. Raises `Problem` 401, 403, 404."""
        try:
            principal = await principal_of(request, self._directory, self._admin_tokens)
        except Problem as problem:
            await self._audit.decided(request, None, problem.kind)
            raise
        refusal = _refusal(principal, route, domain)
        await self._audit.decided(request, principal, refusal.kind if refusal else "")
        if refusal:
            raise refusal
        return principal


def _refusal(principal: Principal, route: Route, domain: str) -> Problem | None:
    if principal.may(route.scope, domain):
        return None
    if domain not in ("", principal.domain):
        # As if it were not there: nobody learns who else has a Domain here.
        return Problem(404, "not_found", f"no Domain is called {domain!r}")
    if route.scope == OPERATOR:
        return Problem(403, "forbidden", "this needs an admin token (X-Ekiden-Admin-Token)")
    return Problem(403, "forbidden", f"this needs an API key with the scope {route.scope!r}")


def _checked(parameters: dict[str, str]) -> dict[str, str]:
    """A parameter becomes part of a key in the store; of an address, its digest does. Raises
    `Problem` 404."""
    for name, value in parameters.items():
        is_part = name == ADDRESS or ("/" not in value and is_possible(value))
        if not is_part or len(value) > 500:
            raise Problem(404, "not_found", f"{value[:50]!r} is no {name}")
    return parameters


def _check_place(request: Request) -> None:
    """Where a list goes on becomes part of a key, too. Raises `Problem` 422."""
    after = request.parameter("after")
    if after and not is_possible(after):
        raise Problem(422, "invalid_parameter", f"after: {after[:50]!r} was no page's `next`")
