"""The state machine, without a socket: what it says after which replies, and what it reports.

Replies are written as their codes. What the client says is shortened: `M1 R1 R1b D` are MAIL, RCPTs
and DATA of message 1, `B1` its body with the dot, `C1` the same by BDAT, `RSET`, and `.` the lone
dot.
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
CHUNKING = Capabilities(pipelining=True, chunking=True)

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


SEVERAL = [
    ("421 behind a refusal leaves nobody without a verdict", ["", "250 550 421"],
     ["M1 R1 R1b D", ""], ["1 permanent rcpt 550", "1b temporary rcpt 421"]),
    ("421 behind a 250 gives the message back", ["", "550 503 503 503", "250 250 421"],
     ["M1 R1 R1b D", "RSET M2 R2 D", ""],
     ["1 permanent mail 550", "1b permanent mail 550", "2 back"]),
    ("an accepted recipient is told nothing by a loss", ["", "250 250", "lost"],
     ["M1 R1 R1b D", "", ""], ["1 temporary rcpt -", "1b temporary rcpt -"]),
    ("a refused DATA is for those that were accepted", ["", "250 250 550 451"],
     ["M1 R1 R1b D", "RSET M2 R2 D"], ["1 temporary data 451", "1b permanent rcpt 550"]),
    ("250 at the dot is for those that were accepted", ["", "250 550 250 354", "250"],
     ["M1 R1 R1b D", "B1 M2 R2 D", ""], ["1 permanent rcpt 550", "1b accepted body 250"]),
]  # fmt: skip

CHUNKS = [  # RFC 3030
    ("all is said at once", ["", "250 250 250", "250 250 250"],
     ["M1 R1 C1", "M2 R2 C2", ""], ["1 accepted body 250", "2 accepted body 250"]),
    ("a loss before any answer is ambiguous", ["", "lost"], ["M1 R1 C1", ""],
     ["1 temporary body - ambiguous"]),
    ("giving up ourselves is ambiguous", ["", "250", "abandon"], ["M1 R1 C1", "", ""],
     ["1 temporary body - ambiguous"]),
    ("421 to the first MAIL is not", ["", "421"], ["M1 R1 C1", ""], ["1 temporary mail 421"]),
    ("421 to a later MAIL is no verdict", ["", "250 250 250", "421"],
     ["M1 R1 C1", "M2 R2 C2", ""], ["1 accepted body 250", "2 back"]),
    ("421 to RSET is no verdict", ["", "250 550 503", "421"],
     ["M1 R1 C1", "RSET M2 R2 C2", ""], ["1 permanent rcpt 550", "2 back"]),
    ("a refused RSET leaves open what followed", ["", "250 550 503", "500"],
     ["M1 R1 C1", "RSET M2 R2 C2", ""],
     ["1 permanent rcpt 550", "2 temporary body - ambiguous"]),
    ("nonsense at MAIL leaves open what followed", ["", "354"], ["M1 R1 C1", ""],
     ["1 temporary body - ambiguous"]),
    ("354 to BDAT leaves it open", ["", "250 250 354"], ["M1 R1 C1", ""],
     ["1 temporary body - ambiguous"]),
    ("a server without BDAT gets DATA", ["", "250 250 500", "250 250 250 354", "250 250 250 354"],
     ["M1 R1 C1", "RSET M1 R1 D", "B1 M2 R2 D", "B2"], ["1 accepted body 250"]),
    ("a server that is confused by BDAT has not got it", ["", "250 250 500", "500"],
     ["M1 R1 C1", "RSET M1 R1 D", ""], ["1 back"]),
]  # fmt: skip

LMTP = [  # RFC 2033
    ("every recipient is answered", ["", "250 250 250 354", "250 452"],
     ["M1 R1 R1b D", "B1 M2 R2 D", ""], ["1 accepted body 250", "1b temporary body 452"]),
    ("who was refused is not", ["", "250 550 250 354", "250 250 250 354"],
     ["M1 R1 R1b D", "B1 M2 R2 D", "B2"], ["1 permanent rcpt 550", "1b accepted body 250"]),
    ("421 is for who was not answered", ["", "250 250 250 354", "250 421"],
     ["M1 R1 R1b D", "B1 M2 R2 D", ""],
     ["1 accepted body 250", "1b temporary body 421", "2 back"]),
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


@pytest.mark.parametrize(
    ("case", "replies", "said", "events"), SEVERAL, ids=[c[0] for c in SEVERAL]
)
def test_several_recipients(
    case: str, replies: list[str], said: list[str], events: list[str]
) -> None:
    talk = Talk(PIPELINING, mail("1", also=("1b",)), mail("2"))
    assert [talk.step(each) for each in replies] == said
    assert talk.events == events


@pytest.mark.parametrize(("case", "replies", "said", "events"), CHUNKS, ids=[c[0] for c in CHUNKS])
def test_with_chunking(case: str, replies: list[str], said: list[str], events: list[str]) -> None:
    talk = Talk(CHUNKING, mail("1"), mail("2"))
    assert [talk.step(each) for each in replies] == said
    assert talk.events == events


@pytest.mark.parametrize(("case", "replies", "said", "events"), LMTP, ids=[c[0] for c in LMTP])
def test_lmtp(case: str, replies: list[str], said: list[str], events: list[str]) -> None:
    talk = Talk(CHUNKING, mail("1", also=("1b",)), mail("2"), lmtp=True)
    assert [talk.step(each) for each in replies] == said
    assert talk.events == events


def test_an_unsendable_recipient_stops_no_other() -> None:
    talk = Talk(
        PIPELINING, Mail("1", ("1@mx.test", "δ@mx.test", ""), "1@sender.test", b"Body 1\r\n")
    )
    assert [talk.step(each) for each in ("", "250 250 354", "250")] == ["M1 R1 D", "B1", ""]
    assert talk.events == [
        "1 accepted body 250",
        "δ permanent rcpt 550 5.6.7",
        "permanent rcpt 553 5.1.3",
    ]


def test_an_unsendable_return_path_is_told_to_all_recipients() -> None:
    talk = Talk(PIPELINING, Mail("1", ("1@mx.test", "2@mx.test"), "δ@sender.test", b"Body 1\r\n"))
    assert talk.step("") == ""
    assert talk.events == ["1 permanent mail 550 5.6.7", "2 permanent mail 550 5.6.7"]


def test_a_large_body_is_no_chunk() -> None:
    talk = Talk(CHUNKING, mail("1", padding="x" * LARGE_BYTES), mail("2"))
    assert [talk.step(each) for each in ("", "250 250 354", "250")] == ["M1 R1 D", "B1", "M2 R2 C2"]


def test_it_tells_how_long_things_took() -> None:
    talk = Talk(PIPELINING, mail("1", also=("1b",)), mail("2"), connect_s=4.0)
    for now, each in enumerate(("", "250", "250 550", "354", "250 250 250 354", "250")):
        talk.now = float(now)
        talk.step(each)
    assert [(each.connect_s, each.transmit_s) for each in talk.verdicts] == [(4, 4), (4, 2), (0, 2)]


def test_a_refusal_is_not_forgotten_when_a_session_ends() -> None:
    talk = Talk(PIPELINING, mail("1"), mail("2", also=("2b",)))
    for each in ("", "250 250 354", "250 250 550", "lost"):
        talk.step(each)
    assert talk.events == ["1 accepted body 250", "2 permanent rcpt 550", "2b temporary rcpt -"]


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
    st.sampled_from([PIPELINING, CHUNKING, Capabilities()]),
    st.booleans(),
    st.lists(st.sampled_from(["250", "354", "421", "450", "550", "502", "334"]), max_size=40),
)
def test_every_recipient_is_settled_once_whatever_the_server_says(
    offered: Capabilities, lmtp: bool, codes: list[str]
) -> None:
    talk = Talk(
        offered, mail("1"), mail("2", also=("2b", "2c")), mail("3", also=("3b",)), lmtp=lmtp
    )
    talk.step("")
    for code in codes:
        talk.step(code)
    talk.step("lost")
    settled = [event.split()[0] for event in talk.events if "back" not in event]
    returned = [name for each in (*talk.returned, *talk.waiting) for name in names(each)]
    assert sorted(settled + returned) == ["1", "2", "2b", "2c", "3", "3b"]
    assert all("body 250" in event for event in talk.events if "accepted" in event)


class Talk:
    """A dialogue with messages that wait; `events` is what it reported."""

    def __init__(
        self, offered: Capabilities, *waiting: Mail, lmtp: bool = False, connect_s: float = 0.0
    ) -> None:
        self.dialogue = Dialogue(Peer("mx.test", connect_s=connect_s), offered, lmtp)
        self.waiting = deque(waiting)
        self.returned: list[Mail] = []
        self.events: list[str] = []
        self.verdicts: list[Verdict] = []
        self.now = 0.0

    def step(self, what: str) -> str:
        """Start, or answer with these codes, or end the connection."""
        if what == "":
            return short(self.dialogue.start(self, self.now))
        if what == "lost":
            self.dialogue.lost("reset", self.now)
            return ""
        if what == "abandon":
            self.dialogue.abandon("stopped", 0.0)
            return ""
        said = [
            self.dialogue.receive(Reply(int(code), ("text",)), self.now) for code in what.split()
        ]
        assert not any(said[:-1])
        return short(said[-1])

    def take(self) -> Outgoing | None:
        return self.waiting.popleft() if self.waiting else None

    def report(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        assert isinstance(outgoing, Mail)
        self.verdicts += verdicts
        told = zip(names(outgoing), verdicts, strict=True)
        self.events += [shown(name, verdict) for name, verdict in told]

    def give_back(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing, Mail)
        self.returned.append(outgoing)
        self.events.append(f"{outgoing.name} back")


def mail(name: str, *, recipient: str = "", also: tuple[str, ...] = (), padding: str = "") -> Mail:
    message = f"Body {name}{padding}\r\n".encode()
    recipients = (recipient or f"{name}@mx.test", *(f"{each}@mx.test" for each in also))
    return Mail(name, recipients, f"{name}@sender.test", message)


def short(said: bytes) -> str:
    text = said.decode()
    for pattern, word in SHORT:
        text = re.sub(pattern, word, text)
    return text.strip()


SHORT = [
    (r"BDAT \d+ LAST\r\nBody (\d)x*\r\n", r"C\1 "),
    (r"Body (\d)x*\r\n\.\r\n", r"B\1 "),
    (r"MAIL FROM:<(\d)@.*\r\n", r"M\1 "),
    (r"RCPT TO:<(\d\w?)@.*\r\n", r"R\1 "),
    (r"DATA\r\n", "D "),
    (r"\r\n", " "),
]
