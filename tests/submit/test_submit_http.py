"""submit over real HTTP: statuses, headers and limits as an app meets them."""

import asyncio
import json
from random import Random
from typing import Any

import pytest
from desk import BATCH, Desk
from station import DOMAIN, Here, run, running_station

from ekiden.front import SMALL_BODY_BYTES
from shared import keys
from shared.store.wrap import FlakyStore

LIMIT_BYTES = 10_000


class Connection:
    """One HTTP/1.1 connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, here: Here) -> "Connection":
        host, _, port = here.url.removeprefix("http://").partition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, chunked: bool = False, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        lines = [f"{method} {path} HTTP/1.1", "host: test"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        lines.append("transfer-encoding: chunked" if chunked else f"content-length: {len(body)}")
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self.writer.write(_in_chunks(body) if chunked else body)
        return await self._answer(method)

    async def _answer(self, method: str) -> tuple[int, dict[str, str], Any]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
        }
        size = 0 if method == "HEAD" else int(headers["content-length"])
        body = await self.reader.readexactly(size)
        is_json = body and "json" in headers["content-type"]
        return int(head[0].split()[1]), headers, json.loads(body) if is_json else None


def _in_chunks(body: bytes) -> bytes:
    parts = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


def sized(size_bytes: int) -> bytes:
    """A Batch of exactly this many bytes."""
    body = json.dumps(BATCH).encode()
    return body + b" " * (size_bytes - len(body))


def test_an_app_submits_over_http_and_is_told_where_to_look() -> None:
    async def story() -> None:
        async with running_station(http=True) as here:
            app = await Connection.to(here)
            key = f"Bearer {here.api_key}"
            status, headers, answer = await app.ask(
                "POST", "/v1/batches", json.dumps(BATCH).encode(), authorization=key
            )
            assert (status, headers["content-type"]) == (202, "application/json")
            assert headers["location"] == f"/v1/batches/{answer['batch']}"
            status, _, seen = await app.ask(
                "GET", headers["location"], authorization=key, prefer="wait=20"
            )
            assert (status, seen["outcomes"]) == (200, {"delivered": 1})

    run(story)


@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "chunked"])
def test_a_body_over_the_limit_is_refused_and_the_connection_goes_on(chunked: bool) -> None:
    async def story() -> None:
        async with running_station(http=True, http__max_body=str(LIMIT_BYTES)) as here:
            app = await Connection.to(here)
            key = f"Bearer {here.api_key}"

            async def submit(size_bytes: int) -> tuple[int, Any]:
                status, _, answer = await app.ask(
                    "POST", "/v1/batches", sized(size_bytes), chunked=chunked, authorization=key
                )
                return status, answer

            status, problem = await submit(LIMIT_BYTES + 1)
            assert (status, problem["type"]) == (413, "urn:ekiden:problem:body_too_large")
            assert problem["detail"] == f"the body has more than {LIMIT_BYTES} bytes"
            assert await here.keys("submitted/") == []
            assert (await submit(LIMIT_BYTES))[0] == 202

    run(story)


def test_strangers_who_follow_a_link_may_not_send_as_much_as_apps() -> None:
    async def story() -> None:
        async with running_station(http=True) as here:
            app = await Connection.to(here)
            for path in ("/u/x", "/o/x.gif", "/c/x"):
                assert (await app.ask("POST", path, b"x" * SMALL_BODY_BYTES))[0] != 413
                assert (await app.ask("POST", path, b"x" * (SMALL_BODY_BYTES + 1)))[0] == 413

    run(story)


def test_what_no_path_answers_is_a_problem_document() -> None:
    async def story() -> None:
        async with running_station(http=True) as here:
            app = await Connection.to(here)
            for path in ("/", "/v1", "/v2/batches", "/v1/batches/x/y", "/v1/batches/a%2Fb", "/%00"):
                status, headers, problem = await app.ask("GET", path)
                assert (status, headers["content-type"]) == (404, "application/problem+json")
                assert problem["type"] == "urn:ekiden:problem:unknown_path"

    run(story)


def test_a_method_that_a_path_does_not_know_is_told_which_it_knows() -> None:
    async def story() -> None:
        async with running_station(http=True) as here:
            app = await Connection.to(here)
            for method, path, allowed in (
                ("PUT", "/v1/batches", "POST, GET"),
                ("GET", "/v1/messages", "POST"),
                ("POST", "/v1/batches/x", "GET"),
                ("DELETE", "/v1/batches/x", "GET"),
                ("GET", "/v1/batches/x/cancel", "POST"),
                ("HEAD", "/v1/deliveries/x", "GET"),
            ):
                status, headers, _ = await app.ask(method, path)
                assert (status, headers["allow"]) == (405, allowed)

    run(story)


def test_a_refused_call_over_http_says_how_to_authenticate() -> None:
    async def story() -> None:
        async with running_station(http=True) as here:
            app = await Connection.to(here)
            for wrong in ("Bearer x", "Basic \xff\xff", "Basic ="):
                status, headers, problem = await app.ask(
                    "POST", "/v1/batches", sized(1000), authorization=wrong
                )
                assert (status, problem["status"]) == (401, 401)
                assert headers["www-authenticate"].startswith("Basic ")

    run(story)


def test_the_probes_of_an_orchestrator_are_answered_without_a_key() -> None:
    async def story() -> None:
        async with running_station(http=True) as here:
            app = await Connection.to(here)
            assert (await app.ask("GET", "/healthz"))[::2] == (200, {"status": "ok"})
            status, _, ready = await app.ask("GET", "/readyz")
            assert (status, ready["store"]) == (200, "ok")
            assert (await app.ask("GET", "/openapi.json"))[2]["openapi"] == "3.1.0"

    run(story)


def test_the_location_begins_with_the_public_url() -> None:
    async def story() -> None:
        async with running_station(submit__public_url="https://mail.example.com/ekiden") as here:
            answer = await here.call("POST", "/v1/batches", BATCH)
            assert answer.headers["location"] == (
                f"https://mail.example.com/ekiden/v1/batches/{answer.json['batch']}"
            )

    run(story)


def test_without_submit_the_process_says_so() -> None:
    async def story() -> None:
        async with running_station(services__submit="no") as here:
            answer = await here.call("POST", "/v1/batches", BATCH)
            assert (answer.status, answer.problem) == (404, "unknown_path")

    run(story)


# When the fault is not the app's.


def test_a_store_that_does_not_answer_is_503_and_nothing_is_accepted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    desk.call("GET", "/v1/batches?tag=x")  # the API key is known now
    working, desk.core.store = desk.core.store, FlakyStore(desk.store, Random(1), rate=1)
    answer = desk.submit(BATCH)
    assert (answer.status, answer.problem) == (503, "unavailable")
    assert answer.headers["retry-after"] == "1"
    assert "POST /v1/batches is put off" in caplog.text
    desk.core.store = working
    assert desk.submit(BATCH).status == 202


def test_a_record_that_cannot_be_read_is_500_with_a_problem_document() -> None:
    desk = Desk()
    key_id = desk.api_key.split("_")[1]
    desk.do(desk.store.put(keys.api_key(DOMAIN, key_id), b"{garbage"))
    answer = desk.submit(BATCH)
    assert (answer.status, answer.problem) == (500, "internal_error")
    assert "garbage" not in answer.json["detail"]
    assert desk.work() == []
