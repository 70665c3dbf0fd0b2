"""What waits for whom; pausing and resuming."""

import asyncio

from functions.admin.dashboard.api import path
from functions.admin.dashboard.visit import Page, Visit, see_other
from shared.http import Problem, Response

HERE = "/dashboard/queue"


async def queue(visit: Visit) -> Response:
    backlog, destinations = await asyncio.gather(
        visit.api.get("/v1/backlog", pages="1"), visit.api.get("/v1/destinations")
    )
    return visit.page(
        "queue.html",
        "queue",
        places=backlog["places"],
        here=destinations["here"],
        queues=destinations["queues"],
        paused=destinations["paused"],
        paused_names={each["name"] for each in destinations["paused"]},
        pausable={each["name"]: pausable(each["name"]) for each in destinations["queues"]},
    )


def pausable(name: str) -> str:
    """What to pause: a server of a route is named with its port, and paused without."""
    host, colon, port = name.rpartition(":")
    return (host if colon and port.isdigit() else name).strip("[]")


async def pause(visit: Visit) -> Response:
    place = path("destinations", _name(visit), "pause")
    await visit.api.send("POST", place, {"reason": visit.field("reason")})
    return see_other(HERE, "paused")


async def resume(visit: Visit) -> Response:
    await visit.api.send("POST", path("destinations", _name(visit), "resume"))
    return see_other(HERE, "resumed")


def _name(visit: Visit) -> str:
    """Raises `Problem`."""
    name = visit.field("name").strip()
    if not name:
        raise Problem(422, "invalid_request", "Say which domain, or which mail server.")
    return name


PAGES = [
    Page("GET", "/queue", queue),
    Page("POST", "/queue/pause", pause),
    Page("POST", "/queue/resume", resume),
]
