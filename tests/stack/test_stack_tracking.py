"""A tracked Batch through the stack: opened and clicked by a reader, told to an app's Webhook; and
the operator's door."""

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from watched import batch_to, done, until

from ekiden import demo
from ekiden.sink import Sink
from infra.stack.parts import FUNCTIONS
from infra.stack.seaweed import SeaweedUnavailable
from infra.stack.stack import Stack, provision, running_stack

PATIENCE_S = 60
OFFER = "https://example.com/offer?a=1"
HTML = f'<p>Dear {{{{ name }}}}, <a href="{OFFER}">an offer</a></p>'
WATCHED = {"opens": "identified", "links": "identified"}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Sink]]:
    """Its sweep never comes, so that only events wake anybody."""
    with ExitStack() as parts:
        sink, port = parts.enter_context(demo.mail_server(None, keep=100))
        options = {"EKIDEN_SEND_ROUTE": f"smtp://127.0.0.1:{port}"}
        folder = tmp_path_factory.mktemp("tracked")
        try:
            stack = parts.enter_context(running_stack(folder, options, sweep_every_s=3600))
        except SeaweedUnavailable as reason:
            pytest.skip(f"no SeaweedFS: {reason}")
        yield stack, sink


class Unled(urllib.request.HTTPRedirectHandler):
    """Looks where it would be led, and does not go."""

    def redirect_request(self, *_: Any) -> None:
        return None


def visit(url: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body)"""
    named = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, named)
    try:
        with urllib.request.build_opener(Unled).open(request, timeout=PATIENCE_S) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, dict(answer.headers), answer.read()


def operate(stack: Stack, method: str, path: str, wish: Any) -> Any:
    """A call to the operator API."""
    headers = {"x-ekiden-admin-token": stack.admin_token}
    url = stack.ports.url("admin") + path
    request = urllib.request.Request(url, json.dumps(wish).encode(), headers, method=method)
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


@contextmanager
def app() -> Iterator[tuple[str, list[str]]]:
    """(the URL of an app's Webhook, what it was told)"""
    told: list[str] = []

    class Face(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.append(json.loads(body)["type"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Face)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_reader_opens_and_clicks_and_the_app_is_told(opened: tuple[Stack, Sink]) -> None:
    stack, sink = opened
    client = stack.client(provision(stack.store_url, demo.DOMAIN))
    operate(stack, "PUT", f"v1/domains/{demo.DOMAIN}/tracking", WATCHED)
    with app() as (url, told):
        operate(stack, "POST", f"v1/domains/{demo.DOMAIN}/webhooks", {"url": url})
        batch = client.submit({**batch_to(1), "html": HTML, "tracking": WATCHED})["batch"]
        assert done(client, batch, PATIENCE_S)["outcomes"] == {"delivered": 1}
        html = html_of(sink.received[0].message)
        (pixel,) = re.findall(r'src="([^"]+/o/[^"]+)"', html)
        (link,) = re.findall(r'href="([^"]+/c/[^"]+)"', html)
        assert {each.startswith(stack.ports.url("track")) for each in (pixel, link)} == {True}
        status, headers, _ = visit(pixel)
        assert (status, headers["content-type"]) == (200, "image/gif")
        status, headers, _ = visit(link)
        assert (status, headers["location"]) == (302, OFFER)
        wanted = {"delivery.delivered", "delivery.opened", "delivery.clicked"}
        until(lambda: {*told} >= wanted)


def html_of(message: bytes) -> str:
    part = message_from_bytes(message, policy=policy.default).get_body(("html",))
    assert part is not None
    return str(part.get_content())


def test_nobody_is_led_anywhere_by_a_token_of_his_own_making(opened: tuple[Stack, Sink]) -> None:
    stack, _ = opened
    for path in ("c/forged", "o/forged", "u/forged", "", "v1/domains"):
        status, headers, _ = visit(stack.ports.url("track") + path)
        assert (status, headers.get("location")) == (404, None), path


def test_an_operator_logs_in_to_the_dashboard(opened: tuple[Stack, Sink]) -> None:
    stack, _ = opened
    login = f"{stack.dashboard_url}/login"
    status, headers, page = visit(login)
    assert status == 200
    (csrf,) = re.findall(rb'name="csrf" value="([^"]+)"', page)
    cookie = headers["set-cookie"].partition(";")[0]
    form = f"csrf={csrf.decode()}&token={stack.admin_token}&name=ann".encode()
    kind = "application/x-www-form-urlencoded"
    status, headers, _ = visit(login, form, cookie=cookie, content_type=kind)
    assert (status, headers["location"]) == (303, "/dashboard")
    session = headers["set-cookie"].partition(";")[0]
    status, _, page = visit(stack.dashboard_url, cookie=session)
    assert status == 200
    assert b"<main" in page


def test_every_function_of_the_repository_is_in_the_stack(opened: tuple[Stack, Sink]) -> None:
    stack, _ = opened
    for name in FUNCTIONS:
        assert visit(f"{stack.ports.url(name)}_/ready")[0] == 200, name
