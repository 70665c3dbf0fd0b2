"""What a Domain lets be watched, where tracked links lead, and the keys that sign them."""

import msgspec

from functions.admin.parts import Parts
from functions.admin.principal import OPERATOR
from functions.admin.route import Call, Route
from shared import tracking_keys
from shared.address import normal_domain
from shared.domains import READ, Domain
from shared.http import Problem, Response, as_json
from shared.provision import change_domain, read_domain
from shared.store.base import Store
from shared.tracking import Level, Tracking


class TrackingState(msgspec.Struct, frozen=True, kw_only=True):
    """A Domain's ceiling, and where its tracked links lead."""

    opens: Level
    links: Level
    host: str
    """Its own; empty: the installation's."""
    url: str
    """Where links lead; empty: nowhere, so that nothing can be tracked."""


class TrackingChange(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    opens: Level | None = None
    links: Level | None = None
    host: str | None = None


class DomainTracking:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._public_url = parts.config.track.public_url

    async def get(self, call: Call) -> Response:
        return as_json(200, await state(self._parts.store, call.domain, self._public_url))

    async def put(self, call: Call) -> Response:
        store, now = self._parts.store, self._parts.clock()
        return as_json(200, await change(store, call.domain, call.body, self._public_url, now))

    async def rotate(self, call: Call) -> Response:
        await self._parts.directory.domain(call.domain)
        await tracking_keys.rotate(self._parts.store, call.domain, self._parts.clock())
        return Response(204)


async def state(store: Store, domain: str, public_url: str) -> TrackingState:
    """How it is. Raises `NotFound`."""
    return _state((await read_domain(store, domain))[0], public_url)


async def change(
    store: Store, domain: str, wanted: TrackingChange, public_url: str, now: float
) -> TrackingState:
    """Raises `NotFound`, `Problem` 422, `Changed`."""
    record, _ = await read_domain(store, domain)
    ceiling = Tracking(wanted.opens or record.tracking.opens, wanted.links or record.tracking.links)
    host = record.tracking_host if wanted.host is None else _host(wanted.host)
    if not ceiling.is_off and not (host or public_url):
        detail = "name a host, or set track.public_url: tracked links have to lead somewhere"
        raise Problem(422, "tracking_not_set_up", detail)
    # First: a Batch that is accepted with tracking needs a key.
    await tracking_keys.ensure(store, domain, now)
    return _state(
        await change_domain(store, domain, tracking=ceiling, tracking_host=host), public_url
    )


def _state(record: Domain, public_url: str) -> TrackingState:
    own = record.tracking_host and f"https://{record.tracking_host}"
    return TrackingState(
        opens=record.tracking.opens,
        links=record.tracking.links,
        host=record.tracking_host,
        url=own or public_url,
    )


def _host(text: str) -> str:
    """Raises `Problem`."""
    host = normal_domain(text) if text else ""
    if host is None:
        raise Problem(422, "refused", f"{text[:100]!r} is no host name")
    return host


def routes(parts: Parts) -> list[Route]:
    own = DomainTracking(parts)
    path = "/v1/domains/{domain}/tracking"
    return [
        Route("GET", path, READ, own.get, "See what may be tracked", TrackingState),
        Route(
            "PUT",
            path,
            OPERATOR,
            own.put,
            "Say what may be tracked",
            TrackingState,
            body=TrackingChange,
        ),
        Route("POST", f"{path}/rotate", OPERATOR, own.rotate, "Sign with a new key", status=204),
    ]
