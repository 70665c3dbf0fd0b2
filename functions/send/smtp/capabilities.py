"""What a server announces in its answer to EHLO (RFC 5321 §4.1.1.1). No I/O."""

from dataclasses import dataclass, field

from functions.send.smtp.reply import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions that we know how to use. All absent after HELO."""

    pipelining: bool = False
    """RFC 2920."""
    size: bool = False
    """RFC 1870. The limit itself is the server's to enforce: at MAIL, before any data."""
    eight_bit_mime: bool = False
    """RFC 6152. Without it 8-bit bodies are sent all the same, as most mail servers do: every
    server of today passes them, and rewriting them would break their DKIM signature."""
    smtp_utf8: bool = False
    """RFC 6531."""
    chunking: bool = False
    """RFC 3030, of which we use one BDAT for a whole message."""
    dsn: bool = False
    """RFC 3461."""
    starttls: bool = False
    """RFC 3207."""
    auth: frozenset[str] = field(default_factory=frozenset)
    """RFC 4954: the mechanisms, in capitals."""


def capabilities(reply: Reply) -> Capabilities:
    """Read the 250 reply to EHLO. Its first line is the greeting and names no extension."""
    offered = [line.upper().split() for line in reply.lines[1:]]
    names = {words[0] for words in offered if words}
    return Capabilities(
        pipelining="PIPELINING" in names,
        size="SIZE" in names,
        eight_bit_mime="8BITMIME" in names,
        smtp_utf8="SMTPUTF8" in names,
        chunking="CHUNKING" in names,
        dsn="DSN" in names,
        starttls="STARTTLS" in names,
        auth=frozenset(word for words in offered if words[:1] == ["AUTH"] for word in words[1:]),
    )
