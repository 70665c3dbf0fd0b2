"""A Haraka of our own: it keeps mail as files, and refuses some addresses in its own words.

`EKIDEN_TEST_HARAKA` names a folder where `npm install Haraka` was run (`.ci/run` does that).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from free_ports import free_port
from other_servers import folder, process
from private_postfix import ServerMissing

_PLUGIN = """\
'use strict';
const fs = require('node:fs');
const path = require('node:path');

exports.hook_rcpt = (next, connection, params) => {
  const user = params[0].user;
  if (user === 'nobody') return next(DENY, 'no such user');
  if (user === 'full') return next(DENYSOFT, 'mailbox is full');
  if (user === 'closing') return next(DENYSOFTDISCONNECT, 'we are going down');
  next(OK);
};

exports.hook_queue = (next, connection) => {
  const { message_stream, rcpt_to } = connection.transaction;
  const name = `${rcpt_to[0].user}@${rcpt_to[0].host}`;
  const file = fs.createWriteStream(path.join('PLACE', 'kept', name));
  file.on('finish', () => next(OK));
  message_stream.pipe(file, { line_endings: '\\r\\n' });
};
"""


@dataclass(frozen=True)
class Kept:
    """A running Haraka."""

    route: str
    _folder: Path

    def mail_to(self, recipient: str) -> bytes:
        return (self._folder / recipient).read_bytes()


@contextmanager
def running_haraka() -> Iterator[Kept]:
    """Raises `ServerMissing`."""
    installed = os.environ.get("EKIDEN_TEST_HARAKA", "")
    program = Path(installed, "node_modules", ".bin", "haraka")
    if not installed or not program.exists():
        raise ServerMissing("EKIDEN_TEST_HARAKA names no folder with Haraka (npm install Haraka)")
    with folder() as place:
        port = free_port()
        for name in ("config", "plugins", "kept"):
            (place / name).mkdir()
        files = {
            "config/smtp.ini": f"listen=127.0.0.1:{port}\nnodes=0\n",
            "config/plugins": "keep\n",
            "config/me": "haraka.example\n",
            "config/loglevel": "ERROR\n",
            "plugins/keep.js": _PLUGIN.replace("PLACE", str(place)),
        }
        for name, text in files.items():
            (place / name).write_text(text)
        bundled = Path(installed, "node_modules", "Haraka", "config", "connection.ini")
        shutil.copy(bundled, place / "config")
        with process([program, "-c", place], port):
            yield Kept(f"smtp://127.0.0.1:{port}", place / "kept")
