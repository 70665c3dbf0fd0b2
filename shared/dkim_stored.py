"""DKIM keys as they are stored; `dkim_keys` needs a library that takes 30 ms of a cold start."""

from typing import Literal

import msgspec

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]


class StoredKey(msgspec.Struct, frozen=True):
    """One private key of a Domain, as it lies in `domains/<domain>/dkim.json`."""

    selector: str
    algorithm: Algorithm
    private_key_pem: str
    """PKCS #8, or PKCS #1 as `opendkim-genkey` writes it; not encrypted."""
    created: float
    """When the pair was made, in seconds since 1970."""
