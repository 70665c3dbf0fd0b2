"""On whose host somebody calls: a Domain's links must not lead through another Domain's name."""

from urllib.parse import urlsplit

from shared.address import normal_domain
from shared.domains import Directory
from shared.errors import NotFound, Permanent, Temporary
from shared.http import Request

MOST_PARENTS = 4
"""So many reads does a Host header cost that nobody has named before."""


class Hosts:
    """Knows the Domains' own tracking hosts, where they are names below their Domain's.

    A host that is nobody's lets all tokens in: the installation's, one that a Domain had before,
    one that a proxy has put in place of what the reader asked for.
    """

    def __init__(self, directory: Directory, public_url: str = "") -> None:
        """`public_url`: the installation's. It may be one Domain's own, too."""
        self._directory = directory
        self._public_host = urlsplit(public_url).hostname or ""

    async def is_anothers(self, request: Request, domain: str) -> bool:
        """Whether the request came to the tracking host of another Domain than this, and is not
        this one's, too: an operator may have given one host to several."""
        host = normal_domain(request.headers.get("host", "").partition(":")[0])
        if host in (None, self._public_host):
            return False
        try:
            owner = await self._directory.remember(f"host {host}", lambda: self._owner(host))
            if owner in ("", domain):
                return False
            return (await self._directory.domain(domain)).tracking_host != host
        except Temporary:
            return False  # who reads a mail must not suffer
        except NotFound:
            return True

    async def _owner(self, host: str) -> str:
        labels = host.split(".")
        for start in range(min(len(labels) - 1, MOST_PARENTS)):
            name = ".".join(labels[start:])
            try:
                record = await self._directory.domain(name)
            except Permanent:  # there is none, or `track` may not see it
                continue
            if record.tracking_host == host:
                return name
        return ""
