"""Webhooks of a Domain: make and change them, see what they were told, tell it again."""

import msgspec

from functions.admin.parts import Parts
from functions.admin.route import Call, Query, Route
from shared import keys, webhook_log, webhook_replay, webhooks
from shared.domains import ADMIN
from shared.http import Problem, Response, as_json
from shared.stage import Wake
from shared.webhook_log import WebhookAttempt
from shared.webhook_replay import Range
from shared.webhooks import Webhook, WebhookChange, rules_of

MOST_TURNS = 1000
"""Of the log for one page: what is looked for may be rare, and a call has to end."""


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Where to tell what."""

    url: str
    events: tuple[str, ...] = webhooks.EVENTS
    tag: str = ""
    """Only of Batches that carry it."""
    per_post: int = 1
    """1: one event is one POST, an object. More: up to so many as an array."""


class ShownWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """A Webhook. Times are in seconds since 1970."""

    id: str
    url: str
    events: list[str]
    tag: str
    per_post: int
    active: bool
    paused: bool
    why: str
    failing_since: float
    created_at: float
    secrets: int
    """How many sign at the moment: more than one after a rotation."""
    secret: str = ""
    """Shown once: when it is made, and when it is rotated."""


class WebhookList(msgspec.Struct, frozen=True):
    """All Webhooks of a Domain, the oldest first."""

    webhooks: list[ShownWebhook]


class AttemptPage(msgspec.Struct, frozen=True):
    """What was tried on one day, the latest first."""

    attempts: list[WebhookAttempt]
    next: str = ""
    """Empty: there is no more of this day."""


class ReplayWish(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What to tell again: what was tried between two times, or one message of it."""

    since: float = 0.0
    """Seconds since 1970; 0: a day before `until`, 31 days if `message` is given, ever if
    `only_failed`."""
    until: float = 0.0
    """0: now."""
    only_failed: bool = False
    """Not what was taken."""
    message: str = ""
    """The id of one message, as `webhook-id` had it."""


class WebhookWork(msgspec.Struct, frozen=True):
    """What `notify` was given to do."""

    keys: list[str]


