"""Which way a mail goes: the route for a recipient, among those of its Domain and of everybody.

Pure. The most exact pattern wins; at the same exactness the Domain's own:

    ann@mx.example.com  →  mx.example.com  →  *.example.com  →  *.com  →  *  →  `send.route`
"""

from collections.abc import Iterator, Mapping

from shared.address import domain_of


def patterns(domain: str) -> Iterator[str]:
    """The patterns that a domain fits, the most exact first."""
    yield domain
    above = domain.partition(".")[2]
    while above:
        yield f"*.{above}"
        above = above.partition(".")[2]
    yield "*"


def route_of(
    recipient: str, own: Mapping[str, str], general: Mapping[str, str], default: str
) -> str:
    """The route as text. `own` are the Domain's, `general` those of the configuration."""
    if not own and not general:
        return default
    recipient = recipient.lower()
    for pattern in (recipient, *patterns(domain_of(recipient))):
        for routes in (own, general):
            if pattern in routes:
                return routes[pattern]
    return default
