"""Who is logged in: a signed cookie; and what each form carries to prove that it is ours. Pure.

    <expires>.<id>.<name>.<mac>

The cookie holds no token. Its MAC's key is derived from the admin token that was shown, so a token
that is taken out of the configuration ends all its sessions. Nothing is stored.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

LIFETIME_S = 12 * 3600
"""A night shift."""
ID_BYTES = 16
LONGEST_NAME = 100
_LONGEST_COOKIE = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has shown an admin token."""

    id: str
    expires_at: int
    name: str
    """Who it says it is; empty if it did not say."""
    key: bytes

    @property
    def cookie(self) -> str:
        name = urlsafe_b64encode(self.name.encode()).decode().rstrip("=")
        signed = f"{self.expires_at}.{self.id}.{name}"
        return f"{signed}.{_mac(self.key, 'session', signed)}"

    @property
    def form_token(self) -> str:
        """What every form of this session carries."""
        return _mac(self.key, "form", self.id)

    def is_form_token(self, shown: str) -> bool:
        return _same(shown, self.form_token)


def begin(admin_token: str, name: str, entropy: bytes, now: float) -> Session:
    """A new session, from `ID_BYTES` of entropy."""
    expires_at = int(now) + LIFETIME_S
    return Session(entropy.hex(), expires_at, _printable(name), _key(admin_token))


def read(cookie: str, admin_tokens: Sequence[str], now: float) -> Session | None:
    """The session of a cookie, or None if it is forged, damaged or over."""
    if len(cookie) > _LONGEST_COOKIE:
        return None
    signed, _, mac = cookie.rpartition(".")
    keys = [_key(token) for token in admin_tokens if token]
    valid = [key for key in keys if _same(mac, _mac(key, "session", signed))]
    if not valid:
        return None
    expires_at, session_id, name = signed.split(".")  # signed by us: it has this form
    if int(expires_at) <= now:
        return None
    plain = urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    return Session(session_id, int(expires_at), plain, valid[0])


def login_token(admin_token: str, nonce: str) -> str:
    """What the login form carries; the nonce is in a cookie that another site cannot set."""
    return _mac(_key(admin_token), "login", nonce)


def is_login_token(shown: str, admin_token: str, nonce: str) -> bool:
    return bool(nonce) and _same(shown, login_token(admin_token, nonce))


def _key(admin_token: str) -> bytes:
    return hmac.digest(admin_token.encode(), b"ekiden dashboard", "sha256")


def _mac(key: bytes, purpose: str, text: str) -> str:
    signed = f"{purpose}:{text}".encode("utf-8", "surrogatepass")
    return urlsafe_b64encode(hmac.digest(key, signed, "sha256")).decode().rstrip("=")


def _same(shown: str, wanted: str) -> bool:
    return hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), wanted.encode())


def _printable(name: str) -> str:
    plain = "".join(letter for letter in name if letter.isprintable())
    return plain.strip()[:LONGEST_NAME].strip()
