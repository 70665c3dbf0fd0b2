"""Who fetches a pixel or follows a link: a person, a provider's proxy, or a program. Pure.

Nobody can know for sure. What is marked here is what says so itself, or is known to: it stays in
the events, and is not counted as people.
"""

import re

from shared.feedback import BOT, PERSON, PROXY
from shared.http import Request

_PROXIES = re.compile(
    r"GoogleImageProxy|ggpht\.com|YahooMailProxy|DuckDuckGo-Email|"
    r"Outlook-iOS-Proxy|FastmailImageProxy|ProtonMail.*Proxy",
    re.IGNORECASE,
)
_BOTS = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|preview|scan|monitor|fetch|headless|phantom|"
    r"curl/|wget/|python|java/|okhttp|go-http|libwww|httpclient|axios|node-fetch|ruby|perl|"
    r"barracuda|proofpoint|mimecast|symantec|messagelabs|safelinks|google-safety|virustotal",
    re.IGNORECASE,
)
_APPLE = "Mozilla/5.0"
"""All that Apple's Mail Privacy Protection says of itself."""
_MOST_SHOWN = 512


def kind_of(request: Request) -> str:
    """`PERSON`, `PROXY` or `BOT`."""
    headers = request.headers
    agent = headers.get("user-agent", "")
    purposes = (headers.get(name, "") for name in ("purpose", "sec-purpose", "x-moz"))
    if _PROXIES.search(agent) or agent == _APPLE:
        return PROXY
    if not agent or _BOTS.search(agent) or any("prefetch" in each.lower() for each in purposes):
        return BOT
    return PERSON


def agent_of(request: Request) -> str:
    return request.headers.get("user-agent", "")[:_MOST_SHOWN]


def address_of(request: Request, hops: int) -> str:
    """The reader's address, `hops` proxies before ours; empty if nobody can be believed."""
    if not hops:
        return ""
    named = [each.strip() for each in request.headers.get("x-forwarded-for", "").split(",")]
    return named[-hops][:64] if len(named) >= hops else ""
