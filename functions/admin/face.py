"""The HTTP face of admin: each call is authenticated, authorised, put on record, then done."""

import logging
from collections.abc import Sequence
from urllib.parse import unquote

from functions.admin.audit import Audit
from functions.admin.principal import OPERATOR, Principal, principal_of
from functions.admin.route import Call, Route
from shared.domains import Directory
from shared.errors import LostRace, Malformed, NotFound, Temporary
from shared.http import Problem, Request, Response, as_json

log = logging.getLogger("ekiden.admin")

DOCUMENT_PATH = "/v1/openapi.json"
MOST_BODY_BYTES = 8 * 1024 * 1024


class AdminFace:
    """Answers for a list of routes."""

    def __init__(
        self,
        routes: Sequence[Route],
        directory: Directory,
        audit: Audit,
        admin_tokens: Sequence[str] = (),
    ) -> None:
        self.routes = tuple(routes)
        self._directory = directory
        self._audit = audit
        self._admin_tokens = admin_tokens

    async def handle(self, request: Request) -> Response:
        """Every request gets an answer; what is wrong with it is a problem document."""
        try:
            return await self._answer(request)
        except Problem as problem:
            return problem.response()
        except NotFound as error:
            return Problem(404, "not_found", str(error)).response()
        except LostRace as error:
            return Problem(409, "in_progress", f"try again: {error}").response()
        except Malformed as error:
            return Problem(422, "refused", str(error)).response()
        except Temporary as error:
            return Problem(503, "unavailable", f"try again: {error}").response()
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            detail = "the fault is Ekiden's, not the call's; its log says more"
            return Problem(500, "internal_error", detail).response()

    async def _answer(self, request: Request) -> Response:
        if request.path == DOCUMENT_PATH:
            from functions.admin.openapi import document

            return as_json(200, document(self.routes))
        route, parameters = self._route(request)
        principal = await self._admitted(request, route, parameters.get("domain", ""))
        return await route.handler(Call(request, principal, parameters, route.read(request.body)))

    def _route(self, request: Request) -> tuple[Route, dict[str, str]]:
        """Raises `Problem` 404, 405."""
        path = request.path.rstrip("/")
        found = [(each, match) for each in self.routes if (match := each.pattern.fullmatch(path))]
        if not found:
            detail = f"nothing answers at {request.path}; see {DOCUMENT_PATH}"
            raise Problem(404, "unknown_path", detail)
        for route, match in found:
            if route.method == request.method:
                named = {name: unquote(value) for name, value in match.groupdict().items()}
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
    """A parameter becomes part of a key in the store. Raises `Problem` 404."""
    for name, value in parameters.items():
        if value in ("", ".", "..") or "/" in value or "\x00" in value or len(value) > 500:
            raise Problem(404, "not_found", f"{value[:50]!r} is no {name}")
    return parameters
