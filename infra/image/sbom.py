"""Writes what is in the image as a CycloneDX 1.6 document, from its pinned requirements.

    python infra/image/sbom.py infra/image/requirements.txt > sbom.json

The same input gives the same bytes. The base image has its own.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(?:;\s*(.*?))?\s*\\?$")
_HASH = re.compile(r"^\s+--hash=sha256:([0-9a-f]{64})\s*\\?$")


def components(requirements: str) -> list[dict[str, Any]]:
    """One CycloneDX component per pinned package, in the file's order.

    Raises ValueError for a line that is neither a pin, a hash nor a comment, and for a package
    without a hash: an inventory with holes is none.
    """
    found: list[dict[str, Any]] = []
    for number, line in enumerate(requirements.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if pin := _PIN.match(line):
            found.append(_component(pin[1], pin[2], pin[3]))
        elif (digest := _HASH.match(line)) and found:
            found[-1]["properties"].append({"name": "ekiden:sha256", "value": digest[1]})
        else:
            raise ValueError(f"line {number}: neither a pinned package nor a hash: {line!r}")
    for each in found:
        if not any(entry["name"] == "ekiden:sha256" for entry in each["properties"]):
            raise ValueError(f"{each['name']} has no hash: make the file with `make lock`")
    return found


def _component(name: str, version: str, marker: str | None) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    properties = [{"name": "ekiden:marker", "value": marker}] if marker else []
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        # Each package has a file per platform, and so several digests: `hashes` would claim one.
        "properties": properties,
    }


def document(requirements: str) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "bom-ref": "ekiden", "name": "ekiden"},
        },
        "components": components(requirements),
    }


if __name__ == "__main__":
    print(json.dumps(document(Path(sys.argv[1]).read_text("utf-8")), indent=2))
