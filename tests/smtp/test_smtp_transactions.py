"""What the client reports is what the server did, whoever is refused, and wherever it hangs up."""

import re
from collections import Counter, deque
from collections.abc import Sequence
from random import Random

import pytest
from smtp_mail import Mail, names

from functions.send.smtp.capabilities import Capabilities
from functions.send.smtp.dialogue import Dialogue
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.reply import ReplyReader
from functions.send.smtp.verdict import Peer, Verdict

ROUNDS = 400
OFFERS = [
    Capabilities(),
    Capabilities(pipelining=True),
    Capabilities(pipelining=True, chunking=True),
]


@pytest.mark.parametrize("seed", range(4))
def test_accepted_is_what_the_server_took_and_nothing_else(seed: int) -> None:
    print(f"seed {seed}")
    chance = Random(seed)
    for _ in range(ROUNDS):
        server, client = Server(chance), Client(chance)
        while client.waiting:
            client.connect(server)
        taken = set(server.taken)
        assert client.accepted <= taken <= client.accepted | client.ambiguous
        assert max(server.taken.values(), default=1) == 1
        assert sorted(client.settled) == sorted(name for mail in client.all for name in names(mail))


class Client:
    """A `Work` with some messages to some recipients each."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.all = [_mail(n, chance.randint(1, 3)) for n in range(4)]
        self.waiting = deque(self.all)
        self.settled: list[str] = []
        self.accepted: set[str] = set()
        self.ambiguous: set[str] = set()

    def connect(self, server: "Server") -> None:
        """One session, over a network that cuts what is said into pieces."""
        server.begin()
        reader = ReplyReader()
        dialogue = Dialogue(Peer("mx.test"), server.offered, server.lmtp)
        said = dialogue.start(self, 0.0)
        while said:
            answers, said = server.hear(said), b""
            while answers:
                cut = self.chance.randint(1, len(answers))
                for reply in reader.feed(answers[:cut]):
                    said += dialogue.receive(reply, 0.0)
                answers = answers[cut:]
        if dialogue.awaited is not None:
            assert server.closed, "both wait for each other"
            dialogue.lost("closed", 0.0)

    def take(self) -> Outgoing | None:
        return self.waiting.popleft() if self.waiting else None

    def give_back(self, outgoing: Outgoing) -> None:
        assert isinstance(outgoing, Mail)
        self.waiting.appendleft(outgoing)

    def report(self, outgoing: Outgoing, verdicts: Sequence[Verdict]) -> None:
        assert isinstance(outgoing, Mail)
        for name, verdict in zip(names(outgoing), verdicts, strict=True):
            self.settled.append(name)
            if verdict.kind == "accepted":
                self.accepted.add(name)
            if verdict.ambiguous:
                self.ambiguous.add(name)


class Server:
    """Answers at random. `taken`: how often it has the message of which recipient."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.lmtp = chance.random() < 0.3
        self.offered = chance.choice(OFFERS)
        self.knows_bdat = chance.random() < 0.7
        self.wants_body_for_nobody = chance.random() < 0.3 and not self.lmtp
        self.taken: Counter[str] = Counter()

    def begin(self) -> None:
        self.closed = False
        self.in_data = False
        self._clear()

    def hear(self, said: bytes) -> bytes:
        """The answers to all of this; fewer when it hangs up on the way."""
        answers: list[str] = []
        while said and not self.closed:
            if self.in_data:
                _, _, said = (b"\r\n" + said).partition(b"\r\n.\r\n")
                answers += self._end_of_body()
            else:
                line, _, said = said.partition(b"\r\n")
                chunk = re.match(rb"BDAT (\d+) LAST", line)
                said = said[int(chunk[1]) :] if chunk else said
                answers += self._command(line.decode())
            if self.chance.random() < 0.03:
                self.closed = True
                answers = answers[: self.chance.randint(0, len(answers))]
        return "".join(f"{answer}\r\n" for answer in answers).encode()

    def _clear(self) -> None:
        self.mail = False
        self.recipients: list[str] = []

    def _command(self, line: str) -> list[str]:
        verb = line[:4]
        if verb == "RSET":
            self._clear()
        elif verb == "MAIL":
            return self._mail()
        elif verb == "RCPT":
            return self._rcpt(line.removeprefix("RCPT TO:<").partition("@")[0])
        elif verb == "DATA":
            return self._data()
        else:
            return self._bdat()
        return ["250 ok"]

    def _refuses(self) -> list[str]:
        if self.chance.random() < 0.03:
            self.closed = True
            return ["421 bye"]
        return [self.chance.choice(["450 later", "550 no"])] if self.chance.random() < 0.2 else []

    def _mail(self) -> list[str]:
        if self.mail:
            return ["503 nested MAIL"]
        refusal = self._refuses()
        self.mail = not refusal
        return refusal or ["250 ok"]

    def _rcpt(self, name: str) -> list[str]:
        refusal = self._refuses() if self.mail else ["503 MAIL first"]
        if not refusal:
            self.recipients.append(name)
        return refusal or ["250 ok"]

    def _data(self) -> list[str]:
        if not self.mail or not (self.recipients or self.wants_body_for_nobody):
            return ["503 no valid recipients"]
        refusal = self._refuses()
        self.in_data = not refusal
        return refusal or ["354 go ahead"]

    def _bdat(self) -> list[str]:
        if not self.knows_bdat:
            return ["502 what?"]
        if not self.mail or not (self.recipients or self.wants_body_for_nobody):
            return ["503 no valid recipients"]
        return self._end_of_body()

    def _end_of_body(self) -> list[str]:
        self.in_data = False
        answers: list[str] = []
        for group in [[each] for each in self.recipients] if self.lmtp else [self.recipients]:
            refusal = [] if self.closed else self._refuses()
            if not refusal and not self.closed:
                self.taken.update(group)
            answers += refusal or ([] if self.closed else ["250 queued"])
        self._clear()
        return answers


def _mail(n: int, recipients: int) -> Mail:
    local = [f"{n}.{each}" for each in range(recipients)]
    return Mail(
        local[0], tuple(f"{each}@mx.test" for each in local), "s@a.test", b"Subject: x\r\n\r\n.\r\n"
    )
