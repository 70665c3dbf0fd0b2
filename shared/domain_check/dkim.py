"""Is the published DKIM key ours (RFC 6376 §3.6.1, RFC 8463 §4)? Pure."""

import binascii
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence

from shared.dkim_keys import RSA_MIN_SIZE_BITS, RSA_SIZE_BITS
from shared.domain_check.model import Check, PasteRecord, State
from shared.domain_check.subject import PublicKey
from shared.domain_check.tags import compact, parse_tags

NAME = "dkim"
WHY = "Receivers check our signature by this key; without it mail counts as forged or unsigned."
_NUMBERED = re.compile(r"(.*?)([1-9][0-9]?)")
MOST_OLD = 3

Tags = Mapping[str, str]


def judge(key: PublicKey, texts: Sequence[str]) -> Check:
    """`texts`: the TXT records of its name."""
    state, found = _judged(key, texts)
    if not key.signs and state is not State.OK:
        # Nobody looks at it yet, or any more.
        state = State.WARNING if _records(texts) else State.OK
        found = f"{found}; it does not sign now, publish it before it does"
    paste = () if state is State.OK and key.signs else (PasteRecord("TXT", key.name, key.text),)
    return Check(NAME, state, f"{key.name} publishes our key", found, WHY, key.selector, paste)


def _judged(key: PublicKey, texts: Sequence[str]) -> tuple[State, str]:
    records = _records(texts)
    if not records:
        seen = f"; there is {texts[0]!r}" if texts else ""
        return State.FAILED, f"{key.name} has no DKIM record{seen}"
    read = [tags for tags in map(parse_tags, records) if tags and "p" in tags]
    if len(read) < len(records):
        return State.FAILED, f"the DKIM record of {key.name} cannot be read: {records[0]}"
    if len({compact(tags["p"]) for tags in read}) > 1:  # RFC 6376 §3.6.2.2: undefined which counts
        return State.FAILED, f"{key.name} has {len(read)} DKIM records; only one may be"
    wrong = _wrong(key, read[0]) or _unusable(read[0])
    if wrong:
        return State.FAILED, f"{key.name} {wrong}"
    weak = _weak(read[0])
    return (State.WARNING, f"{key.name} {weak}") if weak else (State.OK, "the key is ours")


def _records(texts: Sequence[str]) -> list[str]:
    """Those that are meant to be DKIM keys: a stray text says nothing."""
    return [text for text in texts if re.search(r"(^|;)\s*(v\s*=\s*DKIM1|p\s*=)", text)]


def _wrong(key: PublicKey, tags: Tags) -> str:
    """What is another key than ours."""
    ours = parse_tags(key.text) or {}
    if not compact(tags["p"]):
        return "says that the key is revoked"  # §3.6.1: p= is empty
    published = _bytes(tags["p"])
    if published is None:
        return "publishes no key: it is no base 64; was it cut off?"
    kind = tags.get("k", "rsa").lower()
    if kind != ours["k"]:
        return f"publishes another key than ours: {kind}, not {ours['k']}"
    if published != _bytes(ours["p"]):
        return f"publishes another key than ours{_size(kind, published)}"
    return ""


def _unusable(tags: Tags) -> str:
    """Why no receiver takes the key, though it is ours."""
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != "DKIM1"):
        return "has a v= that is not DKIM1, or not the first"
    if "h" in tags and "sha256" not in _words(tags["h"]):
        return f"does not allow SHA-256: h={tags['h']}"
    if "s" in tags and not {"*", "email"} & set(_words(tags["s"])):
        return f"is not for mail: s={tags['s']}"
    return ""


def _weak(tags: Tags) -> str:
    if "y" in _words(tags.get("t", "")):
        return "says t=y: in test, receivers may treat mail as unsigned"
    bits = _rsa_bits(_bytes(tags["p"]) or b"") if tags.get("k", "rsa").lower() == "rsa" else 0
    if 0 < bits < RSA_SIZE_BITS:  # RFC 8301 §3.2
        return f"publishes our key, of {bits} bits only; make one of {RSA_SIZE_BITS}"
    return ""


def _words(value: str) -> list[str]:
    return [each.strip().lower() for each in value.split(":")]


def _bytes(value: str) -> bytes | None:
    try:
        return b64decode(compact(value), validate=True)
    except (binascii.Error, ValueError):
        return None


def _size(kind: str, published: bytes) -> str:
    bits = _rsa_bits(published) if kind == "rsa" else 0
    short = 0 < bits < RSA_MIN_SIZE_BITS  # RFC 8301 §3.2: verifiers refuse it
    return f", and one of {bits} bits, which is too short" if short else ""


def _rsa_bits(der: bytes) -> int:
    """0: that is no RSA key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return 0
    return key.key_size if isinstance(key, RSAPublicKey) else 0


def old_selectors(keys: Sequence[PublicKey]) -> list[str]:
    """Selectors that keys before ours may have had: `ekiden1` before `ekiden2`."""
    ours = {key.selector.lower() for key in keys}
    found: list[str] = []
    for key in keys:
        match = _NUMBERED.fullmatch(key.selector)
        number = int(match[2]) if match else 0
        found += [f"{match[1]}{each}" for each in range(number - 1, 0, -1) if match]
    return [each for each in dict.fromkeys(found) if each.lower() not in ours][:MOST_OLD]


def judge_old(selector: str, domain: str, texts: Sequence[str]) -> Check | None:
    """A key that nobody here has; None if there is none."""
    keys = [
        tags for tags in map(parse_tags, _records(texts)) if tags and compact(tags.get("p", ""))
    ]
    if not keys:
        return None
    name = f"{selector}._domainkey.{domain}"
    return Check(
        NAME,
        State.WARNING,
        f"{name} is gone when its mail has arrived",
        f"{name} publishes a key that is not among ours",
        "Who has that key can sign as the Domain.",
        selector,
    )
