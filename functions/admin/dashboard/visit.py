"""One request of who is logged in, as a page sees it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from functions.admin.dashboard import headers
from functions.admin.dashboard.api import Api
from functions.admin.dashboard.renderer import Renderer
from functions.admin.dashboard.session import Session
from functions.admin.parts import Parts
from shared.http import Problem, Request, Response

Form = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the navigation."""

    path: str
    title: str
    section: str


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page is made from."""

    request: Request
    parameters: Mapping[str, str]
    """Of the path."""
    session: Session
    parts: Parts
    api: Api
    renderer: Renderer
    links: Sequence[Link]
    form: Form = field(default_factory=dict)

    @property
    def now(self) -> float:
        return self.parts.clock()

    def field(self, name: str) -> str:
        """The first value of a form's field, or empty."""
        return next(iter(self.form.get(name, ())), "")

    def query(self, name: str) -> str:
        return self.request.parameter(name)

    def has(self, method: str, path: str) -> bool:
        """Whether the operator API has this endpoint."""
        return self.api.has(method, path)

    def page(self, template: str, section: str, status: int = 200, **values: Any) -> Response:
        """A page; `section` is marked in the navigation."""
        return self._answer(template, section, status, headers.PAGE, values)

    def framing_page(self, template: str, section: str, **values: Any) -> Response:
        """A page with a mail's HTML in a frame."""
        return self._answer(template, section, 200, headers.FRAMING_PAGE, values)

    def _answer(
        self,
        template: str,
        section: str,
        status: int,
        said: Mapping[str, str],
        values: Mapping[str, Any],
    ) -> Response:
        common = {
            "now": self.now,
            "links": self.links,
            "section": section,
            "session": self.session,
            "notice": notice(self.request),
        }
        body = self.renderer.render(template, {**common, **values})
        return Response(status, body, said)


Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """`GET` or `POST` at a path below `/dashboard`, as in `Route`."""

    method: str
    path: str
    handler: Handler
    needs: str = ""
    """The path of the endpoint without which this page is not there."""


NOTICES = {
    "replayed": "{n} put back in front of its stage.",
    "discarded": "{n} thrown away.",
    "gone": "{n} put back or thrown away; some were gone already.",
    "partly": "{n} put back or thrown away. The others could not be: try one alone to see why.",
    "paused": "Paused. Senders obey within seconds.",
    "resumed": "Resumed. What was held back comes within five minutes.",
    "suppressed": "The address is suppressed.",
    "unsuppressed": "The address may be written to again.",
    "added": "Added.",
}
"""What was done, after a form was sent: a word in the URL, so that no text of others is shown."""


def notice(request: Request) -> str:
    text = NOTICES.get(request.parameter("said"), "")
    number = request.parameter("n")
    return text.format(n=number if number.isascii() and number.isdigit() else "It was")


def see_other(path: str, said: str = "", **query: str) -> Response:
    """After a form: the page that shows what came of it (RFC 9110 §15.4.4)."""
    query = {name: value for name, value in {"said": said, **query}.items() if value}
    location = quote(path, safe="/@") + ("?" + urlencode(query) if query else "")
    return Response(303, b"", {**headers.PAGE, "location": location})


def not_there(what: str) -> Problem:
    return Problem(404, "not_found", f"{what} is not there")
