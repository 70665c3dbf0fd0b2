"""The templates in `html/`, with autoescape on: whatever a mail or a server says stays text."""

import sys
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

from functions.admin.dashboard import written
from functions.admin.mail.words import MEANING, ORDER
from shared.bounce_classes import CLASSES

HERE = Path(__file__).parent
SOURCES = HERE / "html"
STATIC_TYPES = {
    "dashboard.css": "text/css; charset=utf-8",
    "dashboard.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class _Compiled(FileSystemBytecodeCache):
    """Compiled templates lie beside their sources, as Python's modules do: that is 50 ms of the
    first page of a process."""

    def __init__(self) -> None:
        super().__init__(str(SOURCES / "__pycache__"), "%s.jinja")

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with suppress(OSError):  # installed where this process may not write
                Path(self.directory).mkdir(exist_ok=True)
                super().dump_bytecode(bucket)


class Renderer:
    """Makes pages. Templates are compiled when they are first used."""

    def __init__(self) -> None:
        self.static = {name: (HERE / "static" / name).read_bytes() for name in STATIC_TYPES}
        self._urls = {name: self._url(name) for name in STATIC_TYPES}
        self._environment = Environment(
            loader=FileSystemLoader(SOURCES),
            bytecode_cache=_Compiled(),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters |= {
            "moment": written.moment,
            "machine_time": written.machine_time,
            "duration": written.duration,
            "short": written.short,
            "number": written.number,
            "size": written.size,
            "percent": written.percent,
            "clock_time": written.clock_time,
            "ago": written.ago,
        }
        self._environment.globals |= {
            "static": self._urls.__getitem__,
            "meanings": {str(state): text for state, text in MEANING.items()},
            "classes": CLASSES,
            "state_order": [str(state) for state in ORDER],
        }

    def render(self, template: str, values: Mapping[str, Any]) -> bytes:
        return self._environment.get_template(template).render(values).encode("utf-8", "replace")

    def compile(self) -> None:
        """All templates, for an image that is read-only."""
        for name in self._environment.list_templates(["html"]):
            self._environment.get_template(name)

    def _url(self, name: str) -> str:
        """With a digest: a browser may keep it for good, and gets the new one after an upgrade."""
        return f"/dashboard/static/{name}?v={sha256(self.static[name]).hexdigest()[:12]}"


if __name__ == "__main__":
    Renderer().compile()
