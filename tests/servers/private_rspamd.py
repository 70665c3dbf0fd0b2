"""An rspamd of our own that does one thing: write down what it finds of SPF, DKIM and DMARC.

Postfix asks it as a milter, and it puts `Authentication-Results` (RFC 8601) on top of the mail.
It asks our name server, and it checks mail from this machine too, which it would trust otherwise.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from free_ports import free_port
from other_servers import folder, process
from private_postfix import program

_CONFIGURATION = """\
options {
  pidfile = "{place}/rspamd.pid";
  cache_file = "{place}/symbols.cache";
  hs_cache_dir = "{place}";
  tempdir = "{place}";
  control_socket = "{place}/rspamd.sock mode=0600";
  url_tld = "{place}/tld";
  filters = "dkim";
  dns { nameserver = ["127.0.0.1:{name_server}"]; timeout = 2s; }
}
logging { type = "file"; filename = "{place}/rspamd.log"; level = "info"; }
worker "rspamd_proxy" {
  bind_socket = "127.0.0.1:{port}";
  milter = yes;
  timeout = 30s;
  count = 1;
  upstream "local" { default = yes; self_scan = yes; }
}
modules {
  path = "{shared}/plugins/spf.lua";
  path = "{shared}/plugins/dmarc.lua";
  path = "{shared}/plugins/milter_headers.lua";
}
dkim { check_local = true; check_authed = true; }
spf { check_local = true; check_authed = true; }
dmarc { check_local = true; check_authed = true; }
milter_headers {
  use = ["authentication-results"];
  skip_local = false;
  skip_authenticated = false;
}
"""
_SHARED = "/usr/share/rspamd"


@contextmanager
def running_rspamd(name_server: int) -> Iterator[int]:
    """The port where it speaks the milter protocol. Raises `ServerMissing`."""
    rspamd = program("rspamd", "rspamd")
    with folder() as place:
        port = free_port()
        text = _CONFIGURATION
        words = {"place": place, "shared": _SHARED, "port": port, "name_server": name_server}
        for word, meaning in words.items():
            text = text.replace(f"{{{word}}}", str(meaning))
        (place / "rspamd.conf").write_text(text)
        (place / "tld").write_text("example\norg\n")  # the real list takes it 15 s to read
        with process([rspamd, "-f", "-i", "-c", place / "rspamd.conf"], port):
            yield port
