"""Which Domains there are, read from the keys of the bucket."""

from shared import keys
from shared.store.base import Store

_PAGE = 1000


async def domain_names(store: Store, after: str, limit: int) -> list[str]:
    """At most `limit` Domains behind `after`, as the store orders them.

    A Domain's keys stand together and its record is among the first, so its long lists
    (suppressions, tags) are jumped over: about one request for each Domain that has such.
    """
    names: list[str] = []
    start = keys.behind_domain(after) if after else ""
    while True:
        page = await store.list_page(keys.DOMAINS, start, _PAGE)
        for entry in page:
            name = keys.parse_domain(entry.key)
            if entry.key == keys.domain_record(name):
                names.append(name)
        if len(page) < _PAGE or len(names) >= limit:
            return names[:limit]
        last = page[-1].key
        record = keys.domain_record(keys.parse_domain(last))
        start = keys.behind_domain(keys.parse_domain(last)) if last >= record else last
