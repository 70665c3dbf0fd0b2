"""Deletes what is past its time, for stores without rules of their own (SQLite, files).

Where the bucket has lifecycle rules (`ekiden bucket init`, Terraform) they do the same work, and
this finds nothing.
"""

from shared.store.base import Store

_PAGE = 1000


async def expire(
    store: Store, prefix: str, older_than: float, *, oldest_first: bool = False
) -> int:
    """Delete what below `prefix` was put before `older_than` (seconds since 1970); say how many.

    With `oldest_first` the keys begin with their time, and it stops at the first one that stays.
    Otherwise it lists them all: call it once in a day, not with every sweep.
    """
    deleted, after = 0, ""
    while True:
        page = await store.list_page(prefix, after, _PAGE)
        old = [entry.key for entry in page if entry.modified < older_than]
        if old:
            # Died before: they are found again. Two at once delete the same.
            await store.delete(*old)
            deleted += len(old)
        if len(page) < _PAGE or (oldest_first and len(old) < len(page)):
            return deleted
        after = page[-1].key
