"""Events as their senders send them: captured where the sender runs here, else after its manual."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.events import Event

SAMPLES = Path(__file__).with_name("samples")
NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))
WORK_KEY = "validated/01hf7yat00zzzzzzzzzzzzzzzz/0000.json"


@dataclass(frozen=True)
class Sample:
    """One request, and the objects that it tells of."""

    body: bytes
    headers: dict[str, str]
    events: list[dict[str, Any]]


def sample(name: str) -> Sample:
    read = json.loads((SAMPLES / f"{name}.json").read_text("utf-8"))
    body = json.dumps(read["body"], ensure_ascii=False).encode()
    return Sample(body, read["headers"], read["events"])


def told(event: Event) -> dict[str, Any]:
    """What an event says about the object."""
    return {name: getattr(event, name) for name in ("bucket", "key", "size_bytes", "etag")}
