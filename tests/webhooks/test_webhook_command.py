"""`ekiden webhook`, as an operator types it, and a replay that arrives."""

import asyncio
import subprocess
import sys
from pathlib import Path

from notify_world import DOMAIN, START, Here, delivered, notify_world
from receiver import Receiver, receiver

from shared import keys, webhook_replay
from shared.webhook_replay import Range


def ekiden(*words: str, store_url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ekiden", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "EKIDEN_STORE_URL": store_url},
    )


def test_a_webhook_by_hand(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"

    def does(*words: str) -> str:
        ran = ekiden(*words, store_url=url)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    does("domain", "add", DOMAIN)
    hook = "https://hooks.example/x"
    said = does("webhook", "add", DOMAIN, hook, "--event", "bounced", "--event", "complained")
    name, secret = said.split()[0], said.split()[-1]
    assert secret.startswith("whsec_")
    assert "bounced, complained" in said
    listed = does("webhook", "list", DOMAIN)
    assert f"{name}  on  {hook}" in listed
    assert secret not in listed
    assert does("webhook", "rotate", DOMAIN, name).startswith("whsec_")
    assert does("webhook", "test", DOMAIN, name).startswith(keys.notifying_of(DOMAIN, name))
    assert does("webhook", "attempts", DOMAIN, name) == ""
    assert does("webhook", "replay", DOMAIN, name) == "0 calls put back.\n"
    assert does("webhook", "replay", DOMAIN, name, "--failed") == "0 calls put back.\n"
    does("webhook", "resume", DOMAIN, name)
    does("webhook", "remove", DOMAIN, name)
    assert does("webhook", "list", DOMAIN) == "0 Webhooks.\n"


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    ekiden("domain", "add", DOMAIN, store_url=url)
    for words in (
        ("add", DOMAIN, "http://hooks.example/"),
        ("add", DOMAIN, "https://10.0.0.1/"),
        ("add", "nobody.example", "https://hooks.example/"),
        ("remove", DOMAIN, "wh_x"),
        ("replay", DOMAIN, "wh_x"),
        ("attempts", DOMAIN, "wh_x"),
        ("attempts", DOMAIN, "../../x"),
    ):
        ran = ekiden("webhook", *words, store_url=url)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert len(ran.stderr.splitlines()) == 1
    assert ekiden("webhook", "attempts", DOMAIN, "x", "--day", "x", store_url=url).returncode == 2


async def told_again(here: Here, name: str, **wanted: object) -> None:
    wide = Range(START - 10, here.now + 10)
    await webhook_replay.replay(here.store, DOMAIN, name, wide, here.now, **wanted)  # type: ignore[arg-type]
    await here.settle()


def test_a_replay_arrives_under_the_same_ids_and_bytes() -> None:
    async def story() -> None:
        async with receiver() as there, notify_world() as here:
            name = (await here.webhook(there.url)).id
            await here.happened(*delivered(5))
            await here.settle()
            first = {each.id: each.body for each in there.told}
            there.told.clear()
            here.now += 3600
            await told_again(here, name)
            assert {each.id: each.body for each in there.told} == first
            await told_again(here, name, message=there.ids[2])
            assert len(there.told) == 6
            assert there.ids[5] == there.ids[2]

    asyncio.run(story())


def test_what_was_failed_work_arrives_by_a_replay() -> None:
    async def story() -> None:
        async with receiver() as there, notify_world(webhooks__retries="1s") as here:
            name = (await here.webhook(there.url)).id
            await exhausted(here, there)
            there.answer = lambda told: 204
            await told_again(here, name, only_failed=True)
            assert len({each.id for each in there.told}) == 2
            assert await here.keys(keys.FAILED) == []
            assert await here.work() == await here.keys(keys.WAITING) == []

    asyncio.run(story())


async def exhausted(here: Here, there: Receiver) -> None:
    there.answer = lambda told: 500
    await here.happened(*delivered(2))
    await here.settle()
    await here.later(10)
    assert len(await here.failures()) == 1


def test_a_test_event_arrives_whatever_it_wants_to_hear() -> None:
    async def story() -> None:
        async with receiver() as there, notify_world() as here:
            webhook = await here.webhook(there.url, events=["complained"])
            await webhook_replay.test(here.store, DOMAIN, webhook.id, here.now)
            await here.settle()
            (told,) = there.told
            assert told.type == "webhook.test"
            assert told.is_signed_with(webhook.secrets[0].value)

    asyncio.run(story())
