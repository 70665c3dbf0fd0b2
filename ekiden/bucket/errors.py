"""Errors of boto3 and of the minio SDK, mapped to ours. No other file translates one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from shared.errors import EkidenError, Misconfigured, NotFound, StoreRefused, StoreUnavailable

PASSING_CODES = {
    *("SlowDown", "RequestTimeout", "ExpiredToken", "ServiceUnavailable", "InternalError"),
    *("Throttling", "ThrottlingException", "RequestThrottled", "OperationAborted"),
}
QUEUE_IS_MISSING = ("NonExistentQueue", "QueueDoesNotExist")
CREDENTIALS = (
    "look at access_key_id and secret_access_key of store.url, or at AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY"
)
ADVICE = {
    "InvalidAccessKeyId": CREDENTIALS,
    "SignatureDoesNotMatch": CREDENTIALS,
    "AccessDenied": "these credentials may not do that",
    "BucketAlreadyExists": "the name belongs to somebody else: take another one",
    "InvalidBucketName": "3 to 63 lower-case letters, digits, dots and hyphens",
    "NoSuchBucket": "make it: `ekiden bucket init`",
}


class NotOffered(StoreRefused):
    """This engine has no such call."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise our error for one of boto3's. `what` says what was tried."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise from_answer(what, *_answer(error.response)) from error
    except BotoCoreError as error:
        raise _from_boto(what, error) from error
    except ValueError as error:  # an endpoint or a name that boto3 can make nothing of
        raise Misconfigured(f"{what}: {error}") from error


@contextmanager
def translated_minio(what: str) -> Iterator[None]:
    """The same for the minio SDK, which speaks through urllib3."""
    from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except S3Error as error:
        raise from_answer(what, error.code or "", error.message or "", 400) from error
    except (InvalidResponseError, ServerError, HTTPError) as error:
        raise StoreUnavailable(f"{what}: {error}") from error
    except (MinioException, ValueError) as error:
        raise Misconfigured(f"{what}: {error}") from error


def from_answer(what: str, code: str, message: str, status: int) -> EkidenError:
    """Our error for what the store answered."""
    advice = ADVICE.get(code, "")
    said = message.strip().partition("\n")[0]  # a proxy's may be a whole page
    text = f"{what}: {code}: {said}" + (f" ({advice})" if advice else "")
    if status in (405, 501) or code in ("NotImplemented", "MethodNotAllowed"):
        return NotOffered(text)
    if status >= 500 or status == 429 or code in PASSING_CODES:
        return StoreUnavailable(text)
    if status == 404 or code.startswith("NoSuch") or code.endswith(QUEUE_IS_MISSING):
        return NotFound(text)
    return StoreRefused(text)


def _answer(response: Any) -> tuple[str, str, int]:
    said = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return str(said.get("Code", "")), str(said.get("Message", "")), int(status)


def _from_boto(what: str, error: Exception) -> EkidenError:
    from botocore import exceptions

    lasting = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.ParamValidationError,
        exceptions.NoRegionError,
        exceptions.InvalidRegionError,
        exceptions.ProfileNotFound,
    )
    if isinstance(error, lasting):
        return Misconfigured(f"{what}: {error} ({CREDENTIALS})")
    return StoreUnavailable(f"{what}: {error}")


def first_refusal(error: EkidenError) -> EkidenError:
    """What went wrong first, where tidying up went wrong on top of a refusal."""
    first, before = error, error.__context__
    while before is not None:
        first = before if isinstance(before, StoreRefused) else first
        before = before.__context__
    return first
