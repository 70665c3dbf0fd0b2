"""A report travels as a Batch of its own, and a repeat after a crash is the same Batch."""

import asyncio
from email import message_from_bytes

import msgspec
import pytest
from flufl.bounce import all_failures
from notice_parts import AT, bag, delayed, failed

from functions.dispatch.job import Job, render
from functions.send import bagfile
from functions.send.notices.notice import report_batch
from functions.validate import stage as validate
from shared import keys
from shared.codec import unpack
from shared.domains import Directory
from shared.errors import Malformed
from shared.ids import is_batch_id
from shared.model import Submitted, message_bytes
from shared.provision import add_domain
from shared.stage import Wake, run, write_once
from shared.store.memory import MemoryStore
from shared.suppressions import Suppressions


def test_the_batch_has_one_recipient_and_the_null_return_path() -> None:
    key, body = report_batch(bag(pool="calm"), "failure", failed(), AT)
    submitted = msgspec.json.decode(unpack(body), type=Submitted)
    content = submitted.content
    assert key == keys.submitted(content.batch)
    assert is_batch_id(content.batch)
    assert content.null_return_path
    assert (content.reports_to, content.pool, content.domain) == ("", "calm", "example.org")
    assert [msgspec.json.decode(row) for row in submitted.recipients] == [
        {"email": "ann@example.org"}
    ]
    assert content.message.encode("latin-1") == failed()


def test_a_repeat_writes_the_same_key_and_bytes() -> None:
    first, again = (report_batch(bag(), "failure", failed(), AT) for _ in range(2))
    assert first == again


def test_a_report_in_other_words_is_the_same_batch() -> None:
    renamed = failed().replace(b"mta.example.org", b"new.example.org")
    assert renamed != failed()
    first, again = (report_batch(bag(), "failure", text, AT)[0] for text in (failed(), renamed))
    assert first == again


def test_each_attempt_has_its_own_report() -> None:
    made = {report_batch(bag(attempt=n), "failure", failed(), AT)[0] for n in range(5)}
    assert len(made) == 5


def test_failure_and_delay_are_two_batches() -> None:
    about_failure = report_batch(bag(), "failure", failed(), AT)[0]
    assert about_failure != report_batch(bag(), "delay", delayed(), AT)[0]


def test_a_report_about_a_report_cannot_be_made() -> None:
    with pytest.raises(Malformed):
        report_batch(bag(reports_to=""), "failure", failed(), AT)


def test_validate_and_dispatch_take_the_report_as_any_ready_made_message() -> None:
    async def story() -> bytes:
        store, now = MemoryStore(lambda: AT), lambda: AT
        await add_domain(store, "example.org", ["ed25519-sha256"], AT)
        key, body = report_batch(bag(), "failure", failed(), AT)
        await write_once(store, key, body)
        suppressions = Suppressions(store, Directory(store, now))
        await run(validate.stage(store, now, suppressions, 500), store, now, Wake(key))
        directory, batch = Directory(store, now), keys.parse_submitted(key)
        job = Job(
            content=(await store.get(keys.content(batch))).body,
            domain=await directory.domain_body("example.org"),
            dkim=await directory.dkim_body("example.org"),
            bag=(await store.get(keys.validated(batch, 0))).body,
            max_steps=1000,
            max_chars=1000,
        )
        header, [envelope] = bagfile.decode(render(job))
        assert envelope.recipient == "ann@example.org"
        return message_bytes(envelope, header.shared)

    sent = asyncio.run(story())
    assert sent.startswith(b"DKIM-Signature:")
    assert sent.endswith(failed())


def test_an_independent_parser_finds_the_failed_address() -> None:
    temporary, permanent = all_failures(message_from_bytes(failed()))
    assert (temporary, permanent) == (set(), {b"bob@far.example"})


def test_an_independent_parser_takes_a_delay_for_temporary() -> None:
    temporary, permanent = all_failures(message_from_bytes(delayed()))
    assert (temporary, permanent) == ({b"bob@far.example"}, set())
