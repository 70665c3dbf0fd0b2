"""Where the objects are. Three stores keep one contract: memory, SQLite, S3."""

from shared.store.base import Entry, Object, Store, list_all
from shared.store.open import open_store

__all__ = ["Entry", "Object", "Store", "list_all", "open_store"]
