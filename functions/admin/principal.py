"""Who calls, and what they may do. Pure but for looking an API key up.

An operator shows an admin token in its own header, so that it is never mistaken for an API key:

    X-Ekiden-Admin-Token: <token>
    X-Ekiden-Attribution: anna@ops.example        who it is, for the audit

An app shows its API key as for `submit` (Basic or Bearer), and reaches its own Domain alone.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domains import ADMIN, Directory
from shared.http import Problem, Request, credentials

TOKEN_HEADER = "x-ekiden-admin-token"
ATTRIBUTION_HEADER = "x-ekiden-attribution"
LONGEST_ATTRIBUTION = 200

OPERATOR = "operator"
"""The scope that no API key has."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls."""

    domain: str = ""
    """Empty: an operator, who may act for every Domain."""
    scopes: frozenset[str] = frozenset()
    attribution: str = ""
    key_id: str = ""

    @property
    def is_operator(self) -> bool:
        return not self.domain

    def may(self, scope: str, domain: str) -> bool:
        """Whether it has this scope, for this Domain (empty: for none in particular)."""
        if self.is_operator:
            return True
        if scope == OPERATOR or domain not in ("", self.domain):
            return False
        return scope in self.scopes or ADMIN in self.scopes

    def __str__(self) -> str:
        return f"API key {self.key_id} of {self.domain}" if self.domain else "operator"


async def principal_of(
    request: Request, directory: Directory, admin_tokens: Sequence[str]
) -> Principal:
    """Raises `Problem` 401."""
    attribution = _as_sent(request.headers.get(ATTRIBUTION_HEADER, ""))[:LONGEST_ATTRIBUTION]
    shown = request.headers.get(TOKEN_HEADER)
    if shown is not None:
        if not is_admin_token(shown, admin_tokens):
            raise Problem(401, "unauthenticated", "unknown admin token")
        return Principal(attribution=attribution)
    user, secret = credentials(request)
    identity = await directory.identify(secret, user)
    if identity is None:
        raise Problem(401, "unauthenticated", "unknown, expired or deactivated API key")
    return Principal(identity.domain, identity.scopes, attribution, identity.key_id)


def _as_sent(header: str) -> str:
    """Servers read headers as Latin-1 (RFC 9110 §5.5); who has a name beyond it sends UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def is_admin_token(shown: str, admin_tokens: Sequence[str]) -> bool:
    """Takes the same time whatever is wrong. Without tokens nobody is an operator."""
    as_bytes = shown.encode("utf-8", "surrogatepass")
    found = [hmac.compare_digest(token.encode(), as_bytes) for token in admin_tokens if token]
    return any(found)
