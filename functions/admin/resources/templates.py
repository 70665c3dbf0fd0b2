"""Templates of a Domain: written, read, restored, tried out (K2, P14).

Who reads needs the scope `read`, who changes `admin`: a key that only sends sits in an app, and who
steals it shall not write what all the other mails of the Domain say. (A mail of its own such a key
can send anyway: `POST /v1/batches` takes subject, html and text.)
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from functions.admin import etags
from functions.admin.parts import Parts
from functions.admin.route import PAGE, Call, Route
from functions.admin.templates.apart import build_apart
from functions.admin.templates.build import Bounds, TemplateWish, needed, wish_of
from functions.admin.templates.fault import Fault
from functions.admin.templates.preview import Preview, PreviewWish, Unrendered, preview
from shared import template_versions
from shared.domains import ADMIN, READ, TEMPLATE_ID, Template
from shared.errors import NotFound
from shared.http import Problem, Response, as_json
from shared.provision import put_template, read_domain
from shared.template_versions import MOST_VERSIONS

_MAX_LISTED = 200

A = TypeVar("A")
B = TypeVar("B")
R = TypeVar("R")


class TemplateShown(msgspec.Struct, frozen=True, kw_only=True):
    """A Template: what it was made from, and what Batches take."""

    id: str
    version: int
    updated_at: float
    updated_by: str
    subject: str
    html: str
    """What is sent: compiled, with inlined CSS."""
    text: str
    source: TemplateWish
    """As its author wrote it: may be put again."""
    needs: list[str]
    """The fields without which it cannot be rendered."""


class TemplateListed(msgspec.Struct, frozen=True, kw_only=True):
    """A Template without its texts."""

    id: str
    version: int
    subject: str
    updated_at: float
    updated_by: str


class TemplatePage(msgspec.Struct, frozen=True):
    """Templates by id."""

    templates: list[TemplateListed]
    next: str = ""
    """Empty: there is no more."""


class TemplateVersionPage(msgspec.Struct, frozen=True):
    """Versions of one Template, the first one first; the last one is the present one."""

    versions: list[TemplateListed]
    next: str = ""
    """Empty: there is no more."""


class Templates:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        dispatch = parts.config.dispatch
        self._bounds = Bounds(
            parts.config.submit.max_message,
            dispatch.template_max_steps,
            dispatch.template_max_output,
        )

    async def list(self, call: Call) -> Response:
        limit = call.number("limit", 100, _MAX_LISTED)
        await read_domain(self._store, call.domain)
        after = call.request.parameter("after")
        found, more = await template_versions.listed(self._store, call.domain, after, limit)
        return as_json(200, TemplatePage([_listed(each) for each in found], more or ""))

    async def get(self, call: Call) -> Response:
        return await self._answer(*await self._present(call))

    async def put(self, call: Call) -> Response:
        template_id = _id(call)
        await read_domain(self._store, call.domain)
        etag = await self._etag_for_change(call, template_id)
        made = await self._in_thread(build_apart, template_id, call.body)
        signed = msgspec.structs.replace(
            made, updated_at=self._parts.clock(), updated_by=_who(call)
        )
        return await self._answer(*await put_template(self._store, call.domain, signed, etag))

    async def remove(self, call: Call) -> Response:
        template, etag = await self._present(call)
        mark = Template(id=template.id, updated_at=self._parts.clock(), updated_by=_who(call))
        wanted = etags.wanted(call.request, etag)
        await template_versions.remove(self._store, call.domain, mark, wanted)
        return Response(204)

    async def preview(self, call: Call) -> Response:
        wish: PreviewWish = call.body
        template, _ = await self._present(call)
        return as_json(200, await self._in_thread(preview, template, wish.fields))

    async def versions(self, call: Call) -> Response:
        limit = call.number("limit", 100, _MAX_LISTED)
        after = call.number("after", 1, MOST_VERSIONS) if call.request.parameter("after") else 0
        found = await template_versions.versions(self._store, call.domain, _id(call), after, limit)
        more = str(found[-1].version) if len(found) == limit else ""
        return as_json(200, TemplateVersionPage([_listed(each) for each in found], more))

    async def version(self, call: Call) -> Response:
        return as_json(200, await self._shown(await self._of_number(call)))

    async def restore(self, call: Call) -> Response:
        old = await self._of_number(call)
        etag = await self._etag_for_change(call, old.id)
        again = msgspec.structs.replace(old, updated_at=self._parts.clock(), updated_by=_who(call))
        return await self._answer(*await put_template(self._store, call.domain, again, etag))

    async def _present(self, call: Call) -> tuple[Template, str]:
        return await template_versions.present(self._store, call.domain, _id(call))

    async def _of_number(self, call: Call) -> Template:
        number = call.parameters["number"]
        if not number.isascii() or not number.isdigit() or len(number) > 6:
            raise Problem(404, "not_found", f"{number[:50]!r} is no version's number")
        return await template_versions.version(self._store, call.domain, _id(call), int(number))

    async def _etag_for_change(self, call: Call, template_id: str) -> str | None:
        try:
            etag = (await template_versions.present(self._store, call.domain, template_id))[1]
        except NotFound:
            etag = ""
        return etags.wanted(call.request, etag)

    async def _in_thread(self, work: Callable[[A, B, Bounds], R], first: A, second: B) -> R:
        """It takes up to seconds, and others call meanwhile. Raises `Problem`."""
        with _as_problem():
            return await asyncio.to_thread(work, first, second, self._bounds)

    async def _answer(self, template: Template, etag: str) -> Response:
        return as_json(200, await self._shown(template), etag=etags.shown(etag))

    async def _shown(self, template: Template) -> TemplateShown:
        return TemplateShown(
            id=template.id,
            version=template.version,
            updated_at=template.updated_at,
            updated_by=template.updated_by,
            subject=template.subject,
            html=template.html,
            text=template.text,
            source=wish_of(template),
            needs=await asyncio.to_thread(needed, template),
        )


@contextmanager
def _as_problem() -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        where = {"part": fault.part, "line": fault.line, "column": fault.column}
        raise Problem(422, "invalid_template", str(fault), **where) from fault
    except Unrendered as fault:
        if fault.undefined:
            more = {"part": fault.part, "undefined": fault.undefined}
            raise Problem(422, "undefined_field", str(fault), **more) from fault
        raise Problem(422, "template_error", str(fault), part=fault.part) from fault


def _listed(template: Template) -> TemplateListed:
    return TemplateListed(
        id=template.id,
        version=template.version,
        subject=template.subject,
        updated_at=template.updated_at,
        updated_by=template.updated_by,
    )


def _who(call: Call) -> str:
    principal = call.principal
    return f"{principal} ({principal.attribution})" if principal.attribution else str(principal)


def _id(call: Call) -> str:
    template_id = call.parameters["id"]
    if not TEMPLATE_ID.fullmatch(template_id):
        raise Problem(404, "not_found", f"{template_id[:50]!r} is no Template's id")
    return template_id


def routes(parts: Parts) -> list[Route]:
    own = Templates(parts)
    path = "/v1/domains/{domain}/templates"
    one, old = f"{path}/{{id}}", f"{path}/{{id}}/versions"
    shown, tried = TemplateShown, "Render a Template with data"
    return [
        Route("GET", path, READ, own.list, "List Templates", TemplatePage, query=PAGE),
        Route("GET", one, READ, own.get, "See a Template", shown),
        Route("PUT", one, ADMIN, own.put, "Write a Template", shown, body=TemplateWish),
        Route("DELETE", one, ADMIN, own.remove, "Delete a Template", status=204),
        Route("POST", f"{one}/preview", READ, own.preview, tried, Preview, body=PreviewWish),
        Route(
            "GET",
            old,
            READ,
            own.versions,
            "List a Template's versions",
            TemplateVersionPage,
            query=PAGE,
        ),
        Route("GET", f"{old}/{{number}}", READ, own.version, "See a version", shown),
        Route("POST", f"{old}/{{number}}/restore", ADMIN, own.restore, "Restore a version", shown),
    ]
