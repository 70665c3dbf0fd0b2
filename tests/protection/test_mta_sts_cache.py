"""A policy holds until it expires, whatever happens to the record, the web server or us."""

import asyncio
import logging

import msgspec
import pytest
from dns_server import SERVFAIL
from policy_host import POLICY, page
from sts_scene import DOMAIN, HOST, Scene

from functions.send.protection.mta_sts import Mode
from functions.send.protection.mta_sts_cache import CHECK_S, MOST_DOMAINS, REFRESH_S, Kept
from shared import keys
from shared.errors import NotFound, StoreUnavailable
from shared.store.base import Entry
from shared.store.memory import MemoryStore

KEY = keys.mta_sts_policy(DOMAIN)
WEEK_S = 604_800.0  # max_age in POLICY
OTHER = POLICY.replace("mx.", "other.")


def test_a_policy_is_fetched_once_and_kept(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        for _ in range(5):
            policy = await scene.policy(after_s=CHECK_S)
            assert policy is not None
            assert policy.mode is Mode.ENFORCE
        assert scene.fetched == 1

    scene.act(play)


def test_callers_at_the_same_time_share_one_fetch(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        first = asyncio.create_task(scene.policy())
        others = [asyncio.create_task(scene.policy()) for _ in range(20)]
        await asyncio.sleep(0)
        first.cancel()
        assert all(await asyncio.gather(*others))
        assert scene.fetched == 1

    scene.act(play)


def test_a_domain_without_a_record_costs_one_question_and_no_fetch(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        assert await scene.policy() is None
        assert await scene.policy() is None
        assert scene.dns.asked[f"_mta-sts.{DOMAIN}", "TXT"] == 1
        assert scene.fetched == 0

    scene.act(play)


def test_between_checks_nobody_is_asked(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        scene.store = Down()
        scene.dns.close()
        scene.host.close()
        assert await scene.policy(after_s=CHECK_S - 1)

    scene.act(play)


def test_another_id_fetches_another_policy(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        scene.publish("2", OTHER)
        policy = await scene.policy(after_s=CHECK_S)
        assert policy is not None
        assert policy.mx == (f"other.{DOMAIN}",)

    scene.act(play)


@pytest.mark.parametrize("broken", [page("", "500 Oops"), page("<html>"), b""])
def test_a_newer_policy_that_cannot_be_had_leaves_the_older_in_force(
    scene: Scene, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        before = await scene.policy()
        scene.announce("2")
        scene.host.pages[HOST] = broken
        with caplog.at_level(logging.WARNING):
            assert await scene.policy(after_s=CHECK_S) == before
        assert DOMAIN in caplog.text, "RFC 8461 §3.3: the administrator is told"

    scene.act(play)


def test_the_first_policy_that_cannot_be_had_is_none_and_is_tried_again_later(
    scene: Scene,
) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        scene.host.pages[HOST] = page("", "500 Oops")
        assert await scene.policy() is None
        scene.publish("1")
        assert await scene.policy() is None, "not before the next check"
        assert await scene.policy(after_s=CHECK_S)

    scene.act(play)


def test_a_record_that_vanishes_takes_no_policy_with_it(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        scene.retract_the_record()
        assert await scene.policy(after_s=WEEK_S - 1)

    scene.act(play)


@pytest.mark.parametrize("answer", [[], SERVFAIL])
def test_nor_does_a_restart(scene: Scene, answer: list[str] | str) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        before = await scene.policy()
        scene.zone[f"_mta-sts.{DOMAIN}", "TXT"] = answer
        scene.restart()
        assert await scene.policy(after_s=WEEK_S - 1) == before
        assert scene.fetched == 1

    scene.act(play)


def test_a_restart_fetches_nothing_that_is_still_in_force(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        scene.restart()
        assert await scene.policy(after_s=CHECK_S)
        assert scene.fetched == 1

    scene.act(play)


def test_an_expired_policy_is_gone_also_from_the_bucket(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        scene.retract_the_record()
        assert await scene.policy(after_s=WEEK_S) is None
        with pytest.raises(NotFound):
            await scene.store.get(KEY)

    scene.act(play)


def test_an_expired_policy_is_fetched_again_while_there_is_a_record(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        assert await scene.policy(after_s=WEEK_S)
        assert scene.fetched == 2

    scene.act(play)


def test_a_policy_expires_to_the_second_even_between_checks(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1", POLICY.replace("604800", "10"))
        assert await scene.policy()
        assert await scene.policy(after_s=9)
        assert await scene.policy(after_s=1) is None

    scene.act(play)


def test_after_a_day_a_policy_is_fetched_again_behind_the_back_of_the_mail(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        del scene.host.pages[HOST]  # it does not answer now …
        assert await scene.policy(after_s=REFRESH_S), "… and nobody waits for it"
        await scene.cache.close()
        scene.publish("1")
        scene.restart()
        await scene.policy()
        await scene.cache.settle()
        scene.retract_the_record()
        assert await scene.policy(after_s=WEEK_S - 1), "its week began anew"

    scene.act(play)


def test_a_policy_that_takes_itself_back_replaces_the_one_before(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        scene.publish("2", "version: STSv1\nmode: none\nmax_age: 86400\n")
        policy = await scene.policy(after_s=CHECK_S)
        assert policy is not None
        assert policy.mode is Mode.NONE

    scene.act(play)


def test_what_is_in_the_bucket_can_be_read_by_a_person(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        policy = await scene.policy()
        kept = (await scene.store.get(KEY)).body
        assert msgspec.json.decode(kept) == {
            "id": "1",
            "fetched_at": scene.now,
            "policy": {"mode": "enforce", "max_age_s": 604800, "mx": [f"mx.{DOMAIN}"]},
        }
        assert msgspec.json.decode(kept, type=Kept).policy == policy

    scene.act(play)


@pytest.mark.parametrize("body", [b"", b"{}", b'{"id": 1}', b"\xff"])
def test_an_object_that_cannot_be_read_is_replaced(scene: Scene, body: bytes) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.store.put(KEY, body)
        assert await scene.policy()
        assert msgspec.json.decode((await scene.store.get(KEY)).body, type=Kept)

    scene.act(play)


def test_without_the_store_nobody_knows_and_nothing_is_sent(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        scene.store = Down()
        scene.restart()
        with pytest.raises(StoreUnavailable):
            await scene.policy()

    scene.act(play)


def test_memory_is_bounded_and_what_fell_out_is_in_the_bucket(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        await scene.policy()
        for n in range(MOST_DOMAINS):
            scene.cache._remember(f"d{n}.test", scene.cache._known[DOMAIN])
        assert len(scene.cache._known) == MOST_DOMAINS
        assert await scene.policy()
        assert scene.fetched == 1

    scene.act(play)


class Down(MemoryStore):
    """A store that does not answer."""

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        raise StoreUnavailable("down")
