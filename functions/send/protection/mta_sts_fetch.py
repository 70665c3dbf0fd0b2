"""Fetching a policy file over HTTPS (RFC 8461 §3.3): one GET, one host, no redirect, no cache.

The host is found by our own name servers, the whole fetch has one deadline, and no thread waits
for a server that does not answer.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from shared.dns import MxResolver
from shared.errors import Temporary
from shared.http_client import Answer, NoAnswer, Way, connect
from shared.http_url import HttpUrl

MOST_BYTES = 64 * 1024  # RFC 8461 §3.3
FETCH_S = 20.0
"""In all. RFC 8461 §3.3 suggests a minute, but mail for the domain waits meanwhile."""
PATH = "/.well-known/mta-sts.txt"

Fetch = Callable[[str], Awaitable[str]]
"""Domain → its policy file. Raises `NotFetched`."""


class NotFetched(Temporary):
    """There is no policy file, or no way to it that can be trusted."""


class HttpsFetch:
    """A `Fetch`. `context`: whom to trust; none given, as the system does."""

    def __init__(
        self,
        resolver: MxResolver,
        *,
        port: int = 443,
        context: ssl.SSLContext | None = None,
        timeout_s: float = FETCH_S,
    ) -> None:
        self._way = Way(resolver.addresses, context=context)
        self._port = port
        self._timeout_s = timeout_s

    async def __call__(self, domain: str) -> str:
        host = f"mta-sts.{domain}"
        try:
            async with asyncio.timeout(self._timeout_s):
                return _text(host, await self._get(host))
        except TimeoutError as late:
            raise NotFetched(f"{host}: nothing within {self._timeout_s:g} s") from late
        except NoAnswer as failure:
            raise NotFetched(str(failure)) from failure
        except UnicodeDecodeError as failure:
            raise NotFetched(f"{host}: {failure}") from failure

    async def _get(self, host: str) -> Answer:
        connection = await connect(self._way, HttpUrl("https", host, self._port, PATH))
        try:
            headers = {"User-Agent": "Ekiden", "Connection": "close"}
            return await connection.request("GET", headers, most_bytes=MOST_BYTES)
        finally:
            connection.close()


def _text(host: str, answer: Answer) -> str:
    """A redirect is no policy, nor is an error page in HTML (RFC 8461 §3.3, §3.2)."""
    if answer.status != 200:
        raise NotFetched(f"answered {answer.status}")
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/plain":
        raise NotFetched(f"answered with {kind or 'no content type'}")
    if not answer.is_whole:
        raise NotFetched(f"{host}: over {MOST_BYTES} bytes")
    return answer.body.decode()
