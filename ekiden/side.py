"""The side port: probes, metrics and the sender's queues, for operators and orchestrators only."""

import msgspec

from ekiden.metrics import exposition
from ekiden.station import Station
from shared.http import Problem, Request, Response, as_json

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class SidePort:
    """Answers what nobody outside shall see. It changes nothing, and knows no login: keep it
    behind the firewall."""

    def __init__(self, station: Station) -> None:
        self._station = station

    async def handle(self, request: Request) -> Response:
        if request.path in ("/healthz", "/readyz"):
            return await self._station.handle(request)
        if request.path == "/metrics":
            return Response(200, exposition(self._station), {"content-type": CONTENT_TYPE})
        if request.path == "/queue":
            return as_json(200, [msgspec.to_builtins(each) for each in self._station.queues()])
        return Problem(404, "unknown_path", f"nothing answers at {request.path}").response()