class Webhooks:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store = parts.store
        self._rules = rules_of(parts.config)

    async def every(self, call: Call) -> Response:
        found = await webhooks.list_webhooks(self._store, call.domain)
        return as_json(200, WebhookList([self._shown(each) for each in found]))

    async def add(self, call: Call) -> Response:
        new: NewWebhook = call.body
        wanted = WebhookChange(new.url, [*new.events], new.tag, new.per_post)
        made = await webhooks.add(
            self._store, call.domain, wanted, self._rules, self._parts.clock()
        )
        self._changed(call, made.id)
        return as_json(201, self._shown(made, made.secrets[0].value))

    async def get(self, call: Call) -> Response:
        found = await webhooks.load(self._store, call.domain, call.parameters["webhook"])
        return as_json(200, self._shown(found))

    async def change(self, call: Call) -> Response:
        name = call.parameters["webhook"]
        after = await webhooks.change(self._store, call.domain, name, call.body, self._rules)
        self._changed(call, name)
        return as_json(200, self._shown(after))

    async def remove(self, call: Call) -> Response:
        await webhooks.remove(self._store, call.domain, call.parameters["webhook"])
        self._changed(call, call.parameters["webhook"])
        return Response(204)

    async def rotate(self, call: Call) -> Response:
        name, now = call.parameters["webhook"], self._parts.clock()
        after, secret = await webhooks.rotate(self._store, call.domain, name, self._rules, now)
        self._changed(call, name)
        return as_json(200, self._shown(after, secret))

    async def test(self, call: Call) -> Response:
        name, now = call.parameters["webhook"], self._parts.clock()
        return self._put_back([await webhook_replay.test(self._store, call.domain, name, now)])

    async def attempts(self, call: Call) -> Response:
        name = call.parameters["webhook"]
        await webhooks.load(self._store, call.domain, name)
        request, limit = call.request, call.number("limit", 100, 1000)
        day = _day(request.parameter("day") or keys.day(self._parts.clock()))
        shown: list[WebhookAttempt] = []
        found = webhook_log.of_day(self._store, call.domain, name, day, request.parameter("after"))
        only_failed, turns = request.parameter("failed") == "true", 0
        async for place, attempts in found:
            turns += 1
            shown += [each for each in reversed(attempts) if not (only_failed and each.taken)]
            if len(shown) >= limit or turns >= MOST_TURNS:
                return as_json(200, AttemptPage(shown, place))
        return as_json(200, AttemptPage(shown))

    async def replay(self, call: Call) -> Response:
        wish: ReplayWish = call.body
        now = self._parts.clock()
        until = wish.until or now
        wanted = Range(wish.since, until) if wish.since else self._usual(wish, until)
        put_back = await webhook_replay.replay(
            self._store,
            call.domain,
            call.parameters["webhook"],
            wanted,
            now,
            only_failed=wish.only_failed,
            message=wish.message,
        )
        return self._put_back(put_back)

    def _usual(self, wish: ReplayWish, until: float) -> Range:
        return webhook_replay.usual(until, only_failed=wish.only_failed, message=wish.message)

    def _put_back(self, wakes: list[Wake]) -> Response:
        for each in wakes:
            self._parts.wake(each)
        return as_json(202, WebhookWork([each.key for each in wakes]))

    def _changed(self, call: Call, webhook_id: str) -> None:
        """Stages of this process hear of it at once."""
        self._parts.directory.forget(keys.domain_record(call.domain))
        self._parts.directory.forget(keys.webhook(call.domain, webhook_id))

    def _shown(self, webhook: Webhook, secret: str = "") -> ShownWebhook:
        return ShownWebhook(
            id=webhook.id,
            url=webhook.url,
            events=[*webhook.events],
            tag=webhook.tag,
            per_post=webhook.per_post,
            active=webhook.active,
            paused=bool(webhook.paused_at),
            why=webhook.why,
            failing_since=webhook.failing_since,
            created_at=webhook.created_at,
            secrets=len(webhook.signing(self._parts.clock())),
            secret=secret,
        )


def _day(text: str) -> str:
    """It becomes part of a key. Raises `Problem`."""
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        detail = f"day: {text[:50]!r} is no day; write it like 2027-01-15"
        raise Problem(422, "invalid_parameter", detail) from error


def routes(parts: Parts) -> list[Route]:
    made = Webhooks(parts)
    every = "/v1/domains/{domain}/webhooks"
    one = f"{every}/{{webhook}}"
    of_log = (
        Query("day", "UTC, such as 2027-01-15; today unless told."),
        Query("failed", "`true`: only what was not taken."),
        Query("after", "What the page before gave as `next`."),
        Query("limit", "About so many lines, 1 to 1000; 100 unless told.", "integer"),
    )
    return [
        Route("GET", every, ADMIN, made.every, "List Webhooks", WebhookList),
        Route("POST", every, ADMIN, made.add, "Make a Webhook", ShownWebhook, 201, NewWebhook),
        Route("GET", one, ADMIN, made.get, "See a Webhook", ShownWebhook),
        Route(
            "PATCH",
            one,
            ADMIN,
            made.change,
            "Change a Webhook",
            ShownWebhook,
            body=WebhookChange,
        ),
        Route("DELETE", one, ADMIN, made.remove, "Remove a Webhook", status=204),
        Route("POST", f"{one}/rotate", ADMIN, made.rotate, "Replace its secret", ShownWebhook),
        Route("POST", f"{one}/test", ADMIN, made.test, "Tell it a test event", WebhookWork, 202),
        Route(
            "GET",
            f"{one}/attempts",
            ADMIN,
            made.attempts,
            "See what it was told",
            AttemptPage,
            query=of_log,
        ),
        Route(
            "POST",
            f"{one}/replay",
            ADMIN,
            made.replay,
            "Tell it again",
            WebhookWork,
            202,
            ReplayWish,
        ),
    ]
