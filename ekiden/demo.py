"""`ekiden demo`: the whole relay on this machine, to a mail server of its own. Nothing leaves.

It starts `ekiden serve` on a fresh SQLite file and a sink that refuses some Recipients and defers
others, sends one Batch through the HTTP API, and shows what became of every Delivery.
"""

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ekiden.cli.batches import follow
from ekiden.client import ApiUnreachable, Client
from ekiden.sink import Received, Refuse, Sink
from shared import keys
from shared.provision import add_api_key, add_domain
from shared.store import open_store

DOMAIN = "demo.example"
LATE_DOMAIN = "late.example"
"""It is not there when an app uploads a Batch for it: so that there is failed work to look at."""
ENDED = (
    "It ends here. To look at all of this in a browser, and to send by hand, leave it running:\n"
    "make demo KEEP=1, or ekiden demo --keep"
)
_HTML = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "html" / "action.html"
_OWN_HTML = """<!DOCTYPE html>
<html><body style="font-family: sans-serif">
<h1>Welcome, {{ name }}</h1>
<p>Your place in {{ city }} is ready. Please confirm your email address.</p>
<p><a href="https://demo.example/confirm">Confirm email address</a></p>
</body></html>
"""
_CITIES = ("Edo", "Hakone", "Mishima", "Shizuoka", "Okazaki", "Miya", "Kusatsu", "Kyōto")
# A demo cannot wait for five minutes: what is deferred comes back after two seconds, and what is
# still deferred after ten is given up.
HURRY = {
    "EKIDEN_SEND_RETRY_MIN": "2s",
    "EKIDEN_SEND_RETRY_BASE": "1s",
    "EKIDEN_SEND_RETRY_WINDOW": "10s",
    "EKIDEN_SWEEP_INTERVAL": "1s",
    "EKIDEN_STATS_INTERVAL": "2s",
    "EKIDEN_LOG_LEVEL": "error",
}


def refuse(recipient: str, seen_before: int) -> str | None:
    """How the demo's mail server treats a Recipient, by the name."""
    if recipient.startswith("gone"):
        return "550 5.1.1 no such user here"
    if recipient.startswith("full"):
        return "452 4.2.2 mailbox full"
    if recipient.startswith("grey") and not seen_before:
        return "450 4.7.1 greylisted, come back later"
    return None


def recipients(count: int) -> list[dict[str, Any]]:
    """Made-up Recipients: of 100, two are gone, one has a full mailbox, ten are greylisted."""
    kinds = dict.fromkeys(range(5, 100, 10), "grey") | {0: "gone", 50: "gone", 77: "full"}
    return [
        {
            "email": f"{kinds.get(n % 100, 'rider')}{n}@station{n % 53}.example",
            "fields": {"name": f"Rider {n}", "city": _CITIES[n % len(_CITIES)]},
        }
        for n in range(count)
    ]


def html() -> str:
    """A real transactional mail, where the folder with real input is there; ours otherwise."""
    try:
        page = _HTML.read_text()
    except OSError:
        return _OWN_HTML
    greeting = "Dear {{ name }} of {{ city }}, please confirm your email address"
    return page.replace("Please confirm your email address", greeting)


def main(count: int, *, keep: bool) -> int:
    """Run the demo; the exit status."""
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="ekiden-demo-") as folder,
        mail_server(mails=Path(folder) / "mails" if keep else None) as (sink, port),
    ):
        http_port = _free_port()
        admin_token = secrets.token_urlsafe(12)
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("EKIDEN_")},
            **HURRY,
            "EKIDEN_STORE_URL": f"sqlite:///{folder}/ekiden.db",
            "EKIDEN_HTTP_PORT": str(http_port),
            "EKIDEN_SEND_ROUTE": f"smtp://127.0.0.1:{port}",
            "EKIDEN_ADMIN_TOKENS": admin_token,
            "EKIDEN_ADMIN_MAILS": f"{folder}/mails" if keep else "",
        }
        api_key = asyncio.run(_set_up(environment["EKIDEN_STORE_URL"], upload=keep))
        client = Client(f"http://127.0.0.1:{http_port}", api_key)
        with _serve(environment, client):
            console.print("Started [bold]ekiden serve[/] on one SQLite file, and a mail server.")
            note = dashboard(client.url, admin_token) if keep else Text(ENDED)
            return show(console, client, sink, count, keep=keep, note=note)


def show(
    console: Console,
    client: Client,
    sink: Sink,
    count: int,
    *,
    keep: bool,
    note: Text | None = None,
) -> int:
    started = time.monotonic()
    answer = client.submit(batch(recipients(count)))
    console.print(f"Batch {answer['batch']}: {answer['accepted']} Recipients accepted.")
    counts = follow(client, [answer["batch"]], answer["accepted"], until_done=True)
    took_s = time.monotonic() - started
    _outcomes(console, client, answer["batch"], counts)
    again = _tried_again(client, answer["batch"])
    console.print(
        f"{sink.accepted} mails arrived, {again} of the Deliveries needed more than one attempt; "
        f"the last Outcome came after {took_s:.1f} s."
    )
    if sink.received:
        console.print(_mail(sink.received[0]))
    if keep:
        console.print("By hand:")
        print(curl(client), flush=True)
    if note:
        console.print(note)
    if keep:
        wait_for_ctrl_c(console)
    return 0 if sum(counts.values()) == answer["accepted"] else 1


