"""Replies: one line, ASCII, bounded, and with an enhanced code (RFC 2034, RFC 3463). Pure."""

import re

MAX_TEXT_CHARS = 400
"""RFC 5321 §4.5.3.1.5: a reply line has 512 bytes at most, code and line end included."""

UNAVAILABLE = "451 4.3.0 the store does not answer, try again later"

_CODED = re.compile(r"[245]\d\d [245]\.\d{1,3}\.\d{1,3} ")
_UNPRINTABLE = re.compile(r"[^ -~]+")
_BARE = {"220", "334", "354"}
"""RFC 2034 §3: the greeting, and replies that ask for more, carry none."""
_DEFAULTS = {"500": "5.5.2", "501": "5.5.4", "502": "5.5.1", "503": "5.5.1", "421": "4.3.0"}


def one_line(text: str) -> str:
    """Whatever an error or a client said, fit to stand in one reply or log line."""
    return _UNPRINTABLE.sub("?", text)[:MAX_TEXT_CHARS]


def finished(status: str) -> str:
    """A reply as it is sent: `status`, with an enhanced code where it lacks one."""
    text = one_line(status)
    if text[:3] in _BARE or _CODED.match(text):
        return text
    enhanced = _DEFAULTS.get(text[:3], f"{text[:1]}.0.0")
    return f"{text[:3]} {enhanced} {text[4:] or 'ok'}"


def is_refusal(status: str) -> bool:
    """Whether it counts as an error of the client."""
    return status.startswith("5")
