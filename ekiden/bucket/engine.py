"""Which S3 engine it is: told by what it answers. Only notifications differ by it."""

import urllib.error
import urllib.request
from collections.abc import Mapping
from enum import StrEnum

from ekiden.bucket.place import Place

TIMEOUT_S = 5.0


class Engine(StrEnum):
    """The engines whose notifications we know how to set up."""

    MINIO = "minio"
    AWS = "aws"
    SEAWEEDFS = "seaweedfs"
    OTHER = "other"


def by_headers(headers: Mapping[str, str]) -> Engine | None:
    """What the headers of any answer give away; names are in lower case."""
    server = headers.get("server", "").lower()
    if "minio" in server or "x-minio-deployment-id" in headers:
        return Engine.MINIO
    if "seaweedfs" in server:
        return Engine.SEAWEEDFS
    return Engine.AWS if server == "amazons3" else None


def recognise(place: Place, endpoint: str, headers: Mapping[str, str]) -> Engine:
    """By the answer's headers; where a proxy has taken those away, by what MinIO alone answers."""
    found = by_headers(headers)
    if found is not None:
        return found
    if place.is_on_aws and endpoint.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return Engine.AWS
    return Engine.MINIO if _is_minio(endpoint) else Engine.OTHER


def _is_minio(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/minio/health/live", timeout=TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError, ValueError):
        return False
