"""Who fetches a pixel or follows a link: a person, a provider's proxy, or a program. Pure.

Nobody can know for sure. What is marked here is what says so itself, or is known to: it stays in
the events, and is not counted as people.
"""

import re
from functools import lru_cache

from shared.feedback import BOT, PERSON, PROXY
from shared.http import Request

_PROXIES = re.compile(
    r"GoogleImageProxy|ggpht\.com|YahooMailProxy|DuckDuckGo-Email|"
    r"Outlook-iOS-Proxy|FastmailImageProxy|ProtonMail.*Proxy",
    re.IGNORECASE,
)
_BOTS = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|preview|scan|monitor|fetch|headless|phantom|"
    r"curl/|wget/|python|java/|okhttp|go-http|libwww|httpclient|axios|node-fetch|ruby|perl|"
    r"barracuda|proofpoint|mimecast|symantec|messagelabs|safelinks|google-safety|virustotal",
    re.IGNORECASE,
)
_APPLE = "Mozilla/5.0"
"""All that Apple's Mail Privacy Protection says of itself."""
_PURPOSES = ("purpose", "sec-purpose", "x-moz")
_MOST_SHOWN = 512
"""Characters that are looked at: a header may be long, and a search in it slow."""


def kind_of(request: Request) -> str:
    """`PERSON`, `PROXY` or `BOT`."""
    kind = _kind_of_agent(agent_of(request))
    if kind == PERSON and any(_says_prefetch(request, name) for name in _PURPOSES):
        return BOT
    return kind


@lru_cache(maxsize=2048)  # few programs fetch most pictures
def _kind_of_agent(agent: str) -> str:
    if _PROXIES.search(agent) or agent == _APPLE:
        return PROXY
    return BOT if not agent or _BOTS.search(agent) else PERSON


def _says_prefetch(request: Request, name: str) -> bool:
    return "prefetch" in request.headers.get(name, "")[:_MOST_SHOWN].lower()


def agent_of(request: Request) -> str:
    return request.headers.get("user-agent", "")[:_MOST_SHOWN]


def address_of(request: Request, hops: int) -> str:
    """The reader's address, `hops` proxies before ours; empty if nobody can be believed."""
    if not hops:
        return ""
    named = [each.strip() for each in request.headers.get("x-forwarded-for", "").split(",")]
    return named[-hops][:64] if len(named) >= hops else ""
