"""Command lines, read strictly (RFC 5321 §4.1). Pure.

Arguments keep their case and their bytes: what a parameter says is the sender's, not ours.
"""

import re
from dataclasses import dataclass, field

MAX_LINE_BYTES = 2048
"""RFC 5321 §4.5.3.1.4 asks for 512; ORCPT, ENVID and UTF-8 addresses make lines longer."""
MAX_AUTH_BYTES = 12288
"""RFC 4954 §4."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ROUTE = r"(?:@[^:,<>\s]+(?:,@[^:,<>\s]+)*:)?"
_LOCAL = r'(?:"(?:[^"\\]|\\.)*"|[^\s"<>@]+)'
_PATH = re.compile(rf"<{_ROUTE}({_LOCAL}@[^\s<>@]+|{_LOCAL}|)>(?: +(.*))?")
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^\s=]+))?")
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*")
_XTEXT = re.compile(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+")


class BadCommand(Exception):
    """It cannot be carried out; the text is the reply."""


@dataclass(frozen=True, slots=True)
class Command:
    """A verb in capitals, and what follows it."""

    verb: str
    argument: str


@dataclass(frozen=True, slots=True)
class Path:
    """The argument of MAIL or RCPT: an address ("" is the null one), and parameters."""

    address: str
    parameters: dict[str, str] = field(default_factory=dict)
    """Names in capitals; "" for one without a value."""


def parse_command(line: bytes) -> Command:
    """Raises `BadCommand`."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise BadCommand("500 5.5.2 the command is no UTF-8") from None
    if _CONTROL.search(text):
        raise BadCommand("500 5.5.2 control character in the command")
    verb, _, argument = text.partition(" ")
    if len(line) > MAX_LINE_BYTES and verb.upper() != "AUTH":
        raise BadCommand("500 5.5.2 line too long")
    return Command(verb.upper(), argument.strip(" "))


def parse_path(keyword: str, argument: str) -> Path:
    """`FROM:<address> parameters` or `TO:<…>`. A source route is ignored (RFC 5321 §4.1.1.3).

    Raises `BadCommand`.
    """
    if argument[: len(keyword)].upper() != keyword:
        raise BadCommand(f"501 5.5.4 write {keyword}<address>")
    match = _PATH.fullmatch(argument[len(keyword) :].lstrip(" "))
    if match is None:
        raise BadCommand(f"501 5.1.3 write {keyword}<address>")
    parameters: dict[str, str] = {}
    for text in (match[2] or "").split():
        parameter = _PARAMETER.fullmatch(text)
        if parameter is None or parameter[1].upper() in parameters:
            raise BadCommand("501 5.5.4 a parameter is malformed, or comes twice")
        parameters[parameter[1].upper()] = parameter[2] or ""
    return Path(match[1], parameters)


def check_mail(path: Path, max_message_bytes: int) -> None:
    """Raises `BadCommand` for what MAIL's parameters ask that we cannot do."""
    utf8 = "SMTPUTF8" in path.parameters
    for name, value in path.parameters.items():
        if name == "SIZE":  # RFC 1870 §6.1
            if not re.fullmatch(r"[0-9]{1,20}", value):
                raise BadCommand("501 5.5.4 SIZE is a number")
            if int(value) > max_message_bytes:
                raise BadCommand(f"552 5.3.4 more than {max_message_bytes} bytes")
        elif name == "BODY":  # RFC 6152
            if value.upper() not in ("7BIT", "8BITMIME"):
                raise BadCommand("501 5.5.4 BODY is 7BIT or 8BITMIME")
        elif not _is_mail_parameter(name, value):
            raise BadCommand("555 5.5.4 unknown parameter of MAIL")
    if not path.address.isascii() and not utf8:
        raise BadCommand("553 5.6.7 the address needs SMTPUTF8")  # RFC 6531 §3.5


def _is_mail_parameter(name: str, value: str) -> bool:
    if name == "SMTPUTF8":
        return not value
    if name == "RET":  # RFC 3461 §4.3
        return value.upper() in ("FULL", "HDRS")
    if name == "ENVID":  # RFC 3461 §4.4
        return len(value) <= 100 and _XTEXT.fullmatch(value) is not None
    return name == "AUTH" and bool(value)  # RFC 4954 §5: read, and not believed


def check_rcpt(path: Path, is_utf8: bool) -> None:
    """Raises `BadCommand` for what RCPT's parameters ask that we cannot do."""
    for name, value in path.parameters.items():
        if name == "NOTIFY":  # RFC 3461 §4.1
            known = _NOTIFY.fullmatch(value.upper()) is not None
        elif name == "ORCPT":  # RFC 3461 §4.2
            kind, _, address = value.partition(";")
            known = bool(kind) and len(value) <= 500 and _is_original(address, is_utf8)
        else:
            raise BadCommand("555 5.5.4 unknown parameter of RCPT")
        if not known:
            raise BadCommand(f"501 5.5.4 {name} is malformed")
    if not path.address.isascii() and not is_utf8:
        raise BadCommand("553 5.6.7 the address needs SMTPUTF8")


def _is_original(address: str, is_utf8: bool) -> bool:
    return bool(_XTEXT.fullmatch(address)) or (is_utf8 and bool(address))
