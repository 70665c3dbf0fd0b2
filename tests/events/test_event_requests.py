"""What one message costs in requests to the store, where every stage is a function of its own."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from station import BATCH, DOMAIN, settings_for

from ekiden.sink import Sink
from functions.dispatch import assemble as dispatch
from functions.send import assemble as send
from functions.submit import assemble as submit
from functions.validate import assemble as validate
from shared.event_face import EventFace
from shared.events import Scope
from shared.http import Request
from shared.provision import add_api_key, add_domain
from shared.stage import Stage
from shared.store.base import Store, list_all
from shared.store.memory import MemoryStore
from shared.store.wrap import CountingStore
from shared.watch import Watch

TOKEN = "c2VjcmV0"
STAGES = {"validate": "submitted/", "dispatch": "validated/", "send": "dispatched/"}


class Functions:
    """submit, validate, dispatch and send, apart: each with its own memory and its own store."""

    def __init__(self, route: str) -> None:
        self.inner = MemoryStore()
        self.stores = {name: CountingStore(self.inner) for name in ("submit", *STAGES)}
        config = settings_for("memory:", route)
        core = submit.submit(config, self.stores["submit"])
        self.api = submit.face(config, core, Watch(), lambda ready: None)
        stage, self.transmitter = send.stage(config, self.stores["send"])
        self.faces = {
            "validate": self._face(validate.stage(config, self.stores["validate"])),
            "dispatch": self._face(dispatch.stage(config, self.stores["dispatch"])),
            "send": self._face(stage),
        }

    def _face(self, stage: Stage) -> EventFace:
        return EventFace(stage, self.stores[stage.name], Scope(stage.name), TOKEN)

    async def message(self, api_key: str, carried: bool) -> dict[str, int]:
        """Submit one message, and bring each stage its event; the requests of each function."""
        before = {name: store.total for name, store in self.stores.items()}
        sent = {"authorization": f"Bearer {api_key}"}
        answer = await self.api.handle(Request("POST", "/v1/batches", sent, as_json(BATCH)))
        assert answer.status == 202
        for name, prefix in STAGES.items():
            [entry] = [entry async for entry in list_all(self.inner, prefix)]
            event = {"key": entry.key}
            if carried:
                body = (await self.inner.get(entry.key)).body
                event["body"] = base64.b64encode(body).decode()
            headers = {"authorization": f"Bearer {TOKEN}"}
            answer = await self.faces[name].handle(Request("POST", "/", headers, as_json(event)))
            assert answer.status == 204
        return {name: store.total - before[name] for name, store in self.stores.items()}


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def second_message(carried: bool) -> dict[str, int]:
    """The first one also reads the API key, the Domain and its DKIM keys, which are remembered."""

    async def story(functions: Functions) -> dict[str, int]:
        api_key = await provision(functions.inner)
        await functions.message(api_key, carried)
        return await functions.message(api_key, carried)

    return asyncio.run(with_functions(story))


async def provision(store: Store) -> str:
    await add_domain(store, DOMAIN, ["ed25519-sha256"], 0.0)
    return await add_api_key(store, DOMAIN, "test", 0.0)


async def with_functions(
    story: Callable[[Functions], Awaitable[dict[str, int]]],
) -> dict[str, int]:
    sink = Sink()
    functions = Functions(f"smtp://127.0.0.1:{await sink.start()}")
    try:
        return await story(functions)
    finally:
        await functions.transmitter.close()
        await sink.close()


@pytest.mark.parametrize(("carried", "at_most"), [(True, 12), (False, 15)])
def test_a_message_takes_so_many_requests(carried: bool, at_most: int) -> None:
    requests = second_message(carried)
    assert sum(requests.values()) <= at_most, requests
