"""The state machine, without a socket: what it says after which replies, and what it reports.

Replies are written as their codes. What the client says is shortened: `M1 R1 D` are MAIL, RCPT and
DATA of message 1, `B1` its body with the dot, `RSET`, and `.` the lone dot.
"""

import re
from collections import deque
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from smtp_mail import Mail, names, shown

from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.dialogue import Dialogue
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.reply import Reply
from functions.send.smtp.transaction import LARGE_BYTES
from functions.send.smtp.verdict import Peer, Verdict

PIPELINING = Capabilities(pipelining=True)

GROUPS = [  # RFC 2920
    ("a message costs one round trip", ["", "250 250 354", "250 250 250 354", "250"],
     ["M1 R1 D", "B1 M2 R2 D", "B2", ""], ["1 accepted body 250", "2 accepted body 250"]),
    ("answers may come one by one", ["", "250", "250", "354", "250", "250", "250", "354", "250"],
     ["M1 R1 D", "", "", "B1 M2 R2 D", "", "", "", "B2", ""],
     ["1 accepted body 250", "2 accepted body 250"]),
    ("a refused recipient is cleared away", ["", "250 550 554", "250 250 250 354", "250"],
     ["M1 R1 D", "RSET M2 R2 D", "B2", ""], ["1 permanent rcpt 550", "2 accepted body 250"]),
    ("a refused sender is cleared away", ["", "451 503 503", "250 250 250 354", "250"],
     ["M1 R1 D", "RSET M2 R2 D", "B2", ""], ["1 temporary mail 451", "2 accepted body 250"]),
    ("a refused DATA is cleared away", ["", "250 250 451", "250 250 250 354", "250"],
     ["M1 R1 D", "RSET M2 R2 D", "B2", ""], ["1 temporary data 451", "2 accepted body 250"]),
    ("only the first refusal counts", ["", "550 451 421"],
     ["M1 R1 D", ""], ["1 permanent mail 550"]),
    ("an unwanted 354 gets a lone dot", ["", "250 550 354", "250 250 250 250 354", "250"],
     ["M1 R1 D", ". RSET M2 R2 D", "B2", ""], ["1 permanent rcpt 550", "2 accepted body 250"]),
    ("a refused lone dot is no verdict", ["", "550 503 354", "554 250 250 250 354", "250"],
     ["M1 R1 D", ". RSET M2 R2 D", "B2", ""], ["1 permanent mail 550", "2 accepted body 250"]),
    ("a refused body needs no RSET", ["", "250 250 354", "554 250 250 354", "250"],
     ["M1 R1 D", "B1 M2 R2 D", "B2", ""], ["1 permanent body 554", "2 accepted body 250"]),
    ("a refused RSET ends it", ["", "250 550 554", "500"],
     ["M1 R1 D", "RSET M2 R2 D", ""], ["1 permanent rcpt 550", "2 back"]),
    ("421 at the first MAIL is its verdict", ["", "421"], ["M1 R1 D", ""],
     ["1 temporary mail 421"]),
    ("421 at a later MAIL is none", ["", "250 250 354", "250 421"],
     ["M1 R1 D", "B1 M2 R2 D", ""], ["1 accepted body 250", "2 back"]),
    ("421 at the body gives the next back", ["", "250 250 354", "421"],
     ["M1 R1 D", "B1 M2 R2 D", ""], ["1 temporary body 421", "2 back"]),
    ("a loss before the body is not ambiguous", ["", "250 250", "lost"],
     ["M1 R1 D", "", ""], ["1 temporary data -"]),
    ("a loss after the dot is ambiguous", ["", "250 250 354", "lost"],
     ["M1 R1 D", "B1 M2 R2 D", ""], ["1 temporary body - ambiguous", "2 back"]),
    ("giving up ourselves defers nothing", ["", "abandon"], ["M1 R1 D", ""], ["1 back"]),
    ("giving up ourselves after the dot is ambiguous", ["", "250 250 354", "abandon"],
     ["M1 R1 D", "B1 M2 R2 D", ""], ["1 temporary body - ambiguous", "2 back"]),
    ("354 at MAIL makes no sense", ["", "354"], ["M1 R1 D", ""], ["1 temporary mail -"]),
    ("250 at DATA delivers nothing", ["", "250 250 250"], ["M1 R1 D", ""], ["1 temporary data -"]),
    ("354 at the dot leaves it open", ["", "250 250 354", "354"],
     ["M1 R1 D", "B1 M2 R2 D", ""], ["1 temporary body - ambiguous", "2 back"]),
]  # fmt: skip

ONE_BY_ONE = [
    ("each command waits", ["", "250", "250", "354", "250", "250", "250", "354", "250"],
     ["M1", "R1", "D", "B1", "M2", "R2", "D", "B2", ""],
     ["1 accepted body 250", "2 accepted body 250"]),
    ("a refusal is followed by RSET alone", ["", "250", "550", "250", "250", "250", "354", "250"],
     ["M1", "R1", "RSET", "M2", "R2", "D", "B2", ""],
     ["1 permanent rcpt 550", "2 accepted body 250"]),
    ("a refused RSET ends it", ["", "550", "421"], ["M1", "RSET", ""],
     ["1 permanent mail 550", "2 back"]),
    ("a loss at RCPT is its verdict", ["", "250", "lost"], ["M1", "R1", ""],
     ["1 temporary rcpt -"]),
]  # fmt: skip


