"""The block that `ekiden bucket init` prints makes a real filer tell of new work."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue

import pytest
from seaweed import SeaweedUnavailable, running_seaweed

from ekiden.bucket.place import Place
from ekiden.bucket.seaweedfs import block
from shared.store import open_store

Heard = tuple[str, str]
"""(Authorization, key)"""
TOKEN = 'to"k\\en'


@contextmanager
def listener() -> Iterator[tuple[str, "Queue[Heard]"]]:
    heard: Queue[Heard] = Queue()

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            heard.put((self.headers["Authorization"], body["key"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_filer_with_the_block_tells_of_this_bucket_with_the_token(tmp_path: Path) -> None:
    with listener() as (webhook, heard):
        config = block(Place("ekiden", "mail/"), webhook, TOKEN)
        try:
            with running_seaweed(tmp_path, config) as server:
                asyncio.run(put(server.url(), "other/1"))
                asyncio.run(put(server.url(), "mail/inbox/1"))
                every = iter(lambda: heard.get(timeout=20), None)
                told = next(each for each in every if not each[1].endswith("/inbox"))  # a folder
        except SeaweedUnavailable as reason:
            pytest.skip(f"no SeaweedFS: {reason}")
    assert told == (f"Bearer {TOKEN}", "/buckets/ekiden/mail/inbox/1")


async def put(url: str, key: str) -> None:
    store = open_store(url)
    await store.put(key, b"x")
    await store.close()
