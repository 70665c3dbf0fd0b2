"""`python -m infra.stack`: run the stack until Ctrl-C; with `demo`, send a Batch through it."""

import argparse
import logging
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ekiden import demo
from infra.stack.free_ports import HOST
from infra.stack.parts import FUNCTIONS, Ports
from infra.stack.processes import DidNotStart
from infra.stack.seaweed import SeaweedUnavailable
from infra.stack.stack import Stack, provision, running_stack
from shared.errors import EkidenError

DATA = Path(".stack")
SUBMIT_PORT = 8080
CALLERS = {"sweep": "a timer", "track": "readers of tracked mail", "admin": "operators, browsers"}
"""The others hear of their work by events."""


def main() -> int:
    """The exit status."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    # So that everything is stopped in order, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    words = _words()
    try:
        return (
            _demo(words.recipients, words.keep)
            if words.what == "demo"
            else _up(words.data, words.port)
        )
    except (DidNotStart, SeaweedUnavailable, EkidenError) as error:
        print(f"stack: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def _words() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.stack", description=__doc__)
    parser.add_argument("what", nargs="?", choices=("up", "demo"), default="up")
    parser.add_argument("--data", type=Path, default=DATA, help="where the bucket keeps its files")
    parser.add_argument("--port", type=int, default=SUBMIT_PORT, help="of the submit function")
    parser.add_argument("--recipients", type=int, default=1000, help="of the demo's Batch")
    parser.add_argument("--keep", action="store_true", help="keep running after the demo")
    return parser.parse_args()


def _up(data: Path, port: int) -> int:
    """Until Ctrl-C. Mail goes to a mail server of its own; what `data` has is taken up again."""
    console = Console()
    with ExitStack() as parts:
        _, smtp_port = parts.enter_context(demo.mail_server())
        options = {"EKIDEN_SEND_ROUTE": f"smtp://{HOST}:{smtp_port}"}
        ports = Ports.free(submit=port)
        stack = parts.enter_context(running_stack(data.resolve(), options, ports=ports))
        api_key = provision(stack.store_url, demo.DOMAIN)
        _show_parts(console, stack, data)
        console.print("\nOne mail by hand (it stays on this machine):")
        print(demo.curl(stack.client(api_key)))
        console.print("\nAn operator's commands: [bold]export EKIDEN_STORE_URL=…[/] first:")
        print(f"export EKIDEN_STORE_URL='{stack.store_url}'")
        console.print("\nLet its mail be tracked, by the operator API:")
        print(_tracking_by_hand(stack))
        console.print(f"\nDashboard: [bold]{stack.dashboard_url}[/]  admin token: ", end="")
        print(stack.admin_token, flush=True)
        demo.wait_for_ctrl_c(console)
    return 0


def _tracking_by_hand(stack: Stack) -> str:
    url = f"{stack.ports.url('admin')}v1/domains/{demo.DOMAIN}/tracking"
    wish = '{"opens": "identified", "links": "identified"}'
    token = f"X-Ekiden-Admin-Token: {stack.admin_token}"
    return f"curl -X PUT {url} -H '{token}' -d '{wish}'"


def _demo(recipients: int, keep: bool) -> int:
    """A fresh stack, one Batch, and what became of it."""
    console = Console()
    with ExitStack() as parts:
        folder = Path(parts.enter_context(tempfile.TemporaryDirectory(prefix="ekiden-stack-")))
        sink, smtp_port = parts.enter_context(demo.mail_server())
        options = {**demo.HURRY, "EKIDEN_SEND_ROUTE": f"smtp://{HOST}:{smtp_port}"}
        stack = parts.enter_context(running_stack(folder, options, sweep_every_s=1.0))
        api_key = provision(stack.store_url, demo.DOMAIN)
        _show_parts(console, stack, folder)
        return demo.show(console, stack.client(api_key), sink, recipients, keep=keep)


def _show_parts(console: Console, stack: Stack, data: Path) -> None:
    table = Table("part", "where", "what wakes it")
    table.add_row("bucket", stack.store_url.partition("endpoint=")[2].partition("&")[0], "")
    for name in FUNCTIONS:
        table.add_row(name, stack.ports.url(name), CALLERS.get(name, "the bucket's events"))
    ports = stack.ports
    smtp = f"SMTP {ports.submission} (apps), {ports.inbound} (bounces)"
    table.add_row("pod", f"{smtp}, events {ports.receiver}, metrics {ports.side}", "")
    console.print(table)
    console.print(f"Logs: {data}/logs")


if __name__ == "__main__":
    sys.exit(main())
