"""The HTTP face of submit: which path does what. Each route authenticates before it looks:
a POST needs an API key with the scope `send`, a GET one with `read`.

POST /v1/batches                      one content, N Recipients              → 202
POST /v1/messages                     a ready-made RFC 5322 message          → 202
GET  /v1/batches?tag=…                Batches by tag
GET  /v1/batches/{batch}              progress; Prefer: wait=N
POST /v1/batches/{batch}/cancel       take back what is not transmitted
GET  /v1/batches/{batch}/deliveries   paged; ?outcome=bounced
GET  /v1/deliveries/{delivery}        one Delivery's history; Prefer: wait=N
GET  /openapi.json                    this, for machines
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from functions.submit.cancel import cancel
from functions.submit.parts import checked_tags
from functions.submit.submit import Call, Submit
from shared.address import normal_domain
from shared.domains import ADMIN, READ, SEND
from shared.errors import LostRace, Temporary
from shared.http import Problem, Request, Response, as_json, credentials
from shared.ids import digest
from shared.model import Accepted
from shared.outcome import FINAL, State
from shared.readback import ReadBack
from shared.stage import Wake
from shared.watch import Watch

log = logging.getLogger("ekiden.submit")

MAX_WAIT_S = 55.0
"""Below the usual 60 s after which proxies give up."""
_WAIT = re.compile(r"\bwait\s*=\s*(\d+)")

Waker = Callable[[Wake], None]


class SubmitFace:
    """Answers HTTP requests for `submit`."""

    def __init__(
        self,
        submit: Submit,
        watch: Watch,
        waker: Waker,
        max_body_bytes: int = 32 * 1024 * 1024,
        public_url: str = "",
    ) -> None:
        self._submit = submit
        self._read = ReadBack(submit.store)
        self._watch = watch
        self._wake = waker
        self.max_body_bytes = max_body_bytes
        self._public_url = public_url

    async def handle(self, request: Request) -> Response:
        """Every request gets an answer; what is wrong with it is a problem document."""
        try:
            return await self._route(request)
        except Problem as problem:
            return problem.response()
        except LostRace as error:
            return Problem(409, "in_progress", f"try again: {error}").response()
        except Temporary as error:
            log.warning("%s %s is put off: %s", request.method, request.path, error)
            return Problem(503, "unavailable", f"try again: {error}").response()
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            detail = "the fault is Ekiden's, not the call's; its log says more"
            return Problem(500, "internal_error", detail).response()

    async def _route(self, request: Request) -> Response:
        path = request.path.rstrip("/")
        if path == "/openapi.json":
            from functions.submit.openapi import document

            return as_json(200, document())
        for pattern, methods in _ROUTES:
            if match := pattern.fullmatch(path):
                if request.method not in methods:
                    allowed = ", ".join(methods)
                    detail = f"{path} answers {allowed}"
                    raise Problem(405, "method_not_allowed", detail, allow=allowed)
                domain = await self._authenticate(request)
                return await methods[request.method](self, request, domain, *match.groups())
        raise Problem(404, "unknown_path", f"nothing answers at {request.path}; see /openapi.json")

    async def _authenticate(self, request: Request) -> str:
        user, secret = credentials(request)
        # The key names its Domain, and the name becomes part of a key in the store.
        known = normal_domain(secret.rpartition("_")[2])
        identity = await self._submit.directory.identify(secret, user) if known else None
        if identity is None:
            raise Problem(401, "unauthenticated", "unknown, expired or deactivated API key")
        # Who may change the Domain may also see what it sent, as in the operator API.
        good_for = {READ, ADMIN} if request.method == "GET" else {SEND}
        if not good_for & identity.scopes:
            scope = READ if request.method == "GET" else SEND
            raise Problem(403, "forbidden", f"this needs an API key with the scope {scope!r}")
        return identity.domain

    async def post_batch(self, request: Request, domain: str) -> Response:
        return self._accepted(await self._submit.batch(self._call(request, domain)))

    async def post_message(self, request: Request, domain: str) -> Response:
        call = self._call(request, domain)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "message/rfc822":
            recipients = request.parameters("to") if request.parameter("to") else []
            return self._accepted(await self._submit.raw_message(call, recipients))
        return self._accepted(await self._submit.message(call))

    def _call(self, request: Request, domain: str) -> Call:
        if len(request.body) > self.max_body_bytes:
            detail = f"the body has {len(request.body)} bytes; at most {self.max_body_bytes}"
            raise Problem(413, "body_too_large", detail)
        headers = request.headers
        traceparent = headers.get("traceparent", "")
        return Call(domain, request.body, headers.get("idempotency-key"), traceparent=traceparent)

    def _accepted(self, result: tuple[Accepted, Wake | None]) -> Response:
        accepted, ready = result
        if ready:
            self._wake(ready)
        location = f"{self._public_url}/v1/batches/{accepted.batch}"
        return as_json(202, accepted, location=location)

    async def get_batches(self, request: Request, domain: str) -> Response:
        tag = request.parameter("tag")
        if not tag:
            raise Problem(
                422, "invalid_parameter", "tag is needed: Batches are found by their tags"
            )
        checked_tags([tag])
        after, limit = request.parameter("after"), _number(request, "limit", 100)
        return as_json(200, await self._read.tagged(domain, tag, after, limit))

    async def get_batch(self, request: Request, domain: str, batch: str) -> Response:
        async def look() -> tuple[Any, bool]:
            status = await self._read.batch(domain, batch, self._submit.clock())
            return status, status.done

        return await self._waiting(request, batch, look)

    async def get_deliveries(self, request: Request, domain: str, batch: str) -> Response:
        only = request.parameter("outcome")
        if only and only not in set(State):
            detail = f"outcome: {only!r} is none of {', '.join(State)}"
            raise Problem(422, "invalid_parameter", detail)
        page = await self._read.deliveries(
            domain,
            batch,
            request.parameter("after"),
            _number(request, "limit", 100),
            State(only) if only else None,
        )
        return as_json(200, page)

    async def get_delivery(self, request: Request, domain: str, delivery: str) -> Response:
        async def look() -> tuple[Any, bool]:
            history = await self._read.delivery(domain, delivery)
            return history, history.state in FINAL

        return await self._waiting(request, delivery.partition(".")[0], look)

    async def post_cancel(self, request: Request, domain: str, batch: str) -> Response:
        content = await self._read.content(domain, batch)
        now = self._submit.clock()
        status = await self._read.batch(domain, batch, now)
        if status.done:
            raise Problem(409, "already_done", "every Delivery of this Batch has its Outcome")
        for ready in await cancel(self._submit.store, content, now):
            self._wake(ready)
        return as_json(202, await self._read.batch(domain, batch, now))

    async def _waiting(
        self, request: Request, batch: str, look: Callable[[], Awaitable[tuple[Any, bool]]]
    ) -> Response:
        """Answer at once, or with `Prefer: wait=N` (RFC 7240 §4.3) at the next news.

        With `If-None-Match` news is any change from that ETag; without, it is the end.
        """
        asked = _WAIT.search(request.headers.get("prefer", ""))
        until = self._submit.clock() + (min(float(asked[1]), MAX_WAIT_S) if asked else 0.0)
        known = request.headers.get("if-none-match", "")
        pause_s = 0.1
        while True:
            ear = self._watch.listen(batch)
            value, finished = await look()
            etag = f'"{digest(msgspec.json.encode(value)).hex()[:24]}"'
            left_s = until - self._submit.clock()
            if left_s <= 0 or (etag != known if known else finished):
                break
            await ear.wait(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, 2.0)
        if etag == known:
            return Response(304, b"", {"etag": etag})
        applied = {"preference_applied": f"wait={asked[1]}"} if asked else {}
        return as_json(200, value, etag=etag, **applied)


def _number(request: Request, name: str, default: int) -> int:
    text = request.parameter(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Problem(422, "invalid_parameter", f"{name}: {text!r} is no number")
    return int(text)


_Handler = Callable[..., Awaitable[Response]]
_ROUTES: list[tuple[re.Pattern[str], dict[str, _Handler]]] = [
    (
        re.compile(r"/v1/batches"),
        {"POST": SubmitFace.post_batch, "GET": SubmitFace.get_batches},
    ),
    (re.compile(r"/v1/messages"), {"POST": SubmitFace.post_message}),
    (re.compile(r"/v1/batches/([^/]+)"), {"GET": SubmitFace.get_batch}),
    (re.compile(r"/v1/batches/([^/]+)/cancel"), {"POST": SubmitFace.post_cancel}),
    (re.compile(r"/v1/batches/([^/]+)/deliveries"), {"GET": SubmitFace.get_deliveries}),
    (re.compile(r"/v1/deliveries/([^/]+)"), {"GET": SubmitFace.get_delivery}),
]
