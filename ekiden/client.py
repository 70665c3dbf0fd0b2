"""A small client of Ekiden's own HTTP API, for the command line, the demo and the tests."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from shared.errors import Permanent, Temporary


class ApiRefused(Permanent):
    """The API said no; the message is its problem's detail."""


class ApiUnreachable(Temporary):
    """Nobody answered."""


class Client:
    """Calls the API at `url` with an API key."""

    def __init__(self, url: str, api_key: str, timeout_s: float = 90.0) -> None:
        self.url = url.rstrip("/")
        self.api_key = api_key
        self._timeout_s = timeout_s

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, dict[str, Any], str]:
        """(status, JSON, ETag). Raises `ApiRefused`, `ApiUnreachable`."""
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.api_key}", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as answer:
                return answer.status, json.load(answer), answer.headers.get("ETag", "")
        except urllib.error.HTTPError as error:
            if error.code == 304:
                return 304, {}, error.headers.get("ETag", "")
            raise ApiRefused(_problem(error)) from error
        except (urllib.error.URLError, OSError) as error:
            raise ApiUnreachable(f"{self.url} does not answer: {error}") from error

    def submit(self, batch: Any, idempotency_key: str = "") -> dict[str, Any]:
        """`POST /v1/batches`."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self.call("POST", "/v1/batches", batch, headers)[1]

    def batch(self, batch: str, wait_s: int = 0, etag: str = "") -> tuple[dict[str, Any], str]:
        """(status, ETag); an empty status when nothing changed from `etag` within `wait_s`."""
        headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
        if etag:
            headers["If-None-Match"] = etag
        _, status, now = self.call("GET", f"/v1/batches/{batch}", headers=headers)
        return status, now


def _problem(error: urllib.error.HTTPError) -> str:
    try:
        problem = json.load(error)
        return f"{problem['status']} {problem['title']}: {problem['detail']}"
    except (ValueError, KeyError):
        return f"{error.code} {error.reason}"
