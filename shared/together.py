"""Waiting for several things at once, without paying for it when there is one."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar, cast

T = TypeVar("T")


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """What each call returned, in their order. A single one needs no task of its own.

    One that fails fails the whole, when all the others have come to their end: none of them goes
    on behind the caller's back.
    """
    waiting = list(calls)
    if len(waiting) == 1:
        return [await waiting[0]]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return cast(list[T], results)
