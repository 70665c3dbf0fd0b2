"""What S3Store asks of the server: a request is what a bucket's owner pays for."""

import asyncio
from collections.abc import Awaitable, Callable

from s3_loopback import counting
from seaweed import Seaweed

from shared import keys
from shared.store.s3 import S3Store

Scenario = Callable[[S3Store, list[str]], Awaitable[None]]


def watch(server: Seaweed, prefix: str, scenario: Scenario) -> None:
    """Run `scenario` with a store and the list of its requests."""

    async def run() -> None:
        async with counting(server.ports[0]) as (endpoint, seen):
            store = S3Store(
                server.bucket,
                endpoint=endpoint,
                access_key_id=server.access_key_id,
                secret_access_key=server.secret_access_key,
                prefix=prefix,
            )
            await scenario(store, seen)
            await store.close()

    asyncio.run(run())


async def fill(store: S3Store, count: int, seen: list[str]) -> list[str]:
    names = [keys.validated("b", n) for n in range(count)]
    await asyncio.gather(*(store.put(name, b"x") for name in names))
    seen.clear()
    return names


def test_a_page_is_one_request_whatever_its_limit(seaweed: Seaweed) -> None:
    async def scenario(store: S3Store, seen: list[str]) -> None:
        names = await fill(store, 1100, seen)
        for limit in (1, 10, 1000):
            page = await store.list_page("validated/", limit=limit)
            assert [entry.key for entry in page] == names[:limit]
        page = await store.list_page("validated/", names[999])
        assert [entry.key for entry in page] == names[1000:]
        assert len(seen) == 4

    watch(seaweed, "requests0", scenario)


def test_deleting_many_is_one_request(seaweed: Seaweed) -> None:
    async def scenario(store: S3Store, seen: list[str]) -> None:
        names = await fill(store, 20, seen)
        await store.delete(*names)
        assert len(seen) == 1

    watch(seaweed, "requests1", scenario)


def test_every_other_call_is_one_request_with_the_bucket_in_its_path(seaweed: Seaweed) -> None:
    async def scenario(store: S3Store, seen: list[str]) -> None:
        etag = await store.create("a", b"1")
        await store.replace("a", b"2", etag)
        await store.put("a", b"3")
        await store.get("a")
        path = f"/{seaweed.bucket}/requests2/a"
        assert seen == [f"PUT {path}"] * 3 + [f"GET {path}"]

    watch(seaweed, "requests2", scenario)


def test_a_large_body_is_one_request_too(seaweed: Seaweed) -> None:
    async def scenario(store: S3Store, seen: list[str]) -> None:
        await store.put("a", bytes(20_000_000))
        assert [line.split()[0] for line in seen] == ["PUT"]

    watch(seaweed, "requests3", scenario)
