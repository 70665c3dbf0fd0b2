"""A bucket as files, for tools that read files."""

from pathlib import Path

from shared.store.base import Store, list_all


async def write_out(store: Store, folder: Path) -> None:
    """Every object as a file of its key's name."""
    async for entry in list_all(store, ""):
        place = folder / entry.key
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((await store.get(entry.key)).body)
