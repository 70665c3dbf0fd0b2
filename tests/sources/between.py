"""A proxy between a source and its SQS: it sees each call, and can swallow one for ever."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

WITHIN_S = 30


class Between:
    """What passed, by the name of the call."""

    def __init__(self, endpoint: str, swallow: str = "", visible_again_s: int = 0) -> None:
        self._upstream = urlsplit(endpoint).netloc
        self._swallow = swallow
        self._visible_again_s = visible_again_s
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """(`DeleteMessage`, its parameters) of each."""
        self.swallowed = threading.Event()
        self.over = threading.Event()
        self.endpoint = ""

    def parameters(self, call: str) -> list[dict[str, Any]]:
        return [given for name, given in list(self.calls) if name == call]

    def pass_on(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        call = headers.get("X-Amz-Target", "").rpartition(".")[2]
        given = json.loads(body or b"{}")
        self.calls.append((call, given))
        if call == "ReceiveMessage" and self._visible_again_s:
            body = json.dumps({**given, "VisibilityTimeout": self._visible_again_s}).encode()
            headers = {**headers, "Content-Length": str(len(body))}
        if call == self._swallow:
            self.swallowed.set()
            self.over.wait(WITHIN_S)
            return 500, b"{}"
        upstream = http.client.HTTPConnection(self._upstream, timeout=WITHIN_S)
        try:
            upstream.request("POST", path, body, headers)
            answer = upstream.getresponse()
            return answer.status, answer.read()
        finally:
            upstream.close()


@contextmanager
def between(endpoint: str, swallow: str = "", visible_again_s: int = 0) -> Iterator[Between]:
    """`visible_again_s`: what a dead process held is there for another so much later."""
    proxy = Between(endpoint, swallow, visible_again_s)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = proxy.pass_on(self.path, dict(self.headers), body)
            self.send_response(status)
            self.send_header("content-type", "application/x-amz-json-1.0")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:  # who asked has been killed
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    proxy.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield proxy
    finally:
        proxy.over.set()
        server.shutdown()
        server.server_close()
