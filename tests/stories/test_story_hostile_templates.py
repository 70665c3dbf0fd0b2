"""One customer of the house writes Templates that never end; the others notice nothing.

There is one renderer process. Each hostile Batch ends with an Outcome that says what is wrong, and
an honest one behind them all is delivered.
"""

import asyncio
from typing import Any

from station import BATCH, run, running_station

HOSTILE = {
    "an endless loop": "{% for i in range(10**9) %}{{ i }}{% endfor %}",
    "loops in loops": "{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}",
    "a silent loop": "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}",
    "a long text": "{{ 'a' * 10**9 }}",
    "a long number": "{{ 9**(9**9) }}",
    "an endless macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "a long join": "{{ range(90000)|join('x' * 1000) }}",
    "a long format": "{{ '%1000000000d' % 1 }}",
    "attributes": "{{ ''.__class__.__mro__ }}",
    "globals": "{{ self.__init__.__globals__ }}",
    "a method": "{{ name.format }}",
    "a missing part": "{{ name.first.second }}",
}


def test_hostile_templates_end_as_rejected_and_stop_nobody() -> None:
    async def story() -> None:
        async with running_station() as here:
            hostile = {
                what: await here.submit({**BATCH, "text": text}) for what, text in HOSTILE.items()
            }
            honest = await here.submit(BATCH)
            assert (await here.done(honest))["outcomes"] == {"delivered": 1}
            ends = await asyncio.gather(*(here.done(batch) for batch in hostile.values()))
            assert {what: end["outcomes"] for what, end in zip(hostile, ends, strict=True)} == {
                what: {"rejected": 1} for what in hostile
            }
            for what, batch in hostile.items():
                ((last),) = (each["last"] for each in await here.deliveries(batch))
                assert (what, last["reason"]) == (what, "template_error")
                assert last["text"], f"{what}: the Outcome says nothing"
            assert here.sink.accepted == 1
            assert await here.keys("failed/") == []

    run(story)


def test_a_field_that_breaks_a_template_rejects_its_recipient_alone() -> None:
    rows: list[Any] = [
        {"email": "good@sink.example", "fields": {"name": "x", "n": 2}},
        {"email": "zero@sink.example", "fields": {"name": "x", "n": 0}},
        {"email": "text@sink.example", "fields": {"name": "x", "n": "y"}},
        {"email": "list@sink.example", "fields": {"name": "x", "n": [1]}},
        {"email": "huge@sink.example", "fields": {"name": "x", "n": 10**300}},
        {"email": "line@sink.example", "fields": {"name": {"a": "x\r\nBcc: y"}, "n": 2}},
    ]

    async def story() -> None:
        async with running_station() as here:
            content = {"subject": "{{ name.a or name }}", "text": "{{ (10 / n)|round(2) }}"}
            batch = await here.submit({**BATCH, **content, "recipients": rows})
            await here.done(batch)
            states = {each["recipient"]: each["state"] for each in await here.deliveries(batch)}
            assert states == {
                "good@sink.example": "delivered",
                "zero@sink.example": "rejected",
                "text@sink.example": "rejected",
                "list@sink.example": "rejected",
                "huge@sink.example": "delivered",
                "line@sink.example": "rejected",
            }

    run(story)
