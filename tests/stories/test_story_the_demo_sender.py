"""Nothing leaves the machine, and everything happens: each magic recipient becomes what it says."""

from typing import Any

from station import BATCH, DOMAIN, Here, run, running_station

from functions.send.demo.answers import MAGIC

HURRY = {"send__retry_min": "50ms", "send__retry_base": "50ms", "sweep__interval": "100ms"}


def station(**options: str) -> Any:
    demo = {"send__route": "demo:", "inbound__feedback_addresses": f"fbl@{DOMAIN}"}
    return running_station(**{**HURRY, "send__retry_window": "1s", **demo, **options})


def batch(*names: str) -> dict[str, Any]:
    rows = [{"email": f"{name}@demo.example", "fields": {"name": name}} for name in names]
    return {**BATCH, "recipients": rows}


async def ends(here: Here, *names: str) -> dict[str, Any]:
    """Local part → the last Outcome, when nothing more happens."""
    submitted = await here.submit(batch(*names))
    await here.done(submitted)
    await here.idle()
    found = await here.deliveries(submitted)
    return {each["recipient"].partition("@")[0]: each["last"] for each in found}


def test_every_magic_recipient_ends_as_the_table_says() -> None:
    async def story() -> None:
        async with station() as here:
            last = await ends(here, *MAGIC)
            for name, magic in MAGIC.items():
                comes_right = len(magic.answers) > 1  # at the second try
                expected = "" if comes_right else magic.bounce_class
                assert last[name].get("class", "") == expected, name
            assert here.sink.accepted == 0, "nothing left"

    run(story)


def test_a_late_bounce_and_a_complaint_suppress() -> None:
    async def story() -> None:
        async with station() as here:
            last = await ends(here, "late-bounce", "complaint")
            assert last["late-bounce"]["outcome"] == "bounced"
            assert last["complaint"]["outcome"] == "delivered"
            assert len(await here.keys(f"domains/{DOMAIN}/suppressions/")) == 2
            assert len(await here.keys("events/")) == 2

    run(story)


def test_what_is_deferred_comes_again() -> None:
    async def story() -> None:
        async with station(send__retry_window="1h") as here:
            submitted = await here.submit(batch("deferred", "greylisted"))
            await here.done(submitted)
            found = await here.deliveries(submitted)
            assert {each["last"]["outcome"] for each in found} == {"delivered"}
            assert {each["last"]["attempt"] for each in found} == {1}

    run(story)
