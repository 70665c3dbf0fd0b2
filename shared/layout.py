"""The bucket's set-up: which function may touch what, what expires, and who is told of what.

`keys` says how each key is built; this says what stands around them. `ekiden bucket init`, the
Terraform modules (`infra/terraform/layout`) and the test of least rights all take it from here.
"""

from dataclasses import dataclass

from shared import keys

NOTIFIED_OPERATIONS = ("Put", "Post", "Copy", "CompleteMultipartUpload")
"""`s3:ObjectCreated:…`. Not `*`: that fires on tags and retention, too."""

QUEUES = {stage: f"ekiden-{stage}" for stage in keys.WORK.values()}
"""Stage → the queue that carries the events of its prefix."""

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Rights:
    """Patterns of keys, where `*` stands for anything. What is listed are prefixes."""

    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()
    list: tuple[str, ...] = ()


_FAILED = "failed/{}/*"

RIGHTS: dict[str, Rights] = {
    "submit": Rights(
        read=("inbox/*", "submitted/*", "domains/*", "batches/*"),
        write=(
            "submitted/*",
            "waiting/*",
            "validated/*",
            "domains/*/idempotency/*",
            "batches/*/cancelled.json",
            _FAILED.format("submit"),
        ),
        delete=("inbox/*", "waiting/*"),
        list=("inbox/", "domains/", "batches/"),
    ),
    "validate": Rights(
        read=("submitted/*", "domains/*/domain.json", "domains/*/suppressions/*", "batches/*"),
        write=(
            "validated/*",
            "waiting/*",
            "batches/*/content.json",
            "domains/*/tags/*",
            "archive/submitted/*",
            _FAILED.format("validate"),
        ),
        delete=("submitted/*", "waiting/*"),
        list=("submitted/", "domains/"),
    ),
    "dispatch": Rights(
        read=("validated/*", "domains/*/domain.json", "domains/*/dkim.json", "batches/*"),
        write=("dispatched/*", _FAILED.format("dispatch")),
        delete=("validated/*",),
        list=("validated/", "domains/"),
    ),
    "send": Rights(
        read=("dispatched/*", "leases/*", "domains/*", "batches/*", "control/*", "probe/*"),
        write=(
            "dispatched/*",
            "submitted/*",
            "waiting/*",
            "inbound/*",
            "leases/*",
            "batches/*/outcomes/*",
            "events/*",
            "domains/*/suppressions/*",
            "control/warmup/*",
            "control/mta_sts/*",
            "probe/*",
            _FAILED.format("send"),
        ),
        delete=("dispatched/*", "leases/*", "control/mta_sts/*", "probe/*"),
        list=("dispatched/", "leases/", "batches/", "domains/", "control/"),
    ),
    "bounce": Rights(
        read=("inbound/*", "domains/*", "batches/*"),
        write=(
            "batches/*/outcomes/*",
            "events/*",
            "received/*",
            "waiting/*",
            "domains/*/suppressions/*",
            "archive/inbound/*",
            _FAILED.format("bounce"),
        ),
        delete=("inbound/*",),
        list=("inbound/", "batches/", "domains/"),
    ),
}
"""What each stage needs, and no more. `sweep` and the pod follow from these, below."""

_WORK = tuple(f"{prefix}*" for prefix in keys.WORK)

RIGHTS["sweep"] = Rights(
    read=(*_WORK, "waiting/*", "leases/*", "control/redrives/*"),
    write=(*_WORK, "failed/*", "control/redrives/*"),
    delete=(*_WORK, "waiting/*", "leases/*", "control/redrives/*"),
    list=(*keys.WORK, "waiting/", "leases/", "control/redrives/"),
)

EXPIRES_AFTER_S: dict[str, float] = {
    "archive/": 30 * DAY_S,
    "events/": 400 * DAY_S,
    "received/": 30 * DAY_S,
    "batches/": 400 * DAY_S,
    "probe/": DAY_S,
    "control/warmup/": 90 * DAY_S,
}
"""Prefix → how old its objects grow by default. Work, failures and what a Domain says never
expire: they are there until somebody is done with them."""
