"""The Domain check: what the world sees of a Domain, against what it should see."""

import asyncio

import msgspec

from functions.admin.parts import Parts
from functions.admin.route import Call, Query, Route
from shared.domain_check.model import Check, State, overall
from shared.domains import READ
from shared.errors import Temporary
from shared.http import Problem, Response, as_json
from shared.webhooks import may_call, rules_of

MOST_AT_ONCE = 10
"""Each asks other people's name servers, some ten questions a second."""


class DomainCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about a Domain."""

    domain: str
    state: State
    """The worst of all."""
    at: float
    """When it was looked at: answers are remembered for seconds."""
    checks: list[Check]


class DomainChecks:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._running: dict[str, asyncio.Task[DomainCheck]] = {}

    async def get(self, call: Call) -> Response:
        knocks = _yes(call, "port_25")
        if knocks and not call.principal.is_operator:
            # It is about this installation, and a stranger's server answers for it.
            raise Problem(403, "forbidden", "port_25 needs an admin token (X-Ekiden-Admin-Token)")
        await self._parts.directory.domain(call.domain)
        key = f"domain check {call.domain} {knocks}"
        found = await self._parts.directory.remember(
            key, lambda: self._shared(key, call.domain, knocks)
        )
        return as_json(200, found)

    async def _shared(self, key: str, domain: str, knocks: bool) -> DomainCheck:
        """Who asks while it is being looked at gets the same answer. Raises `Temporary`."""
        task = self._running.get(key)
        if task is None:
            if len(self._running) >= MOST_AT_ONCE:
                raise Temporary(f"{MOST_AT_ONCE} Domains are being looked at")
            task = self._running[key] = asyncio.create_task(self._look(domain, knocks))
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)

    async def _look(self, domain: str, knocks: bool) -> DomainCheck:
        from shared.domain_check import port_25, run, tracking_host

        only = [name for name in run.ALL if knocks or name != port_25.NAME]
        parts, rules = self._parts, rules_of(self._parts.config)
        # A Domain's DNS is its own: it must not have us look around in our network.
        web = tracking_host.Web(lambda address: may_call(address, rules))
        checks = await run.check_domain(parts.config, parts.store, domain, only, web)
        return DomainCheck(domain=domain, state=overall(checks), at=parts.clock(), checks=checks)


def _yes(call: Call, name: str) -> bool:
    """Raises `Problem`."""
    text = call.request.parameter(name, "no")
    if text not in ("yes", "no"):
        raise Problem(422, "invalid_parameter", f"{name}: {text[:50]!r} is neither yes nor no")
    return text == "yes"


def routes(parts: Parts) -> list[Route]:
    return [
        Route(
            "GET",
            "/v1/domains/{domain}/check",
            READ,
            DomainChecks(parts).get,
            "Compare what DNS says with what it should say",
            DomainCheck,
            query=(Query("port_25", "`yes`: knock at a mail server, too. Operators only."),),
        )
    ]
