"""A Bag of Envelopes: who is in it, what its mails have in common, always the same bytes."""

import base64
import os
import random
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from dispatching import (
    BATCH,
    DOMAIN,
    attachment,
    bag_of,
    content,
    dispatched,
    job_of,
    stored_key,
)

from functions.dispatch.job import Job, decode_bag, domain_of_bag, render
from functions.send import bagfile
from shared.codec import unpack
from shared.errors import Malformed
from shared.model import Row, message_bytes
from shared.suppressions import digest
from shared.templating import TemplateFault

ROOT = Path(__file__).parents[2]
PAGE = "<p>Dear {{ name }},</p>" + "<td>a line of the page</td>\n" * 200 + "<p>{{ code }}</p>"
NOISE = random.Random(1).randbytes(1_000_000)


def rows(count: int) -> list[dict[str, str]]:
    return [{"name": f"Reader {n}", "code": f"{n:06x}"} for n in range(count)]


def test_the_header_says_where_the_bag_belongs() -> None:
    header = dispatched({}).header
    assert (header.batch, header.bag, header.attempt, header.domain) == (BATCH, 3, 0, DOMAIN)


def test_every_row_has_its_envelope_in_its_place() -> None:
    envelopes = dispatched(*rows(20)).envelopes
    assert [(each.n, each.recipient) for each in envelopes] == [
        (n, f"r{n}@sink.example") for n in range(20)
    ]


def test_a_rejected_row_stays_rejected_and_stops_no_other() -> None:
    made = dispatched(Row(0, "a@b.example", {}, rejected="no_mx"), Row(1, "b@b.example", {}))
    assert [each.rejected for each in made.envelopes] == ["no_mx", ""]
    assert made.messages[0] == b""


def test_a_row_that_cannot_be_rendered_is_rejected_with_the_reason_and_stops_no_other() -> None:
    made = dispatched({"n": 1}, {"n": 0}, {}, {"n": 2}, text="{{ 10 / n }}")
    assert [each.rejected for each in made.envelopes] == ["", *["template_error"] * 2, ""]
    assert made.envelopes[1].detail == "division by zero"
    assert made.envelopes[2].detail == "'n' is undefined"
    assert [mail.get_content() for mail in (made.mails[0], made.mails[3])] == [
        "10.0\r\n",
        "5.0\r\n",
    ]


def test_a_row_that_goes_beyond_the_bounds_stops_no_other() -> None:
    made = dispatched({"n": 10**9}, {"n": 2}, text="{% for i in range(n) %}x{% endfor %}")
    assert [each.rejected for each in made.envelopes] == ["template_error", ""]


def test_a_recipient_suppressed_meanwhile_gets_nothing() -> None:
    suppressed = frozenset({digest("R1@Sink.Example")})
    made = dispatched({}, {}, {}, suppressed=suppressed)
    assert [each.rejected for each in made.envelopes] == ["", "suppressed", ""]
    assert made.messages[1] == b""


def test_fields_of_the_recipient_win_over_those_of_the_batch() -> None:
    made = dispatched({}, {"name": "Ann"}, text="{{ name }}", global_fields={"name": "you"})
    assert [mail.get_content() for mail in made.mails] == ["you\r\n", "Ann\r\n"]


def test_a_template_that_cannot_be_compiled_fails_the_bag_as_a_whole() -> None:
    with pytest.raises(TemplateFault):
        dispatched(text="{{ unclosed")


def test_what_is_no_bag_is_malformed() -> None:
    for body in (b"", b"{", b"[]", b"{}", b"\xff", b"\x28\xb5\x2f\xfdnot zstd"):
        with pytest.raises(Malformed):
            decode_bag(body)
        with pytest.raises(Malformed):
            domain_of_bag(body)


# What the mails have in common.


def test_an_attachment_is_stored_once_for_the_whole_bag() -> None:
    made = dispatched(*rows(500), html=PAGE, attachments=[attachment("noise.bin", NOISE)])
    encoded = 4 / 3 * len(NOISE)
    assert len(unpack(made.body)) < 1.5 * encoded
    assert len(made.body) < 1.2 * len(NOISE)
    assert all(len(message) > encoded for message in made.messages[::100])


