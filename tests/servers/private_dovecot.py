"""A Dovecot of our own that takes mail by LMTP and puts it into mailboxes in a temporary folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from free_ports import free_port
from other_servers import folder, process
from private_postfix import program

_CONFIGURATION = """\
base_dir = {place}/run
state_dir = {place}/run
log_path = {place}/log
listen = 127.0.0.1
protocols = lmtp
ssl = no
first_valid_uid = 1
mail_uid = nobody
mail_gid = nogroup
mail_location = maildir:{place}/mail/%u
mail_plugins = quota
plugin {
  quota = maildir:all
}
passdb {
  driver = static
}
userdb {
  driver = passwd-file
  args = {place}/users
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = {port}
  }
}
service anvil {
  chroot =
}
"""
_USERS = """\
ann@sink.example::::::::
ben@sink.example::::::::
full@sink.example:::::::userdb_quota_rule=*:bytes=10
"""


@dataclass(frozen=True)
class Mailboxes:
    """A running Dovecot: it knows ann, ben, and full, whose mailbox has no room."""

    route: str
    _mail: Path

    def of(self, user: str) -> list[bytes]:
        """Every message in the user's inbox."""
        return [file.read_bytes() for file in (self._mail / user / "new").glob("*")]


@contextmanager
def running_dovecot() -> Iterator[Mailboxes]:
    """Raises `ServerMissing`."""
    dovecot = program("dovecot", "dovecot-lmtpd")
    with folder() as place:
        port = free_port()
        text = _CONFIGURATION.replace("{place}", str(place)).replace("{port}", str(port))
        (place / "dovecot.conf").write_text(text)
        (place / "users").write_text(_USERS)
        (place / "mail").mkdir()
        (place / "mail").chmod(0o777)
        with process([dovecot, "-F", "-c", place / "dovecot.conf"], port):
            yield Mailboxes(f"lmtp://127.0.0.1:{port}", place / "mail")
