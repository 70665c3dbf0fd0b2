"""Places in the network as an option writes them: the route of mail, and name servers."""

import re

import msgspec

_FORMS = (
    "mx, smtp://host:port, smtp://user:password@host:port, smtps://user:password@host:port, "
    "lmtp://host:port or demo:"
)
_PORTS = {"smtp": 25, "smtps": 465, "lmtp": 24}
DEMO = "demo:"
_HOST = r"[A-Za-z0-9._:-]+"
_SECRET_PARAMETER = r"(?i)([?&][^=&#]*(?:secret|password|token|key)[^=&#]*=)[^&#]*"
DNS_PORT = 53


class Route(msgspec.Struct, frozen=True):
    """A server that takes all mail on: a smarthost."""

    host: str
    port: int
    tls: bool
    """TLS from the first byte (RFC 8314 §3.3); otherwise STARTTLS, as `send.starttls` says."""
    user: str = ""
    password: str = ""
    lmtp: bool = False
    """It speaks LMTP (RFC 2033): each recipient gets an answer of its own."""

    def __repr__(self) -> str:
        user = f", user={self.user!r}" if self.user else ""
        return f"Route({self.host!r}, {self.port}, tls={self.tls}{user})"


def parse_route(text: str) -> Route | None:
    """Read a route; None means the recipient's own servers, by MX, or none at all (`demo:`).
    Raises ValueError.

    The user and the password are percent-decoded (RFC 3986 §2.1).
    """
    if text in ("mx", DEMO):
        return None
    from urllib.parse import unquote, urlsplit

    try:
        url = urlsplit(text)
        port = _PORTS[url.scheme] if url.port is None else url.port
    except (ValueError, KeyError):
        raise _refusal(text) from None
    beyond_the_server = url.path.strip("/") or url.query or url.fragment
    if beyond_the_server or not port or not re.fullmatch(_HOST, url.hostname or ""):
        raise _refusal(text)
    if not text.isprintable() or " " in text or bool(url.username) != bool(url.password):
        raise _refusal(text)
    user, password = unquote(url.username or ""), unquote(url.password or "")
    return Route(
        url.hostname or "", port, url.scheme == "smtps", user, password, url.scheme == "lmtp"
    )


def _refusal(text: str) -> ValueError:
    advice = "; percent-encode what is not a letter or a digit in user and password"
    return ValueError(f"{mask(text)!r} is no route: write {_FORMS}{advice if '@' in text else ''}")


def parse_nameserver(text: str) -> tuple[str, int]:
    """(IP address, port) of `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1` or `[2001:db8::1]:5353`.

    Raises ValueError.
    """
    from ipaddress import ip_address

    match = re.fullmatch(r"\[([^]]+)\](?::([0-9]{1,5}))?|([0-9.]+):([0-9]{1,5})", text)
    address = (match[1] or match[3]) if match else text
    port = int((match[2] or match[4] or DNS_PORT) if match else DNS_PORT)
    try:
        ip_address(address)
    except ValueError:
        port = 0
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r} is no name server: write an IP address, or IP address:port")
    return address, port


def mask(url: str) -> str:
    """The URL without what nobody shall read in a log: passwords, and parameters that hold keys."""
    head, at, tail = url.rpartition("@")
    scheme, slashes, credentials = head.partition("//")
    if at and not credentials.startswith("/"):
        user, colon, _ = credentials.partition(":")
        shown = f"{user}:***" if slashes and colon else "***"
        head = f"{scheme}//{shown}" if slashes else shown
    return re.sub(_SECRET_PARAMETER, r"\1***", f"{head}{at}{tail}")