def dashboard(url: str, admin_token: str) -> Text:
    """Where to look at all of it."""
    return Text(
        f"Dashboard: {url}/dashboard\nLog in with: {admin_token}\n"
        f"One upload has failed on purpose: nobody is called {LATE_DOMAIN}. Add that Domain on the "
        "dashboard, then replay what failed."
    )


def uploaded() -> bytes:
    """What an app has put into the inbox of a Domain that is not there."""
    return msgspec.json.encode(
        {
            "sender": {"email": f"post@{LATE_DOMAIN}"},
            "subject": "Better late than never",
            "html": "<h1>It has arrived</h1><p>Somebody has replayed it.</p>",
            "recipients": [{"email": "patient@station1.example"}],
        }
    )


def batch(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sender": {"email": f"post@{DOMAIN}", "alias": "Ekiden demo"},
        "subject": "{{ name }}, please confirm your address",
        "html": html(),
        "recipients": rows,
        "tags": ["demo"],
    }


def curl(client: Client) -> str:
    """The line that submits one mail by hand."""
    body = (
        f'{{"sender": {{"email": "post@{DOMAIN}"}}, "subject": "Hello {{{{ name }}}}", '
        '"html": "<p>Hello {{ name }}</p>", '
        '"recipients": [{"email": "you@station1.example", "fields": {"name": "You"}}]}'
    )
    return f"curl -u '{DOMAIN}:{client.api_key}' {client.url}/v1/batches \\\n  -d '{body}'"


def _tried_again(client: Client, batch_id: str) -> int:
    """How many Deliveries were deferred, and tried once more when they were due."""
    number = 0
    after = ""
    while True:
        path = f"/v1/batches/{batch_id}/deliveries?limit=1000&after={after}"
        page = client.call("GET", path)[1]
        lasts = [each["last"] or {} for each in page["deliveries"]]
        number += len([last for last in lasts if last.get("attempt", 0) > 0])
        after = page["next"]
        if not after:
            return number


def _outcomes(console: Console, client: Client, batch_id: str, counts: dict[str, int]) -> None:
    table = Table("Outcome", "Deliveries", "for example", "what the server said")
    for state, number in sorted(counts.items(), key=lambda each: -each[1]):
        path = f"/v1/batches/{batch_id}/deliveries?outcome={state}&limit=1"
        found = client.call("GET", path)[1]["deliveries"]
        last: dict[str, Any] = (found[0]["last"] or {}) if found else {}
        said = " ".join(str(last.get(part, "")) for part in ("code", "enhanced", "text"))
        table.add_row(state, str(number), last.get("recipient", ""), said)
    console.print(table)


def _mail(received: Received) -> Panel:
    message = message_from_bytes(received.message, policy=policy.default)
    shown = "\n".join(f"{name}: {value}" for name, value in message.items())
    body = message.get_body(("html",))
    size = len(received.message)
    text = f"{shown}\n\n… {size} bytes in all" if body else shown
    return Panel(Text(text), title=f"one mail, as {received.recipient} got it", width=100)


async def _set_up(store_url: str, *, upload: bool) -> str:
    """A Domain and an API key."""
    store = open_store(store_url)
    try:
        await add_domain(store, DOMAIN, ["rsa-sha256"], time.time())
        if upload:
            await store.put(keys.inbox(LATE_DOMAIN, "hello.json"), uploaded())
        return await add_api_key(store, DOMAIN, "demo", time.time())
    finally:
        await store.close()


class FilingSink(Sink):
    """Leaves the latest mails that it gets in a folder, a file each."""

    def __init__(self, refuse: Refuse | None, keep: int, folder: Path) -> None:
        super().__init__(refuse, keep)
        folder.mkdir()
        self._folder = folder
        self._files = 0

    def store(self, return_path: str, recipients: list[str], message: bytes) -> None:
        super().store(return_path, recipients, message)
        for recipient in recipients:
            # As the last server of a mail's way does (RFC 5321 §4.4).
            head = f"Return-Path: <{return_path}>\r\nDelivered-To: {recipient}\r\n".encode()
            self._file(self._files).write_bytes(head + message)
            self._file(self._files - self.keep).unlink(missing_ok=True)
            self._files += 1

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:09d}.eml"


@contextmanager
def mail_server(
    refuse: Refuse | None = refuse, keep: int = 50, mails: Path | None = None
) -> Iterator[tuple[Sink, int]]:
    """A sink on a thread of its own, and its port. `mails`: where it shall leave what it keeps."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    sink = FilingSink(refuse, keep, mails) if mails else Sink(refuse, keep)
    try:
        yield sink, asyncio.run_coroutine_threadsafe(sink.start(), loop).result()
    finally:
        asyncio.run_coroutine_threadsafe(sink.close(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


@contextmanager
def _serve(environment: dict[str, str], client: Client) -> Iterator[None]:
    """`ekiden serve` as a process of its own, ready to answer."""
    command = [sys.executable, "-m", "ekiden", "serve"]
    process = subprocess.Popen(command, env=environment)
    try:
        _until_ready(process, client)
        yield
    finally:
        process.terminate()
        process.wait()


def _until_ready(process: "subprocess.Popen[bytes]", client: Client) -> None:
    for _ in range(200):
        try:
            client.call("GET", "/healthz")
            return
        except ApiUnreachable:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise ApiUnreachable("ekiden serve did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_ctrl_c(console: Console) -> None:
    console.print("Ctrl-C ends it.")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        console.print("Bye.")
