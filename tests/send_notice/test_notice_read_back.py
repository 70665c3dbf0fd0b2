"""Our own bounce reading understands what our own reports say: both follow the same RFCs."""

import pytest
from notice_parts import delayed, envelope, failed, failures, outcome

from functions.bounce.reading import read
from functions.bounce.report import Kind
from shared.outcome import State

NULL = ""
"""The envelope sender of a report."""


def test_a_failure_is_read_as_a_bounce_with_the_servers_own_words() -> None:
    report = read(failed(), NULL)
    [found] = report.recipients
    assert report.kind == Kind.BOUNCE
    assert (found.address, found.action) == ("bob@far.example", "failed")
    assert (found.code, found.enhanced, found.text) == (550, "5.1.1", "No such user here")
    assert found.host == "mx.far.example"


def test_a_delay_is_read_as_a_delay() -> None:
    assert read(delayed(), NULL).kind == Kind.DELAY


def test_silence_is_read_without_a_code() -> None:
    report = failed(outcome=State.FAILED, code=None, enhanced="", text="connection timed out")
    [found] = read(report, NULL).recipients
    assert (found.code, found.enhanced, found.text) == (None, "4.4.7", "connection timed out")


@pytest.mark.parametrize(
    "address", ["用户+x=y@far.example", '"a b"@far.example', "a+b@far.example"]
)
def test_every_address_is_read_as_it_was_written(address: str) -> None:
    one = envelope(recipient=address)
    [found] = read(failures((one, outcome(one))), NULL).recipients
    assert found.address == address