@pytest.mark.parametrize(("case", "replies", "said", "events"), GROUPS, ids=[c[0] for c in GROUPS])
def test_with_pipelining(case: str, replies: list[str], said: list[str], events: list[str]) -> None:
    talk = Talk(PIPELINING, mail("1"), mail("2"))
    assert [talk.step(each) for each in replies] == said
    assert talk.events == events


@pytest.mark.parametrize(
    ("case", "replies", "said", "events"), ONE_BY_ONE, ids=[c[0] for c in ONE_BY_ONE]
)
def test_without_pipelining(
    case: str, replies: list[str], said: list[str], events: list[str]
) -> None:
    talk = Talk(Capabilities(), mail("1"), mail("2"))
    assert [talk.step(each) for each in replies] == said
    assert talk.events == events


def test_an_unsendable_message_stops_no_other() -> None:
    talk = Talk(PIPELINING, mail("1", recipient="x>\r\nDATA"), mail("2"))
    assert talk.step("") == "M2 R2 D"
    assert talk.events == ["1 permanent rcpt 553 5.1.3"]


def test_a_large_body_travels_alone() -> None:
    talk = Talk(PIPELINING, mail("1", padding="x" * LARGE_BYTES), mail("2"))
    assert [talk.step(each) for each in ("", "250 250 354", "250")] == ["M1 R1 D", "B1", "M2 R2 D"]


def test_a_session_goes_on_with_new_work() -> None:
    talk = Talk(PIPELINING, mail("1"))
    assert [talk.step(each) for each in ("", "250 550 554")] == ["M1 R1 D", ""]
    assert not talk.dialogue.over
    talk.waiting.append(mail("2"))
    assert talk.step("") == "RSET M2 R2 D"


def test_whatever_comes_unasked_ends_the_session() -> None:
    talk = Talk(PIPELINING)
    assert [talk.step(each) for each in ("", "250")] == ["", ""]
    assert talk.dialogue.over
    with pytest.raises(RuntimeError):
        talk.step("")


def test_a_message_is_not_lost_when_only_half_of_it_was_sent() -> None:
    talk = Talk(Capabilities(), mail("1"))
    for each in ("", "250", "250", "354"):
        talk.step(each)
    talk.dialogue.lost("reset", 0.0, unsent=True)
    assert talk.events == ["1 temporary body -"]


@given(
    st.sampled_from([PIPELINING, Capabilities()]),
    st.lists(st.sampled_from(["250", "354", "421", "450", "550", "334"]), max_size=30),
)
def test_every_message_is_settled_once_whatever_the_server_says(
    offered: Capabilities, codes: list[str]
) -> None:
    talk = Talk(offered, *(mail(str(n)) for n in range(1, 5)))
    talk.step("")
    for code in codes:
        talk.step(code)
    talk.step("lost")
    settled = [event.split()[0] for event in talk.events]
    assert sorted(settled + [each.name for each in talk.waiting]) == ["1", "2", "3", "4"]
    assert all("body 250" in event for event in talk.events if "accepted" in event)


class Talk:
    """A dialogue with messages that wait; `events` is what it reported."""

    def __init__(self, offered: Capabilities, *waiting: Mail) -> None:
        self.dialogue = Dialogue(Peer("mx.test"), offered)
        self.waiting = deque(waiting)
        self.events: list[str] = []

    def step(self, what: str) -> str:
        """Start, or answer with these codes, or end the connection."""
        if what == "":
            return short(self.dialogue.start(self, 0.0))
        if what == "lost":
            self.dialogue.lost("reset", 0.0)
            return ""
        if what == "abandon":
            self.dialogue.abandon("stopped", 0.0)
            return ""
        said = [self.dialogue.receive(Reply(int(code), ("text",)), 0.0) for code in what.split()]
        assert not any(said[:-1])
        return short(said[-1])

    def take(self) -> Outgoing | None:
        return self.waiting.popleft() if self.waiting else None

    def report(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        assert isinstance(outgoing, Mail)
        told = zip(names(outgoing), verdicts, strict=True)
        self.events += [shown(name, verdict) for name, verdict in told]

    def give_back(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing, Mail)
        self.events.append(f"{outgoing.name} back")


def mail(name: str, *, recipient: str = "", padding: str = "") -> Mail:
    message = f"Body {name}{padding}\r\n".encode()
    return Mail(name, (recipient or f"{name}@mx.test",), f"{name}@sender.test", message)


def short(said: bytes) -> str:
    text = said.decode()
    for pattern, word in SHORT:
        text = re.sub(pattern, word, text)
    return text.strip()


SHORT = [
    (r"Body (\d)x*\r\n\.\r\n", r"B\1 "),
    (r"MAIL FROM:<(\d)@.*\r\n", r"M\1 "),
    (r"RCPT TO:<(\d)@.*\r\n", r"R\1 "),
    (r"DATA\r\n", "D "),
    (r"\r\n", " "),
]
