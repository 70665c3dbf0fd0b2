"""A Batch goes through the relay in one process, and a real collector is told how."""

import asyncio
import json

import pytest
from station import BATCH, DOMAIN, run, running_station
from trace_collector import Collector

from shared import keys, trace_ids
from shared.store.base import list_all

FIVE = {
    **BATCH,
    "recipients": [{"email": f"r{n}@sink.example", "fields": {"name": "R"}} for n in range(5)],
}
SENT = [("send", [])]


def test_a_batch_is_one_trace_with_a_branch_for_each_bag(collector: Collector) -> None:
    async def story() -> None:
        async with running_station(validate__bag_size="2") as here:
            batch = await here.submit(FIVE)
            await here.done(batch)
            await here.idle()
            batches.append(batch)

    batches: list[str] = []
    run(story)
    [batch] = batches
    bag = ("dispatch", SENT)
    assert collector.tree(trace_ids.of_batch(batch)) == [("submit", [("validate", [bag] * 3)])]
    assert {span.trace for span in collector.spans} == {trace_ids.of_batch(batch)}
    assert {span.service for span in collector.spans} == {"ekiden"}


def test_spans_say_what_they_are_about(collector: Collector) -> None:
    async def story() -> None:
        refuse = {"r1@sink.example": "550 5.1.1 no such user", "r2@sink.example": "450 4.2.1 later"}
        async with running_station(refuse=lambda who, _: refuse.get(who)) as here:
            batch = await here.submit(FIVE)
            await here.idle()
            batches.append(batch)

    batches: list[str] = []
    run(story)
    [batch] = batches
    assert collector.the("submit").attributes == {
        "ekiden.stage": "submit",
        "ekiden.batch": batch,
        "ekiden.key": keys.submitted(batch),
        "ekiden.domain": DOMAIN,
        "ekiden.face": "http",
        "ekiden.recipients": 5,
    }
    assert collector.the("send").attributes == {
        "ekiden.stage": "send",
        "ekiden.key": keys.dispatched(batch, 0, 0),
        "ekiden.batch": batch,
        "ekiden.bag": 0,
        "ekiden.attempt": 0,
        "ekiden.domain": DOMAIN,
        "ekiden.result": "done",
        "ekiden.tries": 1,
        "ekiden.deliveries": 5,
        "ekiden.outcomes.delivered": 3,
        "ekiden.outcomes.bounced": 1,
        "ekiden.outcomes.deferred": 1,
    }
    assert all(0 <= span.duration_s < 30 for span in collector.spans)


def test_each_attempt_hangs_below_the_one_before(collector: Collector) -> None:
    async def story() -> None:
        def twice(_who: str, seen_before: int) -> str | None:
            return "450 4.2.1 later" if seen_before < 2 else None

        once = {"send__retry_min": "0.01s", "send__retry_base": "0.01s"}
        async with running_station(refuse=twice, **once) as here:
            batch = await here.submit(BATCH)
            await here.idle()
            for attempt in (1, 2):
                [waiting] = await here.keys(keys.WAITING)
                work = keys.parse_waiting(waiting)[1]
                assert keys.parse_dispatched(work)[2] == attempt
                await here.store.put(work, (await here.store.get(waiting)).body)
                await here.store.delete(waiting)  # as the sweep does, when it is due
                await here.station.relay.sweep(forgotten_after_s=-60)
                await here.idle()
            await here.done(batch)
            batches.append(batch)

    batches: list[str] = []
    run(story)
    sends = [("send", [("send", SENT)])]
    expected = [("submit", [("validate", [("dispatch", sends)])])]
    assert collector.tree(trace_ids.of_batch(batches[0])) == expected
    assert [span.attributes["ekiden.attempt"] for span in collector.of("send")] == [0, 1, 2]


TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("sent", "links"),
    [
        (TRACEPARENT, [("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")]),
        ("00-nonsense-\xff-01", []),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", []),
    ],
)
def test_the_trace_of_an_app_gets_a_link(
    sent: str, links: list[tuple[str, str]], collector: Collector
) -> None:
    async def story() -> None:
        async with running_station() as here:
            batches.append(await here.submit(BATCH, traceparent=sent))

    batches: list[str] = []
    run(story)
    submit = collector.the("submit")
    assert (submit.links, submit.trace) == (links, trace_ids.of_batch(batches[0]))


def test_an_upload_begins_a_trace_like_a_call(collector: Collector) -> None:
    async def story() -> None:
        async with running_station() as here:
            await here.store.put(f"inbox/{DOMAIN}/a.json", json.dumps(BATCH).encode())
            await here.store.put(f"inbox/{DOMAIN}/b.json", b"{garbage")
            await here.station.relay.sweep(forgotten_after_s=-60)
            await here.idle()

    run(story)
    good, bad = sorted(collector.of("submit"), key=lambda span: span.is_error)
    assert good.attributes["ekiden.face"] == "inbox"
    assert good.attributes["ekiden.recipients"] == 1
    assert collector.tree(good.trace)[0][1] == [("validate", [("dispatch", SENT)])]
    assert bad.attributes["ekiden.result"] == "failed"
    assert bad.events[0]["exception.type"].endswith("Problem")


def test_a_report_that_comes_back_is_linked_to_the_send(collector: Collector) -> None:
    async def story() -> None:
        async with running_station(send__route="demo:") as here:
            late = {**BATCH, "recipients": [{"email": "late-bounce@sink.example"}]}
            late["text"], late["subject"] = "x", "x"
            await here.submit(late)
            await here.idle()
            if left := [entry async for entry in list_all(here.store, keys.WAITING)]:
                raise AssertionError(f"the report came before its Outcome: {left}")

    run(story)
    send, bounce = collector.the("send"), collector.the("bounce")
    assert bounce.links == [(send.trace, send.id)]
    assert bounce.trace != send.trace
    assert bounce.parent == ""
    assert bounce.attributes["ekiden.batch"] == send.attributes["ekiden.batch"]


def test_headers_for_the_collector_are_sent(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20abc")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mail-of-ours")
    asyncio.run(_one_mail())
    assert {each["authorization"] for each in collector.headers} == {"Bearer abc"}
    assert {span.service for span in collector.spans} == {"mail-of-ours"}


def test_a_sampler_takes_whole_traces_or_none(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")

    async def story() -> None:
        async with running_station() as here:
            for _ in range(20):
                await here.submit(BATCH)
            await here.idle()

    asyncio.run(story())
    taken = {span.trace for span in collector.spans}
    assert 0 < len(taken) < 20  # it is otherwise once in 500,000 runs
    for trace in taken:
        assert len([span for span in collector.spans if span.trace == trace]) == 4


async def _one_mail() -> None:
    async with running_station() as here:
        await here.done(await here.submit(BATCH))
        await here.idle()
