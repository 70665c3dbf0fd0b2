"""What comes back when the demo sender has delivered: real reports, at the places of real ones."""

import asyncio
from contextlib import suppress
from email import message_from_bytes, policy
from typing import Any

import pytest
from demo_parts import BATCH, HOST, SECRET, Post, envelope, header
from flufl.bounce import all_failures

from functions.send.demo.transmitter import DemoTransmitter
from functions.send.smtp.verdict import Verdict
from shared import feedback, inbound, keys
from shared.errors import StoreUnavailable
from shared.ids import is_batch_id, is_signed, parse_return_path
from shared.inbound import Inbound
from shared.model import Envelope
from shared.store.memory import MemoryStore


def came_back(*recipients: str, **given: Any) -> Inbound:
    """The one mail that arrived."""
    post = Post(*recipients)
    post.send(**given)
    [body] = post.objects(keys.INBOUND).values()
    return inbound.decode(body)


def parsed(mail: Inbound) -> Any:
    return message_from_bytes(mail.message, policy=policy.default)


def test_a_late_bounce_is_a_report_to_the_signed_return_path() -> None:
    mail = came_back("ann@x.example", "late-bounce@x.example")
    assert mail.sender == ""
    claimed = parse_return_path(mail.recipients[0])
    assert claimed is not None
    assert claimed[0] == f"{BATCH}.0000.0001"
    assert is_signed(*claimed, SECRET)


def test_independent_parsers_read_the_late_bounce() -> None:
    mail = came_back("late-bounce@x.example")
    assert all_failures(message_from_bytes(mail.message)) == (set(), {b"late-bounce@x.example"})
    _, status, headers = parsed(mail).iter_parts()
    recipient = status.get_payload()[1]
    assert (recipient["Action"], recipient["Status"]) == ("failed", "5.1.1")
    assert recipient["Diagnostic-Code"].startswith("smtp; 550 5.1.1")
    assert "Message-ID: <0@example.org>" in headers.get_content()


def test_a_complaint_is_a_feedback_report_with_the_original_headers() -> None:
    mail = came_back("complaint@x.example")
    assert mail.recipients == [f"abuse@{HOST}"]
    report = parsed(mail)
    assert report.get_param("report-type") == "feedback-report"
    _, about, headers = report.iter_parts()
    assert about.get_content_type() == "message/feedback-report"
    fields = about.get_payload()[0]
    assert (fields["Feedback-Type"], fields["Version"]) == ("abuse", "1")
    assert fields["Original-Rcpt-To"] == "<complaint@x.example>"
    assert parse_return_path(fields["Original-Mail-From"].strip("<>"))
    assert "Message-ID: <0@example.org>" in headers.get_content()


def test_a_complaint_goes_to_the_feedback_address_if_there_is_one() -> None:
    mail = came_back("complaint@x.example", feedback="fbl@example.org")
    assert mail.recipients == ["fbl@example.org"]


def test_no_parser_finds_a_defect_in_what_comes_back() -> None:
    for name in ("late-bounce", "complaint"):
        mail = came_back(f"{name}@x.example")
        assert [part.defects for part in parsed(mail).walk() if part.defects] == []


def test_what_came_back_wakes_bounce() -> None:
    post = Post("late-bounce@x.example")
    post.send()
    [key] = post.objects(keys.INBOUND)
    assert [wake.key for wake in post.woken] == [key]
    assert is_batch_id(keys.parse_inbound(key))


@pytest.mark.parametrize("name", ["opened", "clicked"])
def test_an_open_or_a_click_is_an_event_marked_as_simulated(name: str) -> None:
    post = Post(f"{name}@x.example")
    post.send()
    [(key, body)] = post.objects("events/").items()
    assert key.startswith("events/example.org/2023-11-14/")
    [event] = feedback.decode_lines(body)
    assert (event.kind, event.recipient, event.simulated) == (name, f"{name}@x.example", True)


def test_nothing_comes_back_to_the_null_return_path() -> None:
    """A report about a report would never end (RFC 5321 §4.5.5)."""
    store = MemoryStore(lambda: 0.0)
    asyncio.run(_transmit(store, envelope("late-bounce@x.example", return_path="")))
    asyncio.run(_transmit(store, envelope("complaint@x.example", return_path="")))
    assert asyncio.run(store.list_page("")) == []


def test_a_repeat_after_a_crash_doubles_nothing() -> None:
    """Same Envelope, same keys, same bytes."""
    names = ("late-bounce", "complaint", "opened", "clicked")
    once, twice = Post(*(f"{each}@x.example" for each in names)), MemoryStore(lambda: 0.0)
    once.send()
    for _ in range(2):
        for n, name in enumerate(names):
            asyncio.run(_transmit(twice, envelope(f"{name}@x.example", n)))
    expected = once.objects(keys.INBOUND) | once.objects("events/")
    assert len(expected) == 4
    listed = asyncio.run(twice.list_page(""))
    assert {each.key: asyncio.run(twice.get(each.key)).body for each in listed} == expected


def test_a_store_that_is_away_keeps_the_delivery_open() -> None:
    """What comes back is stored before the Outcome: a crash between the two repeats both."""
    reported = asyncio.run(_transmit(_Away(lambda: 0.0), envelope("late-bounce@x.example")))
    assert reported == []


def test_a_transmitter_that_stops_takes_up_nothing_more() -> None:
    carrier, ledger = DemoTransmitter(MemoryStore(lambda: 0.0)), _Notebook()
    carrier.stop()
    asyncio.run(carrier.transmit(header(), [envelope("ann@x.example")], ledger))
    assert (carrier.stopping, ledger.reported) == (True, [])


def test_nothing_more_is_taken_up_once_the_bag_may_not_go_on() -> None:
    carrier, ledger = DemoTransmitter(MemoryStore(lambda: 0.0)), _Notebook(most=1)
    both = [envelope("ann@x.example", 0), envelope("late-bounce@x.example", 1)]
    asyncio.run(carrier.transmit(header(), both, ledger))
    assert ledger.reported == both[:1]


def test_recipients_in_other_alphabets_come_back_too() -> None:
    mail = came_back("late-bounce+用户@x.example")
    assert "Final-Recipient: utf-8; late-bounce\\x{2B}用户@x.example".encode() in mail.message


class _Away(MemoryStore):
    async def create(self, key: str, body: bytes) -> str:
        raise StoreUnavailable("away")


class _Notebook:
    """A ledger that only lists what was reported."""

    def __init__(self, most: int = 100) -> None:
        self.reported: list[Envelope] = []
        self._most = most

    def report(self, envelope: Envelope, verdict: Verdict, queued_s: float = 0.0) -> None:
        self.reported.append(envelope)

    def refuse(self, envelope: Envelope, reason: str, text: str) -> None:
        raise AssertionError("the demo refuses nothing")

    def hold(self, envelope: Envelope, delay_s: float, why: str) -> None:
        raise AssertionError("the demo holds nothing back")

    def may_go_on(self) -> bool:
        return len(self.reported) < self._most

    def is_behind(self) -> bool:
        return False


async def _transmit(store: MemoryStore, *envelopes: Envelope) -> list[Envelope]:
    """What was reported."""
    ledger = _Notebook()
    with suppress(StoreUnavailable):
        await DemoTransmitter(store).transmit(header(), list(envelopes), ledger)
    return ledger.reported