def test_what_the_template_says_is_stored_once_for_the_whole_bag() -> None:
    made = dispatched(*rows(500), html=PAGE)
    assert len(unpack(made.body)) < 500 * 1500
    assert all(len(message) > 5000 for message in made.messages)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"])
@pytest.mark.parametrize("name", ["Ann", "Ä", "x\ny", "x\r\ny"])
def test_a_message_is_the_same_alone_as_in_a_bag_that_shares(end: str, name: str) -> None:
    said = {"html": PAGE + end, "text": "Hi {{ name }}" + end}
    first, second, third = (Row(n, "a@b.example", {"name": name, "code": n}) for n in range(3))
    together = dispatched(first, second, third, **said)
    shares = any(isinstance(piece, int) for piece in together.envelopes[1].message)
    assert shares == (name in ("Ann", "x\r\ny"))  # the others change how the page is written
    assert dispatched(second, **said).messages == [together.messages[1]]


def test_a_bag_whose_first_rows_cannot_be_rendered_is_rendered_all_the_same() -> None:
    made = dispatched({}, {}, *rows(3), html=PAGE)
    assert [each.rejected for each in made.envelopes] == [*["template_error"] * 2, "", "", ""]
    assert all(isinstance(each.message[1], int) for each in made.envelopes[2:])


# Ready-made messages.

READY = (
    b"From: news@example.org\r\nTo: all@example.org\r\nSubject: =?utf-8?q?=C3=B6?=\r\n"
    b"X-Odd:   kept \r\n\tas it was\r\n\r\n.dots\r\n  \r\n\xff\xfe {{ not a template }}\r\n\r\n"
)


def test_a_ready_made_message_is_untouched_behind_its_signature() -> None:
    made = dispatched({}, {}, message=READY.decode("latin-1"))
    for message in made.messages:
        assert message.startswith(b"DKIM-Signature: ")
        assert message.endswith(READY)
        assert b"\r\nFrom:" in message[: len(message) - len(READY) + 7]
    assert made.envelopes[0].message == [0]
    assert made.envelopes[0].return_path != made.envelopes[1].return_path


def test_a_ready_made_message_without_headers_is_malformed() -> None:
    with pytest.raises(Malformed):
        dispatched(message="no headers\r\n\r\n")


# The same bytes, always.


def demanding_job() -> Job:
    said = content(
        subject="{{ name }} 駅伝",
        html=PAGE + "{% for k, v in more.items() %}{{ k }}{{ v|unique|join }}{% endfor %}",
        text="ö {{ more|tojson }}",
        attachments=[attachment("駅.png", bytes(5000), "image/png", cid="x@y")],
        unsubscribe_url="https://example.org/{{ code }}",
    )
    more = {word: [word, word, "x"] for word in ("zebra", "ant", "bee")}
    bag = bag_of(*({**row, "more": more} for row in rows(5)), {"name": "no code"})
    return job_of(said, bag, (stored_key("rsa-sha256", "r1"), stored_key("ed25519-sha256", "e1")))


PROGRAM = """
import sys, msgspec
from functions.dispatch.job import Job, render
sys.stdout.buffer.write(render(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)))
"""


def test_rendering_again_gives_the_same_bytes_in_any_process() -> None:
    job = demanding_job()
    here = render(job)
    assert render(job) == here
    for seed in ("1", "2"):
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        packed = msgspec.msgpack.encode(job)
        command = [sys.executable, "-c", PROGRAM]
        done = subprocess.run(command, input=packed, capture_output=True, env=environ, check=True)
        assert done.stdout == here


def test_the_demanding_job_is_demanding() -> None:
    header, envelopes = bagfile.decode(render(demanding_job()))
    message = message_bytes(envelopes[0], header.shared)
    assert message.count(b"DKIM-Signature:") == 2
    assert base64.b64encode(bytes(57)) in message
    assert [bool(each.rejected) for each in envelopes] == [*[False] * 5, True]
