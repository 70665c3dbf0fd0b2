"""The one-click unsubscribe URL (RFC 8058 §3.1): https, the fields in it percent-encoded."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_URL = re.compile(r"[!#-;=?-\[\]_a-z~]+")  # what RFC 3986 lets stand in a URL
MAX_URL_CHARS = 900
"""It stands unfolded in one header line, which has 998 at most (RFC 5322 §2.1.1)."""


class Unresolved(ValueError):
    """The URL cannot be made: of the template (at submit), or for one Recipient's fields."""


def check(template: str) -> None:
    """Refuse a URL template that can never work. Raises `Unresolved`."""
    bare = _PLACEHOLDER.sub("x", template)
    if not _URL.fullmatch(bare):
        raise Unresolved("it has characters that no URL has, or a placeholder is not {{ field }}")
    try:
        parts = urlsplit(bare)
    except ValueError as error:
        raise Unresolved(str(error)) from error
    if parts.scheme != "https" or not parts.hostname:
        raise Unresolved("it has to begin with https:// and name a host (RFC 8058 §3.1)")


def fill(template: str, fields: Mapping[str, Any]) -> str:
    """The URL for one Recipient. Raises `Unresolved` if a field is absent, empty or too long."""

    def value(match: re.Match[str]) -> str:
        found = fields.get(match[1])
        if isinstance(found, bool) or not isinstance(found, str | int | float) or found == "":
            raise Unresolved(f"no value for {{{{ {match[1]} }}}}")
        return quote(str(found), safe="")

    url = _PLACEHOLDER.sub(value, template)
    if len(url) > MAX_URL_CHARS:
        raise Unresolved(f"the URL would have more than {MAX_URL_CHARS} characters")
    return url
