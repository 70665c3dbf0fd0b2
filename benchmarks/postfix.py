"""Postfix as a peer: a private instance in a temporary directory, tuned to relay fast.

What is tuned in its favour: no DNS, no chroot, no log file, all connections to the sink from the
start, no pause for incoming mail while the queue is long, no rate limits on the client, nothing
rewritten or looked up, room for all recipients of a message at once. Two settings were chosen by
measuring: 10 connections beat 5 and 20; and a new connection for each message beats its connection
cache, which passes sockets through one more process and gains nothing on loopback (medians of 7:
808 single messages a second against 663, 1,788 Deliveries of one message against 1,628).

What stays as it is everywhere: a message is in its queue, synced to the disk, before it says
`250`, as Ekiden's Batch is before it says `202`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from benchmarks.loopback import HOST, free_port, wait_until_listens
from benchmarks.row import Unmeasured
from benchmarks.sink import Sink

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

GONE_WITHIN_S = 30
_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = {command_directory}
daemon_directory = {daemon_directory}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = peer.example.org
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{sink_port}
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_recipient_limit = 200000
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtp_dns_support_level = disabled
disable_dns_lookups = yes
smtp_host_lookup = native
in_flow_delay = 0
default_process_limit = 100
initial_destination_concurrency = 10
default_destination_concurrency_limit = 10
default_destination_recipient_limit = 1
default_recipient_limit = 200000
qmgr_message_recipient_limit = 200000
qmgr_message_active_limit = 200000
smtp_connection_cache_on_demand = no
"""

_MASTER_CF = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
"""


class Instance:
    """A Postfix of our own that relays everything to `relay_port`. Needs root. Started by `start`.

    `settings` are parameters of main.cf that differ.
    """

    def __init__(self, relay_port: int, **settings: str) -> None:
        self._postfix = program("postfix")
        if os.geteuid() != 0:
            raise Unmeasured("Postfix: needs root to start")
        self._is_running = False
        self.port = free_port()
        self.directory = Path(tempfile.mkdtemp(prefix="ekiden-postfix-"))
        self._configure(relay_port, settings)

    def _configure(self, relay_port: int, settings: Mapping[str, str]) -> None:
        self.directory.chmod(0o755)  # its daemons drop root and must still pass
        (self.directory / "queue").mkdir()
        data = self.directory / "data"
        data.mkdir()
        shutil.chown(data, "postfix")
        directories = {name: _built_in(name) for name in ("command_directory", "daemon_directory")}
        main_cf = _MAIN_CF.format(dir=self.directory, sink_port=relay_port, **directories)
        # The last line of several for one parameter counts.
        main_cf += "".join(f"{name} = {text}\n" for name, text in settings.items())
        (self.directory / "main.cf").write_text(main_cf)
        (self.directory / "master.cf").write_text(_MASTER_CF.format(port=f"{HOST}:{self.port}"))

    def start(self) -> None:
        self._control("start")
        self._is_running = True
        wait_until_listens(self.port)

    def start_again(self) -> None:
        """The master alone: `start` also looks over all folders, which takes seconds."""
        _run(f"{_built_in('daemon_directory')}/master", "-c", str(self.directory), "-w")
        self._is_running = True

    def stop(self) -> None:
        """End. Deliveries that are under way are broken off."""
        self._control("stop")
        self._is_running = False

    def kill(self) -> None:
        """kill -9 of the master and all its children: they are one process group."""
        master = int((self.directory / "queue/pid/master.pid").read_text())
        group = os.getpgid(master)
        if group == os.getpgid(0):
            raise Unmeasured("Postfix runs in our own process group")
        os.killpg(group, signal.SIGKILL)
        self._is_running = False
        _wait_until_gone(group)

    def is_empty(self) -> bool:
        """No mail is in its queue, but for what is on hold."""
        folders = [self.directory / "queue" / name for name in ("incoming", "active", "deferred")]
        return not any(each.is_file() for folder in folders for each in folder.rglob("*"))

    def run(self, command: str, *arguments: str) -> None:
        """One of its administrative commands, about this instance."""
        _run(program(command), "-c", str(self.directory), *arguments)

    def _control(self, word: str) -> None:
        _run(self._postfix, "-c", str(self.directory), word)

    def remove(self) -> None:
        """Also where something went wrong while it ran."""
        if self._is_running:
            self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def _wait_until_gone(group: int) -> None:
    """Until then they hold the lock that the next master wants."""
    deadline = time.monotonic() + GONE_WITHIN_S
    with suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(0.01)


class Postfix(Instance):
    """A running one whose mails are counted at its sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__(sink.port)
        self._source = program("smtp-source")
        self._sink = sink
        self.start()

    def __enter__(self) -> "Postfix":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.remove()

    def one_to_many(self, mail: Path, recipients: int, timeout_s: float = 120) -> float:
        """One message to `recipients`, sent one by one: Deliveries per second, to the last."""
        return self._rate(["-r", str(recipients)], mail, recipients, timeout_s)

    def singles(self, mail: Path, count: int, sessions: int, timeout_s: float = 120) -> float:
        """`count` messages over `sessions` kept connections: messages per second, to the last."""
        options = ["-d", "-s", str(sessions), "-m", str(count)]
        return self._rate(options, mail, count, timeout_s)

    def _rate(self, options: list[str], mail: Path, count: int, timeout_s: float) -> float:
        before = self._sink.count
        start = time.monotonic()
        source = feed(self._source, options, mail, self.port)
        try:
            end = self._sink.wait_for(before + count, timeout_s)
        finally:
            source.kill()
            source.wait()
        return count / (end - start)


def feed(program: str, options: list[str], mail: Path, port: int) -> subprocess.Popen[bytes]:
    """Start `smtp-source`, which sends the file `mail` to `port`."""
    addresses = ["-f", "news@example.org", "-t", "reader@example.net", "-M", "client.example.org"]
    return subprocess.Popen([program, *options, *addresses, "-F", str(mail), f"{HOST}:{port}"])


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def program(name: str) -> str:
    """Its path. Raises `Unmeasured`."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        raise Unmeasured(f"{name}: missing (Debian: postfix)")
    return found


def _built_in(parameter: str) -> str:
    command = [program("postconf"), "-d", "-h", parameter]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
