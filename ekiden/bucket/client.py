"""The calls to an S3 server that set a bucket up or look at its set-up, by boto3.

Objects go through `shared/store/s3.py`. boto3 is loaded when the first client is made.
"""

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ekiden.bucket.errors import translated
from ekiden.bucket.place import Place
from shared.errors import NotFound

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_sqs.client import SQSClient

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 15
DEFAULT_TRANSITION = "all_storage_classes_128K"


class BucketClient:
    """One bucket. All methods raise `StoreUnavailable`, `StoreRefused`, `NotFound`,
    `Misconfigured`."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._s3: S3Client = _client("s3", place, place.endpoint)
        # MinIO before 2024 wants an MD5 where boto3 now sends a CRC.
        self._s3.meta.events.register("before-call.s3.PutBucketLifecycleConfiguration", _add_md5)

    @property
    def endpoint(self) -> str:
        return str(self._s3.meta.endpoint_url)

    def look(self) -> tuple[bool, dict[str, str]]:
        """(is the bucket there?, the headers of the answer). By a GET: a HEAD's refusal has no
        words."""
        from botocore.exceptions import ClientError

        with translated(f"bucket {self.place.bucket}"):
            try:
                said: Any = self._s3.list_objects_v2(Bucket=self.place.bucket, MaxKeys=1)
            except ClientError as error:
                said = error.response
                if said["Error"].get("Code") != "NoSuchBucket":
                    raise
                return False, _headers(said)
        return True, _headers(said)

    def make(self, region: str = "") -> None:
        """Make the bucket; that it is there, and ours, is no error. `region` is for AWS alone."""
        from botocore.exceptions import ClientError

        more: Any = {}
        if region and region != "us-east-1":  # which cannot be named as a constraint
            more["CreateBucketConfiguration"] = {"LocationConstraint": region}
        with translated(f"making the bucket {self.place.bucket}"):
            try:
                self._s3.create_bucket(Bucket=self.place.bucket, **more)
            except ClientError as error:
                if error.response["Error"].get("Code") != "BucketAlreadyOwnedByYou":
                    raise

    def rules(self) -> tuple[list[dict[str, Any]], str]:
        """(the lifecycle rules as boto3 has them, the least size of what moves to other storage,
        if it is not the usual one)"""
        try:
            with translated("reading the lifecycle rules"):
                said: Any = self._s3.get_bucket_lifecycle_configuration(Bucket=self.place.bucket)
        except NotFound:
            if not self.look()[0]:
                raise
            return [], ""
        least = str(said.get("TransitionDefaultMinimumObjectSize", ""))
        return said.get("Rules", []), "" if least == DEFAULT_TRANSITION else least

    def put_rules(self, rules: Sequence[Mapping[str, Any]], least: str = "") -> None:
        """In place of all rules before; none deletes the configuration."""
        more: Any = {"TransitionDefaultMinimumObjectSize": least} if least else {}
        with translated("writing the lifecycle rules"):
            if not rules:
                self._s3.delete_bucket_lifecycle(Bucket=self.place.bucket)
                return
            self._s3.put_bucket_lifecycle_configuration(
                Bucket=self.place.bucket,
                LifecycleConfiguration={"Rules": rules},  # type: ignore[typeddict-item]
                **more,
            )

    def notifications(self) -> dict[str, Any]:
        """The notification configuration as boto3 has it, and as it is put."""
        with translated("reading the notifications"):
            said: Any = self._s3.get_bucket_notification_configuration(Bucket=self.place.bucket)
        return {name: value for name, value in said.items() if name != "ResponseMetadata"}

    def put_notifications(self, configuration: Mapping[str, Any]) -> None:
        with translated("writing the notifications"):
            self._s3.put_bucket_notification_configuration(
                Bucket=self.place.bucket,
                NotificationConfiguration=configuration,  # type: ignore[arg-type]
            )


def sqs_client(place: Place) -> "SQSClient":
    """SQS beside the bucket: on AWS at its own place, elsewhere (LocalStack) at the same."""
    client: SQSClient = _client("sqs", place, "" if place.is_on_aws else place.endpoint)
    return client


def credentials_of(place: Place) -> "ReadOnlyCredentials | None":
    """Those of the store URL, else those of the environment, the profile or the machine."""
    with translated("credentials"):
        found = _session(place).get_credentials()
        return found.get_frozen_credentials() if found else None


def trusted() -> str | None:
    """A file of CA certificates, where the machine's own do not hold the store's. The S3 client
    of `shared/store` goes by the second name, boto3 by the first."""
    return os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE")


def _session(place: Place) -> Any:
    import boto3

    return boto3.Session(
        aws_access_key_id=place.access_key_id or None,
        aws_secret_access_key=place.secret_access_key or None,
        region_name=place.region,
    )


def _client(service: str, place: Place, endpoint: str) -> Any:
    from botocore.config import Config

    patience = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": 2},
        s3={"addressing_style": "path"},
    )
    with translated(f"a client of {service}"):
        return _session(place).client(
            service, endpoint_url=endpoint or None, config=patience, verify=trusted()
        )


def _headers(said: Any) -> dict[str, str]:
    headers: dict[str, str] = said.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers


def _add_md5(params: dict[str, Any], **_: Any) -> None:
    body = params["body"]
    digest = hashlib.md5(body, usedforsecurity=False).digest()
    params["headers"]["Content-MD5"] = base64.b64encode(digest).decode()
