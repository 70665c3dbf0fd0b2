"""What is MinIO's own: notifications to webhook targets of the server, by the minio SDK.

A target is set up in the server's environment, one per stage, and named like the stage:

    MINIO_NOTIFY_WEBHOOK_ENABLE_send=on
    MINIO_NOTIFY_WEBHOOK_ENDPOINT_send=http://send.example/
    MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_send=TOKEN

Its ARN is then `arn:minio:sqs::send:webhook`, with the region in the gap if the server has one.
"""

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ekiden.bucket import notices
from ekiden.bucket.client import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, credentials_of, trusted
from ekiden.bucket.errors import CREDENTIALS, translated_minio
from ekiden.bucket.notices import Notice
from ekiden.bucket.place import Place
from ekiden.bucket.step import State, Step
from shared.errors import Misconfigured, StoreRefused

if TYPE_CHECKING:
    from minio import Minio
    from minio.notificationconfig import NotificationConfig, QueueConfig
    from urllib3 import PoolManager

NAME = "notifications"
NO_SUCH_TARGET = "ARN does not exist"
OTHER_REGION = "different region"


def targets(given: Mapping[str, str], region: str = "") -> dict[str, str]:
    """Stage → ARN: as given, else by the convention."""
    usual = {stage: f"arn:minio:sqs:{region}:{stage}:webhook" for stage in notices.STAGES}
    return usual | dict(given)


def notify(place: Place, endpoint: str, given: Mapping[str, str], dry_run: bool) -> Step:
    """Have the bucket tell each stage's target. Raises `StoreRefused`, `StoreUnavailable`,
    `Misconfigured`."""
    client = _client(place, endpoint)
    try:
        return _notify(client, place, targets(given), dry_run)
    except StoreRefused as refusal:
        if OTHER_REGION in str(refusal):
            return _notify(client, place, targets(given, place.region), dry_run)
        raise


def _notify(client: "Minio", place: Place, arns: Mapping[str, str], dry_run: bool) -> Step:
    with translated_minio("reading the notifications"):
        found = client.get_bucket_notification(place.bucket)
    queues = found.queue_config_list or []
    there = [_from_sdk(rule) for rule in queues]
    plan = notices.plan(there, notices.wanted(arns, place.prefix))
    if not plan.differs:
        return Step(NAME, State.THERE, _shown(there))
    if dry_run:
        return Step(NAME, State.PLANNED, _shown(plan.add))
    _put(client, place, found, [queues[each] for each in plan.keep] + [*map(_to_sdk, plan.add)])
    return Step(NAME, State.CHANGED if plan.replaced else State.MADE, _shown(plan.add))


def _put(
    client: "Minio", place: Place, found: "NotificationConfig", queues: "list[QueueConfig]"
) -> None:
    from minio.notificationconfig import NotificationConfig

    changed = NotificationConfig(
        cloud_func_config_list=found.cloud_func_config_list,
        queue_config_list=queues,
        topic_config_list=found.topic_config_list,
    )
    try:
        with translated_minio("writing the notifications"):
            client.set_bucket_notification(place.bucket, changed)
    except StoreRefused as refusal:
        if NO_SUCH_TARGET in str(refusal):
            raise StoreRefused(f"{refusal}\n{_advice()}") from refusal
        raise


def _advice() -> str:
    return (
        "Give the server a target for each stage, restart it, and come again. For each of "
        f"{', '.join(notices.STAGES)}, as here for send:\n"
        "  MINIO_NOTIFY_WEBHOOK_ENABLE_send=on\n"
        "  MINIO_NOTIFY_WEBHOOK_ENDPOINT_send=http://…/\n"
        "  MINIO_NOTIFY_WEBHOOK_AUTH_TOKEN_send=<events.token>\n"
        "Targets with other names: --target send=arn:minio:sqs::NAME:webhook"
    )


def _shown(rules: Iterable[Notice]) -> str:
    return ", ".join(f"{rule.prefix} → {rule.target}" for rule in rules)


def _client(place: Place, endpoint: str) -> "Minio":
    from minio import Minio

    parts = urlsplit(endpoint)
    found = credentials_of(place)
    if parts.path.strip("/"):
        raise Misconfigured(f"{endpoint}: MinIO's API is at the root of a server, not below a path")
    if found is None:
        raise Misconfigured(f"there are no credentials for {endpoint}: {CREDENTIALS}")
    with translated_minio("a client of MinIO"):
        return Minio(
            endpoint=parts.netloc,
            access_key=found.access_key,
            secret_key=found.secret_key,
            session_token=found.token,
            secure=parts.scheme == "https",
            region=place.region,
            http_client=_connections(),
        )


def _connections() -> "PoolManager":
    """urllib3's, with our patience: the SDK's own waits five minutes."""
    import certifi
    from urllib3 import PoolManager, Retry, Timeout

    return PoolManager(
        timeout=Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S),
        retries=Retry(total=1, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
        cert_reqs="CERT_REQUIRED",
        ca_certs=trusted() or os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where(),
    )


def _from_sdk(rule: "QueueConfig") -> Notice:
    prefix, suffix = rule.prefix_filter_rule, rule.suffix_filter_rule
    return Notice(
        rule.config_id or "",
        rule.queue or "",
        frozenset(rule.events),
        prefix.value if prefix else "",
        suffix.value if suffix else "",
    )


def _to_sdk(notice: Notice) -> "QueueConfig":
    from minio.notificationconfig import PrefixFilterRule, QueueConfig

    return QueueConfig(
        queue=notice.target,
        events=sorted(notice.events),
        config_id=notice.id,
        prefix_filter_rule=PrefixFilterRule(notice.prefix),
    )
