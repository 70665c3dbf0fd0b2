"""All sources of a process: how they start, that none stops another, and how they stop."""

import asyncio
import json
import signal
import socket
from pathlib import Path

import pytest
from feed_process import FeedProcess
from feeding import run, soon, until
from free_ports import free_port
from function_processes import TOKEN, Bucket, Function
from pod_process import ekiden, get
from station import BATCH, DOMAIN, running_station, settings_for

from ekiden.sources.feed import Sources
from ekiden.station import Station
from shared.errors import Misconfigured
from shared.store.memory import MemoryStore

NOBODY = "127.0.0.1:1"
KEY = f"inbox/{DOMAIN}/one.json"
POD = {"submit": "off", "validate": "off", "dispatch": "off", "sweep": "off"}


def test_without_a_source_nothing_is_started_or_imported() -> None:
    sources = Sources(settings_for("memory:", "mx"), MemoryStore())
    assert not sources.wanted
    assert sources.counts == {}
    run(lambda: sources.stop(0))


def test_a_source_that_is_away_does_not_stop_the_others() -> None:
    async def story() -> None:
        away = {
            "sources__sqs": f"http://{NOBODY}/1/q",
            "sources__sqs_endpoint": f"http://{NOBODY}",
            "sources__nats": f"nats://{NOBODY}/A/b",
        }
        async with running_station(services__sweep="off", sources__listing="20ms", **away) as here:
            await here.store.put(KEY, json.dumps(BATCH).encode())
            await until(lambda: here.sink.received)
            sources = here.station.sources
            await until(lambda: "not connected yet" not in sources.states.values())
            assert set(sources.states) == {"sqs:q", "nats:A/b", "listing"}
            assert [name for name, state in sources.states.items() if state == "ok"] == ["listing"]

    run(story)


def test_a_stage_elsewhere_is_told_by_its_url(tmp_path: Path) -> None:
    """A pod with the listing; submit, validate and dispatch are functions."""
    store = Bucket(f"sqlite:///{tmp_path}/store.db")
    given = {"store_url": store.url, "events_token": TOKEN}
    names = ("submit", "validate", "dispatch")
    functions = [Function(name, tmp_path, **given) for name in names]
    targets = ", ".join(f"{each.name}=http://127.0.0.1:{each.port}/" for each in functions)
    options = {f"services__{name}": text for name, text in POD.items()}
    options |= {"sweep__targets": targets, "events__token": TOKEN, "sources__listing": "20ms"}

    async def story() -> None:
        async with running_station(store.url, **options) as here:
            await here.store.put(KEY, json.dumps(BATCH).encode())
            await until(lambda: here.sink.received)
            await here.idle()
        assert len(here.sink.received) == 1
        assert await here.keys("failed/") == []

    try:
        for each in functions:
            each.wait_until_it_lives()
        run(story)
    finally:
        for each in functions:
            each.kill()
        store.close()


def test_at_a_stop_nothing_new_is_begun_and_what_runs_is_answered() -> None:
    async def story() -> None:
        asked, may_answer = asyncio.Event(), asyncio.Event()
        answered: list[str] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"}")
            asked.set()
            await may_answer.wait()
            answered.append("204")
            writer.write(b"HTTP/1.1 204 x\r\n\r\n")
            writer.close()

        function = await asyncio.start_server(talk, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{function.sockets[0].getsockname()[1]}/"
        options = {"sweep.targets": f"submit={url}", "sources.listing": "10ms"}
        store = MemoryStore()
        await store.put(KEY, b"{}")
        named = {name.replace(".", "__"): text for name, text in options.items()}
        sources = Sources(settings_for("memory:", "mx", **named), store)
        sources.start()
        await soon(asked.wait())
        stopping = asyncio.create_task(sources.stop(20))
        await asyncio.sleep(0)
        may_answer.set()
        await soon(stopping)
        assert answered == ["204"]
        assert sources.counts["listing"]["done"] == 1
        function.close()

    run(story)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"sources.port": "0"}, "sources: none is switched on"),
        ({"sources.listing": "1s"}, "sweep.targets"),
        ({"sources.minio": "on", "sweep.targets": "send=http://x/"}, "sources.minio"),
        ({"sources.sqs": "my-queue"}, "sources.sqs"),
        ({"sources.nats": "nats://host/only-a-stream"}, "sources.nats"),
        ({"sources.listing": "often"}, "sources.listing"),
        ({"sources.max_in_flight": "0"}, "sources.max_in_flight"),
    ],
)
def test_what_cannot_be_run_is_refused_at_start_by_the_options_name(
    options: dict[str, str], names: str
) -> None:
    given = [word for name, text in options.items() for word in ("--set", f"{name}={text}")]
    done = ekiden("sources", "--set", "store.url=memory:", *given)
    assert done.returncode == 1
    assert names in done.stderr
    assert "Traceback" not in done.stderr


def test_the_password_of_a_server_is_not_shown() -> None:
    options = {"sources__nats": "nats://me:hunter2@nats.example/A/b"}
    config = settings_for("memory:", "mx", **options)
    assert config.sources.nats == ("nats://me:hunter2@nats.example/A/b",)
    assert "hunter2" not in repr(config)


def test_a_port_that_is_taken_is_refused_before_anything_is_begun() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(Misconfigured, match=r"sources\.port"):
            Station(settings_for("memory:", "mx", sources__port=port))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_the_command_answers_health_and_stops_in_order(how: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    feed = FeedProcess(
        tmp_path,
        "sources",
        store_url="memory:",
        sources_port=str(port),
        sources_nats=f"nats://{NOBODY}/A/b",
        sources_sqs=f"http://{NOBODY}/1/q",
        sweep_targets="send=http://127.0.0.1:1/",
    )
    try:
        run(lambda: until(lambda: get(port, "/healthz")[0] == 200))
        state = json.loads(get(port, "/readyz")[1])
        assert set(state) == {"receiver", "nats:A/b", "sqs:q"}
        feed.process.send_signal(how)
        assert feed.process.wait(20) == 0, feed.log.read_text()
        assert "Traceback" not in feed.log.read_text()
    finally:
        feed.kill()
