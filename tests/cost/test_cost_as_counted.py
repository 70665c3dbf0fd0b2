"""The model against a real bucket: Batches of sizes that it was not fitted to."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from seaweed import Seaweed

from benchmarks.counted import Apart, OneProcess, apart, one_process
from benchmarks.sink import Sink
from ekiden.cost import measured
from ekiden.cost.usage import Month, of_one_batch

MEASURED = measured.load()
SIZES = (70, 1700)
NEAR = 0.05
REQUESTS = ("put", "list", "get", "delete")
SHAPES: dict[str, Any] = {"one-process": one_process, "functions": apart}


def expected(recipients: int, shape: str, *fields: str) -> float:
    counts = of_one_batch(recipients, MEASURED) | dict.fromkeys(("lookup", "sweep", "timer"), 0.0)
    taken = Month(counts, MEASURED.shapes[shape].each)
    return sum(taken.total(field) for field in fields)


@pytest.mark.parametrize("shape", SHAPES)
def test_requests_are_as_the_model_says(seaweed: Seaweed, shape: str) -> None:
    assert not {*SIZES} & {*MEASURED.sizes}

    async def counted(port: int) -> dict[int, dict[str, float]]:
        place: AbstractAsyncContextManager[Apart | OneProcess]
        place = SHAPES[shape](seaweed.url(f"cost-{shape}"), port, send__flush_interval="15s")
        async with place as here:
            await here.batch(1)  # what it looks up is remembered
            return {size: await here.batch(size) for size in SIZES}

    with Sink() as sink:
        found = asyncio.run(counted(sink.port))
    for size, took in found.items():
        total = sum(took[field] for field in REQUESTS)
        assert total == pytest.approx(expected(size, shape, *REQUESTS), NEAR), took
        assert took["put"] == pytest.approx(expected(size, shape, "put"), NEAR), took


def test_a_single_mail_takes_twelve_requests_or_fifteen() -> None:
    assert [round(expected(1, shape, *REQUESTS)) for shape in SHAPES] == [12, 15]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_sweep_that_finds_nothing_takes_what_the_model_says(seaweed: Seaweed, shape: str) -> None:
    async def swept(port: int) -> dict[str, float]:
        async with SHAPES[shape](seaweed.url(f"sweep-{shape}"), port) as here:
            return dict(await here.sweep())

    with Sink() as sink:
        took = asyncio.run(swept(sink.port))
    each = MEASURED.shapes[shape].each["timer" if shape == "functions" else "sweep"]
    assert [took[field] for field in REQUESTS] == [getattr(each, field) for field in REQUESTS]
