"""What the benchmark sends: a real transactional mail, to a real mix of domains."""

import random
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from pathlib import Path

SENDER = "news@example.org"
DOMAIN = "example.org"
SUBJECT = "Please confirm your email address, {{ name }}"

_ACTION_HTML = Path(__file__).parents[2] / "shared/data/html/action.html"
_HTML_BYTES = 7168
"""The size of action.html, which the generated stand-in has too."""

_GREETING = (
    "<p>Dear {{ name }}, your order {{ order }} from {{ city }} waits for you:"
    ' <a href="https://example.org/confirm?code={{ code }}">confirm {{ code }}</a></p>'
)

_DOMAINS = {"gmail.example": 67, "hotmail.example": 9, "yahoo.example": 6}
"""Shares in percent of the big mailbox providers; the rest is spread over small ones."""
_SMALL_DOMAINS = [f"company-{n:03d}.example" for n in range(200)]
_SEED = 20261121


@cache
def html() -> str:
    """action.html (or its like, where the folder is absent) with fields of the Recipient."""
    page = _ACTION_HTML.read_text() if _ACTION_HTML.exists() else _generated_page()
    head, body, rest = page.partition("<body")
    end_of_tag = rest.index(">") + 1
    return head + body + rest[:end_of_tag] + _GREETING + rest[end_of_tag:]


def _generated_page() -> str:
    row = (
        '<tr><td style="font-family: Helvetica, Arial, sans-serif">A line of the order</td></tr>\n'
    )
    rows = row * (_HTML_BYTES // len(row))
    return f"<!DOCTYPE html>\n<html><body>\n<table>\n{rows}</table>\n</body></html>\n"


def recipients(count: int) -> list[dict[str, object]]:
    """`count` different Recipients with their own fields; the same ones every time."""
    chance = random.Random(_SEED)
    return [_recipient(n, _domain(chance)) for n in range(count)]


def _domain(chance: random.Random) -> str:
    share = chance.randrange(100)
    for name, percent in _DOMAINS.items():
        if share < percent:
            return name
        share -= percent
    return chance.choice(_SMALL_DOMAINS)


def _recipient(n: int, domain: str) -> dict[str, object]:
    fields = {"name": f"Reader {n}", "order": str(100_000 + n), "city": "Edo", "code": f"{n:08x}"}
    return {"email": f"reader-{n}@{domain}", "fields": fields}


def write_mail(path: Path) -> Path:
    """Write the same content as one finished mail, for peers that only relay.

    Lines end with LF alone: `smtp-source -F` adds the CR.
    """
    mail = EmailMessage(policy=SMTP.clone(linesep="\n"))
    mail["From"], mail["To"], mail["Subject"] = SENDER, "reader@example.net", SUBJECT
    mail["Date"], mail["Message-ID"] = "Sat, 21 Nov 2026 12:00:00 +0000", "<1@example.org>"
    mail.set_content("Please read this mail as HTML.")
    mail.add_alternative(html(), subtype="html")
    path.write_bytes(mail.as_bytes())
    return path
