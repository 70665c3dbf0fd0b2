"""The check of the functions that the sweep wakes."""

import socket

from examination import check, only, web_server

from ekiden.doctor.finding import State


def test_a_function_that_is_ready_is_well() -> None:
    with web_server() as url:
        finding = only(check("functions", sweep__targets=f"send={url}/function/send/"))
    assert finding.state is State.OK


def test_one_that_is_not_ready_fails_with_its_words() -> None:
    with web_server(503, b'{"store": "away"}') as url:
        finding = only(check("functions", sweep__targets=f"send={url}/"))
    assert finding.state is State.FAILED
    assert '503 {"store": "away"}' in finding.seen
    assert finding.about == "send"


def test_each_function_has_its_line() -> None:
    with web_server() as url:
        targets = f"send={url}/,bounce=http://127.0.0.1:9/"
        well, broken = check("functions", sweep__targets=targets)
    assert (well.state, broken.state) == (State.OK, State.FAILED)
    assert "refused" in broken.seen


def test_a_function_that_hangs_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"send=http://127.0.0.1:{silent.getsockname()[1]}/"
        finding = only(check("functions", timeout_s=0.2, sweep__targets=target))
    assert finding.seen == "no answer within 0.2 s"


def test_without_targets_there_is_nothing_to_look_at() -> None:
    assert only(check("functions")).state is State.SKIPPED
