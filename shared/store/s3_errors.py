"""Every obstore error, mapped to ours. No other file translates one.

obstore tells by class what its own code cares about and puts everything else into `GenericError`,
and a listing's errors always; the HTTP status is then only in the text.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import (
    AlreadyExists,
    Changed,
    EkidenError,
    Misconfigured,
    NotFound,
    StoreRefused,
    StoreUnavailable,
)


class UnreadableName(StoreRefused):
    """Something in a listing is named so that obstore can make no path of it."""


BY_CLASS: dict[str, type[EkidenError]] = {
    "AlreadyExistsError": AlreadyExists,
    "PreconditionError": Changed,
    "NotModifiedError": Changed,
    "NotFoundError": NotFound,
    "FileNotFoundError": NotFound,
    "InvalidPathError": UnreadableName,
    "NotSupportedError": StoreRefused,
    "PermissionDeniedError": StoreRefused,
    "UnauthenticatedError": StoreRefused,
    "ValueError": StoreRefused,  # a key that no path can be made of: `a//b`, `..`
    "UnknownConfigurationKeyError": Misconfigured,
    "BaseError": StoreUnavailable,
    "GenericError": StoreUnavailable,
    "JoinError": StoreUnavailable,
}
"""By name, so that the names can be looked up without importing obstore."""

LASTING_STATUSES = {400, 401, 403, 404, 405, 411, 413, 414, 416, 501}
"""The request will not do better next time. All others may: 408, 429, 5xx, no answer at all."""

CONFLICT = 409
"""S3's ConditionalRequestConflict: another request on the key is under way, nobody has won yet.
obstore calls it AlreadyExistsError, but the object may never come to exist: try again."""

_STATUS = re.compile(r"status code: (\d{3})")
_NOT_LASTING = ("<Code>RequestTimeout</Code>", "<Code>ExpiredToken</Code>")
_LASTING = (
    "<Code>NoSuchBucket</Code>",
    "redirect without LOCATION",  # a wrong region
    "(code: AccessDenied)",  # of one key in a bulk delete, which as a whole is a 200
)


@contextmanager
def translated(key: str, missing: type[EkidenError] = StoreRefused) -> Iterator[None]:
    """Raise our error for obstore's. `missing` is for a 404, which on a write means the bucket."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        raise translate(error, key, missing) from error


def translate(error: Exception, key: str, missing: type[EkidenError] = StoreRefused) -> EkidenError:
    """Our error for one of obstore's."""
    text = str(error).partition("\n\nDebug source")[0]
    kind = _kind(type(error).__name__, text)
    if kind is NotFound:
        kind = missing
    if kind in (AlreadyExists, Changed, NotFound):
        return kind(key)
    return kind(f"S3 store, {key or 'whole bucket'}: {text}")


def _kind(name: str, text: str) -> type[EkidenError]:
    kind = BY_CLASS.get(name, StoreUnavailable)
    found = _STATUS.search(text)
    status = int(found[1]) if found else None
    if any(sign in text for sign in _LASTING):
        return StoreRefused
    if status == CONFLICT or any(sign in text for sign in _NOT_LASTING):
        return StoreUnavailable
    if kind is StoreUnavailable and status in LASTING_STATUSES:
        return StoreRefused
    return kind
