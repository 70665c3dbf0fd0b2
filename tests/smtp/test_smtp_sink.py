"""The sink keeps what was sent, byte for byte, and refuses as told."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from smtp_mail import Mail, Reports, deliver, run

from ekiden.sink import Sink
from functions.send.smtp.options import Options
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.target import Target

lines = st.lists(st.text("ab.é ", max_size=5) | st.sampled_from([".", "..", ""]), max_size=8)


@settings(deadline=None)
@given(st.lists(lines, min_size=1, max_size=12))
def test_every_message_arrives_as_it_left_whatever_its_dots(bodies: list[list[str]]) -> None:
    messages = ["".join(f"{line}\r\n" for line in body).encode() for body in bodies]
    mails: list[Outgoing] = [
        Mail(str(n), (f"{n}@mx.test",), message=message or b"\r\n")
        for n, message in enumerate(messages)
    ]
    sink = Sink()
    assert run(send(sink, mails)).kinds == ["accepted"] * len(mails)
    arrived = {each.recipient: each.message for each in sink.received}
    assert arrived == {mail.recipients[0]: mail.message for mail in mails}


def test_it_tells_a_first_try_from_a_second() -> None:
    sink = Sink(lambda recipient, seen_before: None if seen_before else "450 4.2.0 greylisted")
    twice = run(send(sink, [Mail.to("a"), Mail.to("a")]))
    assert twice.lines() == ["a temporary rcpt 450 4.2.0", "a accepted body 250 2.0.0"]
    assert (sink.refused, sink.accepted) == (1, 1)


def test_it_counts_all_and_keeps_some() -> None:
    sink = Sink(keep=2)
    run(send(sink, [Mail.to(name) for name in "abc"]))
    assert [each.recipient for each in sink.received] == ["a@mx.test", "b@mx.test"]
    assert sink.accepted == 3
    assert sink.size_bytes == 3 * len(Mail.to("a").message)


def test_it_knows_other_alphabets_and_the_null_return_path() -> None:
    sink = Sink()
    run(send(sink, [Mail("a", ("δ@mx.test",), "", b"hi\r\n")]))
    assert (sink.received[0].recipient, sink.received[0].return_path) == ("δ@mx.test", "")


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        ("NOOP\r\nnoop\r\nWHAT\r\n\r\n", "250 250 500 500"),
        ("RCPT TO:<a@b>\r\nDATA\r\n", "503 503"),
        ("MAIL FROM:<>\r\nMAIL FROM:<>\r\nRSET\r\nMAIL FROM:<>\r\n", "250 503 250 250"),
        ("MAIL FROM:<a@b>\r\nDATA\r\nRCPT TO:a@b\r\n", "250 554 501"),
        ("MAIL FROM:<a@b> SIZE=99999999999\r\nMAIL a@b\r\n", "552 501"),
        (
            "HELO x\r\nMAIL FROM:<a@b> SIZE=9\r\nRCPT TO:<a@b>\r\nDATA\r\n.\r\n",
            "250 250 250 354 250",
        ),
        ("x" * 5000, "421"),
    ],
)
def test_it_minds_the_order_of_commands(said: str, codes: str) -> None:
    answer = run(talk(said + "\r\nQUIT\r\n" if said[0] != "x" else said))
    found = [line[:3] for line in answer.split("\r\n") if line]
    assert " ".join(found[1:]).removesuffix(" 500 221") == codes


async def talk(said: str) -> str:
    sink = Sink()
    reader, writer = await asyncio.open_connection("127.0.0.1", await sink.start())
    writer.write(said.encode())
    answer = (await reader.read()).decode()
    writer.close()
    await sink.close()
    return answer


async def send(sink: Sink, mails: Sequence[Outgoing]) -> Reports:
    there = Target("sink", await sink.start(), "127.0.0.1")
    reports = await deliver(there, Options("client.test"), mails)
    await sink.close()
    return reports
