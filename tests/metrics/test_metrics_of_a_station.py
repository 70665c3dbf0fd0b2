"""What `/metrics` says after something has happened, as Prometheus' own parser reads it."""

import json
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import TypeVar

import pytest
from prometheus_client.parser import text_string_to_metric_families
from station import BATCH, DOMAIN, Here, run, running_station

from ekiden.metrics import METRICS, exposition
from shared import keys
from shared.errors import LostRace, StoreUnavailable
from shared.outcome import State
from shared.store.wrap import Wrapper

T = TypeVar("T")

FOUR = {
    **BATCH,
    "recipients": [{"email": f"r{n}@sink.example", "fields": {"name": "R"}} for n in range(4)],
}


class Scrape:
    """One answer of the side port."""

    def __init__(self, here: Here) -> None:
        self.families = list(text_string_to_metric_families(exposition(here.station).decode()))
        self.samples = [sample for family in self.families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        [found] = [
            each.value for each in self.samples if (each.name, each.labels) == (name, labels)
        ]
        return found

    def by(self, name: str, label: str, **others: str) -> dict[str, float]:
        """The label's values → numbers; without those that are 0."""
        return {
            each.labels[label]: each.value
            for each in self.samples
            if each.name == name and each.value and others.items() <= each.labels.items()
        }

    @property
    def names(self) -> set[str]:
        return {
            f"{family.name}_total" if family.type == "counter" else family.name
            for family in self.families
        }


def test_after_a_mail_every_metric_of_the_list_is_there_and_none_besides() -> None:
    async def story() -> None:
        async with running_station() as here:
            await here.done(await here.submit(BATCH))
            await here.idle()
            scrape = Scrape(here)
            assert scrape.names == set(METRICS)
            silent = {each.name for each in scrape.families if not each.samples}
            assert silent == {"ekiden_source_events"}, "they have no samples"  # no source is on
            assert scrape.value("ekiden_build_info", version=version("ekiden")) == 1

    run(story)


def test_outcomes_and_replies_are_counted_by_kind() -> None:
    refuse = {"r1@sink.example": "550 5.1.1 no such user", "r2@sink.example": "450 4.2.1 later"}

    async def story() -> None:
        async with running_station(refuse=lambda who, _: refuse.get(who)) as here:
            await here.submit(FOUR)
            await here.idle()
            scrape = Scrape(here)
            assert scrape.by("ekiden_outcomes_total", "outcome") == {
                "delivered": 2,
                "bounced": 1,
                "deferred": 1,
            }
            replies = {"2xx": 2, "4xx": 1, "5xx": 1}
            assert scrape.by("ekiden_smtp_replies_total", "reply") == replies
            assert scrape.by("ekiden_submitted_batches_total", "face") == {"http": 1}
            assert scrape.by("ekiden_submitted_recipients_total", "face") == {"http": 4}

    run(story)


def test_servers_that_do_not_answer_are_counted_as_none() -> None:
    async def story() -> None:
        async with running_station(send__route="smtp://127.0.0.1:1") as here:
            await here.submit(BATCH)
            await here.idle()
            assert Scrape(here).by("ekiden_smtp_replies_total", "reply") == {"none": 1}

    run(story)


def test_runs_of_each_stage_are_counted_with_what_they_came_to_and_how_long_it_took() -> None:
    async def story() -> None:
        async with running_station(validate__bag_size="2") as here:
            await here.submit(FOUR)
            await here.store.put(f"inbox/{DOMAIN}/one.json", json.dumps(BATCH).encode())
            await here.store.put("validated/odd", b"{garbage")
            await here.station.relay.sweep(forgotten_after_s=-60)
            await here.idle()
            scrape = Scrape(here)
            done = {"submit": 1, "validate": 2, "dispatch": 3, "send": 3}
            assert scrape.by("ekiden_work_total", "stage", result="done") == done
            assert scrape.by("ekiden_work_total", "stage", result="failed") == {"dispatch": 1}
            assert sum(scrape.by("ekiden_work_errors_total", "cause", stage="dispatch").values())
            assert scrape.value("ekiden_work_seconds_count", stage="dispatch") == 4
            assert scrape.value("ekiden_work_seconds_bucket", stage="dispatch", le="+Inf") == 4
            assert scrape.value("ekiden_work_seconds_sum", stage="dispatch") > 0
            assert scrape.by("ekiden_submitted_batches_total", "face") == {"http": 1, "inbox": 1}
            assert scrape.value("ekiden_open_work") == 0
            assert scrape.value("ekiden_oldest_work_seconds") == 0

    run(story)


def test_what_has_not_happened_is_zero_and_not_absent() -> None:
    async def story() -> None:
        async with running_station() as here:
            scrape = Scrape(here)
            assert scrape.value("ekiden_work_total", stage="send", result="failed") == 0
            cause = {"stage": "send", "cause": "StoreUnavailable"}
            assert scrape.value("ekiden_work_errors_total", **cause) == 0
            for state in set(State) - {State.QUEUED}:
                assert scrape.value("ekiden_outcomes_total", outcome=state) == 0

    run(story)


def test_the_sweep_tells_what_it_found_and_when() -> None:
    async def story() -> None:
        async with running_station() as here:
            begun = Scrape(here).value("ekiden_last_sweep_timestamp_seconds")  # at the start
            # What is due was put by somebody else, and so was what was forgotten.
            await here.store.put("waiting/20200101T000000Z/send/x", b"")
            await here.store.put("inbound/x.eml", b"")
            await here.station.relay.sweep(forgotten_after_s=-60)
            await here.idle()
            scrape = Scrape(here)
            assert scrape.by("ekiden_swept_work_total", "kind") == {"released": 1, "woken": 1}
            assert scrape.by("ekiden_sweeps_total", "result") == {"done": 2}
            assert scrape.value("ekiden_last_sweep_timestamp_seconds") >= begun > 0

    run(story)


class Broken(Wrapper):
    """A store whose next request below a prefix ends in an error."""

    def __init__(self, here: Here, prefix: str, error: Exception) -> None:
        super().__init__(here.station.store.inner)
        self._prefix, self._error = prefix, error
        here.station.store.inner = self

    async def _pass_on(self, op: str, key: str, call: Callable[[], Awaitable[T]]) -> T:
        if self._prefix and key.startswith(self._prefix):
            self._prefix = ""
            raise self._error
        return await call()


def test_a_store_that_is_away_is_seen_by_the_stages_and_by_the_sweep() -> None:
    async def story() -> None:
        async with running_station() as here:
            Broken(here, keys.DISPATCHED, StoreUnavailable("away for once"))
            await here.submit(BATCH)
            await here.idle()
            Broken(here, keys.WAITING, StoreUnavailable("away for once"))
            with pytest.raises(StoreUnavailable):
                await here.station.relay.sweep(0)
            scrape = Scrape(here)
            assert scrape.by("ekiden_work_errors_total", "cause") == {"StoreUnavailable": 1}
            assert scrape.by("ekiden_work_total", "stage", result="again") == {"dispatch": 1}
            assert scrape.by("ekiden_sweeps_total", "result")["failed"] == 1

    run(story)


def test_poison_counts_as_failed_once() -> None:
    async def story() -> None:
        async with running_station(sweep__max_redrives="0") as here:
            Broken(here, keys.VALIDATED, LostRace("odd"))
            await here.submit(BATCH)
            await here.idle()
            assert len(await here.keys(keys.FAILED)) == 1
            runs = Scrape(here).by("ekiden_work_total", "result", stage="validate")
            assert runs == {"again": 1, "failed": 1}

    run(story)
