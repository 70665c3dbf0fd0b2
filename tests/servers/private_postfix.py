"""A Postfix of our own in a temporary folder: one instance, a port for each way it can behave.

    with running_postfix(services, reader.port) as postfix:
        route = postfix.route("greylisting")

Its mail ends at the reader (`reader_of_mail.py`), also the reports that it writes itself. The
folder is removed and every process ended when the context closes. Needs root, because Postfix
drops it.
"""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from free_ports import free_port

from benchmarks.loopback import HOST, wait_until_listens

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
Service = Mapping[str, str]
"""Parameters of main.cf that this port sees differently. `{folder}` and `{port of NAME}` are
filled in."""

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = {command_directory}
daemon_directory = {daemon_directory}
maillog_file = {folder}/mail.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = postfix.example
mydestination =
alias_maps =
local_recipient_maps =
mynetworks = 127.0.0.0/8
relayhost = [127.0.0.1]:{reader}
transport_maps = texthash:{folder}/transport
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtpd_client_connection_count_limit = 0
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtputf8_enable = yes
smtputf8_autodetect_classes = all
smtpd_tls_cert_file = {folder}/certificate.pem
smtpd_tls_key_file = {folder}/key.pem
smtpd_tls_security_level = none
tls_random_source = dev:/dev/urandom
anvil_rate_time_unit = 8s
smtpd_error_sleep_time = 0
in_flow_delay = 0
delay_warning_time = 0
notify_classes = bounce
bounce_notice_recipient = postmaster@postfix.example
queue_run_delay = 1s
minimal_backoff_time = 1s
default_destination_recipient_limit = 50
"""

_DAEMONS = """\
cleanup unix n - n - 0 cleanup
strict unix n - n - 0 cleanup
    -o header_checks=regexp:{folder}/headers
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class ServerMissing(Exception):
    """This server cannot run here; the message says why."""


def program(name: str, package: str) -> str:
    """The path of an installed program. Raises `ServerMissing`."""
    found = shutil.which(name, path=PATH)
    if found is None:
        raise ServerMissing(f"{name} is not installed (Debian: apt-get install {package})")
    if os.geteuid() != 0:
        raise ServerMissing(f"{name} needs root to start")
    return found


class PrivatePostfix:
    """A running instance."""

    def __init__(self, folder: Path, ports: dict[str, int]) -> None:
        self.folder = folder
        self.ports = ports
        """Its own by name; and `reports`, where it will bring reports for our Domain."""

    def route(self, service: str, scheme: str = "smtp") -> str:
        """What `send.route` says to reach this port."""
        return f"{scheme}://{HOST}:{self.ports[service]}"

    async def logged(self, pattern: str, timeout_s: float = 10) -> str:
        """The first line of the log that matches, as soon as it is there."""
        command = ("tail", "-n", "+1", "-F", str(self.folder / "mail.log"))
        tail = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert tail.stdout
        try:
            async with asyncio.timeout(timeout_s):
                while not re.search(pattern, line := (await tail.stdout.readline()).decode()):
                    assert line, "the log ended"
                return line
        except TimeoutError as late:
            raise AssertionError(f"nothing in the log matches {pattern!r}") from late
        finally:
            tail.kill()
            await tail.wait()


@contextmanager
def running_postfix(
    services: Mapping[str, Service], files: Mapping[str, str], reader: int
) -> Iterator[PrivatePostfix]:
    """`files` are written into its folder, with the same words filled in. Raises
    `ServerMissing`."""
    postfix = program("postfix", "postfix")
    folder = Path(tempfile.mkdtemp(prefix="ekiden-servers-"))
    try:
        ports = _configure(folder, services, files, reader)
        _control(postfix, folder, "start")
        try:
            for service in services:
                wait_until_listens(ports[service])
            yield PrivatePostfix(folder, ports)
        finally:
            _control(postfix, folder, "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _configure(
    folder: Path, services: Mapping[str, Service], files: Mapping[str, str], reader: int
) -> dict[str, int]:
    """Write everything that Postfix reads, and return the port of each service."""
    folder.chmod(0o755)  # its daemons drop root and must still pass
    (folder / "queue").mkdir()
    (folder / "data").mkdir()
    shutil.chown(folder / "data", "postfix")
    ports: dict[str, int] = {}
    for name in (*services, "reports"):
        ports[name] = _another(ports)
    words = {"{folder}": str(folder), "{reader}": str(reader)}
    words |= {f"{{port of {name}}}": str(port) for name, port in ports.items()}
    words |= {f"{{{name}}}": _built_in(name) for name in ("command_directory", "daemon_directory")}
    master = [_DAEMONS]
    for name, options in services.items():
        master.append(f"{HOST}:{ports[name]} inet n - n - - smtpd")
        master += [f"    -o {{ {key} = {value} }}" for key, value in options.items()]
    written = {"main.cf": _MAIN_CF, "master.cf": "\n".join(master) + "\n", **files}
    for name, text in written.items():
        (folder / name).write_text(_filled(text, words))
    return ports


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, meaning in words.items():
        text = text.replace(word, meaning)
    return text


def _another(taken: Mapping[str, int]) -> int:
    while (port := free_port()) in taken.values():
        pass
    return port


def _control(postfix: str, folder: Path, command: str) -> None:
    done = subprocess.run(
        [postfix, "-c", str(folder), command], capture_output=True, text=True, timeout=60
    )
    if done.returncode:
        raise ServerMissing(f"postfix {command}: {done.stderr.strip() or done.stdout.strip()}")


def _built_in(parameter: str) -> str:
    command = [program("postconf", "postfix"), "-d", "-h", parameter]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
