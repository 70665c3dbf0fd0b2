"""Listing past names that are no keys (`shared/key_form.py`).

obstore refuses a whole page for one such name, so whoever may put objects below a prefix could
hide all that lies there. Such a page is listed by boto3, and the names are passed over: no stage
can read them. The log names them, so that somebody deletes them.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from shared.errors import StoreRefused, StoreUnavailable
from shared.key_form import is_readable
from shared.store.base import Entry
from shared.store.s3_errors import LASTING_STATUSES

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import ListObjectsV2OutputTypeDef, ListObjectsV2RequestTypeDef
    from obstore.store import S3Config

log = logging.getLogger("ekiden.store")

SHOWN = 5
MOST_REMEMBERED = 1000
"""Of one listing, names that were told of. More of them are told of again."""


class Sieve:
    """Lists one bucket, or what is below `prefix` in it. Loading boto3 takes half a second, so the
    client is made when it is needed at last."""

    def __init__(self, config: "S3Config", prefix: str | None) -> None:
        self._config = config
        self._prefix = f"{prefix.strip('/')}/" if prefix else ""
        self._client: S3Client | None = None
        self.passed_over: set[str] = set()
        """Some of the names that no stage can read."""

    async def page(self, prefix: str, start_after: str, limit: int) -> list[Entry]:
        """As `Store.list_page`; it reads on until it has `limit` entries, or there are no more."""
        return await asyncio.to_thread(self._page, prefix, start_after, limit)

    def _page(self, prefix: str, start_after: str, limit: int) -> list[Entry]:
        found: list[Entry] = []
        unreadable: list[str] = []
        token = ""
        while len(found) < limit:
            answer = self._ask(prefix, start_after, token)
            for each in answer.get("Contents", []):
                key = each["Key"].removeprefix(self._prefix)
                if not is_readable(key.removesuffix("/")):
                    unreadable.append(key)
                elif key != prefix and not key.endswith("/"):  # which marks a folder
                    found.append(Entry(key, each["Size"], each["LastModified"].timestamp()))
            token = answer.get("NextContinuationToken", "")
            if not token:
                break
        self._tell(prefix, unreadable)
        return found[:limit]

    def _ask(self, prefix: str, start_after: str, token: str) -> "ListObjectsV2OutputTypeDef":
        """The one place where botocore's errors become ours."""
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        wanted: ListObjectsV2RequestTypeDef = {
            "Bucket": self._config["bucket"],
            "Prefix": self._prefix + prefix,
        }
        if token:
            wanted["ContinuationToken"] = token
        elif start_after:
            wanted["StartAfter"] = self._prefix + start_after
        try:
            self._client = self._client or _made_client(self._config)
            return self._client.list_objects_v2(**wanted)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            kind = StoreRefused if status in LASTING_STATUSES else StoreUnavailable
            raise kind(f"S3 store, {prefix}: {error}") from error
        except NoCredentialsError as error:
            raise StoreRefused(f"S3 store, {prefix}: {error}") from error
        except (BotoCoreError, OSError) as error:
            raise StoreUnavailable(f"S3 store, {prefix}: {error}") from error

    def _tell(self, prefix: str, unreadable: list[str]) -> None:
        if self.passed_over.issuperset(unreadable):
            return
        shown = ", ".join(map(ascii, unreadable[:SHOWN]))
        log.error(
            "%d objects below %s have names that nothing here can read; they are passed over, "
            "delete them: %s%s",
            *(len(unreadable), prefix, shown, " …" if len(unreadable) > SHOWN else ""),
        )
        if len(self.passed_over) > MOST_REMEMBERED:
            self.passed_over.clear()
        self.passed_over.update(unreadable[:MOST_REMEMBERED])


def _made_client(config: "S3Config") -> "S3Client":
    import boto3.session
    from botocore.config import Config

    return boto3.session.Session().client(
        "s3",
        region_name=config["region"],
        endpoint_url=config.get("endpoint"),
        aws_access_key_id=config.get("access_key_id"),
        aws_secret_access_key=config.get("secret_access_key"),
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"mode": "standard", "total_max_attempts": 3},
            s3={"addressing_style": "path"},
        ),
    )
