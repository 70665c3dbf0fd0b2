"""Mail with everything that canonicalisation touches, made from a seed."""

import random
from collections.abc import Iterator

FROM = "From: Ekiden Shop <news@example.com>"
NAMES = (
    *("To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"),
    *("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "SUBJECT", "to", "X-Other"),
)
WORDS = (
    "text/html;",
    "charset=utf-8",
    "<a@example.net>",
    "ü",
    "駅伝",
    "=?utf-8?q?=C3=BC?=",
    "b=",
    ";",
)
BLANKS = (" ", "  ", "\t", " \t ", "\r\n ", " \r\n\t", "\r\n    ")
BODY_PARTS = (
    *(b" ", b"  ", b"\t", b" \t ", b"\r\n", b" \r\n", b"\r\n\r\n", b"\r\n        ", b"\r\n\t\t"),
    *(b"<td>", b"Hello", b"=20", b"=\r\n", b".", b"\xfc", "駅伝".encode()),
)


def messages(seed: int, count: int) -> Iterator[bytes]:
    """`count` messages as they are on the wire, without CR or LF outside of CRLF."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(count):
        fields = [FROM, *(_field(chance) for _ in range(chance.randrange(12)))]
        chance.shuffle(fields)
        body = b"".join(chance.choices(BODY_PARTS, k=chance.randrange(60)))
        yield "\r\n".join(fields).encode() + b"\r\n\r\n" + body + b"\r\n"


def _field(chance: random.Random) -> str:
    words = (chance.choice(BLANKS) + chance.choice(WORDS) for _ in range(chance.randrange(1, 8)))
    return f"{chance.choice(NAMES)}:{''.join(words)}" + chance.choice(("", " ", "\t"))
