"""The side port: metrics that Prometheus can read, and the queues as `ekiden queue` shows them."""

import asyncio
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from pod_process import ekiden, get, side_port
from prometheus_client.parser import text_string_to_metric_families
from station import BATCH, DOMAIN, running_station

from ekiden.metrics import METRICS
from ekiden.side import SidePort
from shared.http import Request


def names_of(text: str) -> set[str]:
    """As Prometheus calls them; a counter's family goes without its ending."""
    families = text_string_to_metric_families(text)
    return {f"{each.name}_total" if each.type == "counter" else each.name for each in families}


def test_metrics_are_those_that_are_documented_before_and_after_the_first_mail() -> None:
    async def story() -> None:
        async with running_station() as here, side_port(here.station) as port:
            for _ in range(2):
                status, body = await asyncio.to_thread(get, port, "/metrics")
                assert status == 200
                assert names_of(body.decode()) == set(METRICS)
                await here.done(await here.submit(BATCH))

    asyncio.run(story())


def test_metrics_tell_what_the_queues_tell() -> None:
    async def story() -> None:
        async with running_station() as here, side_port(here.station) as port:
            await here.done(await here.submit(BATCH))
            _, body = await asyncio.to_thread(get, port, "/metrics")
            _, queues = await asyncio.to_thread(get, port, "/queue")
            (state,) = json.loads(queues)
            samples = {
                each.name: each
                for family in text_string_to_metric_families(body.decode())
                for each in family.samples
            }
            labels = {"destination": state["name"], "source": ""}
            assert samples["ekiden_queue_waiting"].labels == labels
            assert samples["ekiden_queue_waiting"].value == 0
            assert samples["ekiden_queue_state"].labels == {**labels, "state": "idle"}
            assert samples["ekiden_queue_state"].value == 1
            assert (state["state"], state["waiting"], state["per_minute"]) == ("idle", 0, None)

    asyncio.run(story())


@pytest.mark.parametrize("path", ["/", "/v1/batches", "/metrics/", "/queue/pause", "/../healthz"])
def test_it_answers_nothing_else(path: str) -> None:
    async def story() -> None:
        async with running_station() as here:
            answer = await SidePort(here.station).handle(Request("GET", path, {}, b""))
            assert answer.status == 404

    asyncio.run(story())


def test_a_server_that_refuses_everything_is_seen_with_its_words() -> None:
    async def story() -> None:
        said = "421 4.7.0 [/red] too many from you"
        refusing = running_station(refuse=lambda *_: said)
        async with refusing as here, side_port(here.station) as port:
            await here.submit(BATCH)
            await here.idle()
            url = f"http://127.0.0.1:{port}"
            ran = await asyncio.to_thread(ekiden, "queue", "--url", url, store_url="memory:")
            assert ran.returncode == 0, ran.stderr
            assert "[/red] too many from you" in ran.stdout

    asyncio.run(story())


class Other(BaseHTTPRequestHandler):
    """Some other server, on the port that was taken for the sender's."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.says)  # type: ignore[attr-defined]

    def log_message(self, *what: object) -> None:
        pass


@pytest.mark.parametrize("says", [b"<html>", b"\xff", b""])
def test_who_is_no_sender_is_said_to_be_none(says: bytes) -> None:
    server = HTTPServer(("127.0.0.1", 0), Other)
    server.says = says  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        ran = ekiden(
            "queue", "--url", f"http://127.0.0.1:{server.server_port}", store_url="memory:"
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert ran.returncode == 1
    assert "No sender" in ran.stdout
    assert "Traceback" not in ran.stderr


def test_the_domain_of_the_station_is_no_destination() -> None:
    async def story() -> None:
        async with running_station() as here:
            await here.done(await here.submit(BATCH))
            assert all(DOMAIN not in each.name for each in here.station.queues())

    asyncio.run(story())
