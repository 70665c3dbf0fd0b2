"""What was measured, as it ships: `measured.json`, written by `python -m benchmarks.cost`."""

from pathlib import Path

import msgspec

from ekiden.cost.usage import Measured

SHIPPED = Path(__file__).with_name("measured.json")


def load(path: Path = SHIPPED) -> Measured:
    return msgspec.json.decode(path.read_bytes(), type=Measured)


def write(measured: Measured, path: Path = SHIPPED) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(measured), indent=2) + b"\n")
