"""The bucket's set-up: which function may touch what, what expires, and who is told of what.

`keys` says how each key is built; this says what stands around them. `ekiden bucket init`, the
Terraform modules (`infra/terraform/layout`) and the test of least rights all take it from here.

    python -m shared.layout                      infra/terraform/layout/layout.json
    python -m shared.layout FUNCTION BUCKET      the policy of one function, for any S3 with IAM
"""

import sys
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

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

    def __or__(self, other: "Rights") -> "Rights":
        """Both; each pattern once."""
        return Rights(
            read=tuple(dict.fromkeys(self.read + other.read)),
            write=tuple(dict.fromkeys(self.write + other.write)),
            delete=tuple(dict.fromkeys(self.delete + other.delete)),
            list=tuple(dict.fromkeys(self.list + other.list)),
        )


_WORK = tuple(f"{prefix}*" for prefix in keys.WORK)
_SCHEDULED = "waiting/*/dispatch/*"
_PROBE = Rights(read=("probe/*",), write=("probe/*",), delete=("probe/*",))
_RELEASE = Rights(
    read=("waiting/*",),
    write=(*_WORK, "failed/sweep/*"),
    delete=("waiting/*", "leases/send/*"),
    list=(*keys.WORK, "waiting/", "leases/send/"),
)
"""What every sweep does: due work goes in front of its stage, orphaned leases go away."""
_CHECK = (keys.suppression_index("*"), keys.suppressed_digests("*", "*"))
"""Who asks whether an address is suppressed sees digests of segments; no names."""
_COMPACT = Rights(
    read=("domains/*/suppressions/*", "domains/*/suppressed/*"),
    write=(keys.suppression_index("*"), "domains/*/suppressed/*"),
    delete=("domains/*/suppressions/*", "domains/*/suppressed/*"),
    list=("domains/",),
)
"""Fresh suppressions become part of segments, and are deleted then."""
_COUNT = Rights(
    read=(
        "control/stats/*",
        "stats/*",
        "batches/*/content.json",
        "batches/*/outcomes/*",
        keys.progress("*"),
        "events/*",
    ),
    write=("control/stats/*", "stats/*", keys.progress("*")),
    list=("submitted/", "batches/", "events/"),
)
"""Outcomes and events become hourly counts."""
_FORGET = Rights(
    read=("control/retention/*",),
    write=(keys.retention_index(), keys.retention_of("*")),
    delete=(
        "batches/*",
        "domains/*/tags/*",
        "archive/submitted/*",
        "archive/inbound/*",
        "events/*",
        "received/*",
        "calls/*",
    ),
    list=("failed/", "received/", "calls/"),
)
"""What a Domain keeps for a shorter time than the bucket's rules say."""

RIGHTS: dict[str, Rights] = {
    "submit": Rights(
        read=(
            "inbox/*",
            "domains/*/domain.json",
            "domains/*/keys/*",
            "domains/*/templates/*",
            "domains/*/idempotency/*",
            *_CHECK,
            # To tell an app where its Batch is.
            "submitted/*",
            _SCHEDULED,
            "validated/*",
            "dispatched/*",
            "batches/*",
        ),
        write=(
            "submitted/*",
            "domains/*/idempotency/*",
            "batches/*/cancelled.json",
            "validated/*",  # what is scheduled, and cancelled
            "failed/submit/*",
        ),
        delete=("inbox/*", _SCHEDULED),
        list=(
            "inbox/",
            "domains/*/suppressions/",
            "domains/*/tags/",
            "batches/*/outcomes/",
            "waiting/*/dispatch/",
        ),
    ),
    "validate": Rights(
        read=(
            "submitted/*",
            "batches/*/content.json",
            "batches/*/cancelled.json",
            *_CHECK,
            _SCHEDULED,
        ),
        write=(
            "validated/*",
            _SCHEDULED,
            "batches/*/content.json",
            "domains/*/tags/*",
            "archive/submitted/*",
            "failed/validate/*",
        ),
        delete=("submitted/*", _SCHEDULED),
        list=("submitted/", "domains/*/suppressions/", "waiting/*/dispatch/"),
    ),
    "dispatch": Rights(
        read=(
            "validated/*",
            "domains/*/domain.json",
            "domains/*/dkim.json",
            "domains/*/tracking.json",
            *_CHECK,
            "batches/*/content.json",
        ),
        write=("dispatched/*", "failed/dispatch/*"),
        delete=("validated/*",),
        list=("validated/", "domains/*/suppressions/"),
    ),
    "send": _PROBE
    | Rights(
        read=(
            "dispatched/*",
            "leases/send/*",
            "domains/*/domain.json",
            "batches/*/cancelled.json",
            "batches/*/outcomes/*",
            "control/paused/*",
            "control/warmup/*",
            "control/mta_sts/*",
        ),
        write=(
            "leases/send/*",
            "batches/*/outcomes/*",
            "waiting/*/send/*",
            "domains/*/suppressions/*",
            "submitted/*",  # reports to who submitted by SMTP
            "control/warmup/*",
            "control/mta_sts/*",
            "notifying/*",
            "failed/send/*",
        ),
        delete=("dispatched/*", "leases/send/*", "control/mta_sts/*"),
        list=("dispatched/", "batches/*/outcomes/", "control/paused/", "control/mta_sts/"),
    ),
    "bounce": Rights(
        read=(
            "inbound/*",
            "domains/*/domain.json",
            "batches/*/content.json",
            "batches/*/outcomes/*",
            "submitted/*",  # a Batch whose content is not there yet
        ),
        write=(
            "batches/*/outcomes/*.late.*",
            "events/*",
            "received/*",
            "waiting/*/bounce/*",
            "domains/*/suppressions/*",
            "archive/inbound/*",
            "notifying/*",
            "failed/bounce/*",
        ),
        delete=("inbound/*",),
        list=("inbound/", "batches/*/outcomes/", "domains/"),
    ),
    "notify": Rights(
        read=(
            "notifying/*",
            "domains/*/webhooks/*",
            "batches/*/content.json",
            "batches/*/outcomes/*",
            "events/*",
            "received/*",
        ),
        write=(
            "domains/*/webhooks/*",  # it fails, it wants no more
            "waiting/*/notify/*",
            "calls/*",
            "failed/notify/*",
        ),
        delete=("notifying/*",),
        list=("notifying/", "batches/*/outcomes/"),
    ),
    "track": Rights(
        read=(
            "domains/*/domain.json",
            "domains/*/tracking.json",
            "batches/*/outcomes/*",  # whose address it is that unsubscribes
        ),
        write=("events/*", "domains/*/suppressions/*", "notifying/*"),
        list=("batches/*/outcomes/", "domains/"),
    ),
    "admin": Rights(
        read=(
            "submitted/*",
            "validated/*",
            "dispatched/*",
            "waiting/*",
            "failed/*",
            "batches/*",
            "events/*",
            "received/*",
            "archive/*",
            "domains/*",
            "calls/*",
            "audit/*",
            "stats/*",
            keys.stats_index(),
            keys.retention_wish("*"),
            "control/paused/*",
        ),
        write=(
            *_WORK,  # what is replayed, also from where it waited
            "waiting/*",
            "batches/*/content.json",  # without a person who is forgotten
            "batches/*/outcomes/*",
            "events/*",
            "archive/submitted/*",
            "domains/*/domain.json",
            "domains/*/dkim.json",
            "domains/*/tracking.json",
            "domains/*/keys/*",
            "domains/*/templates/*",
            "domains/*/template_versions/*",
            "domains/*/suppressions/*",
            "domains/*/suppressed/*",
            "domains/*/webhooks/*",
            keys.retention_wish("*"),
            "control/paused/*",
            "audit/*",
        ),
        delete=(
            "failed/*",
            "received/*",
            "archive/inbound/*",
            "domains/*/domain.json",
            "domains/*/dkim.json",
            "domains/*/tracking.json",
            "domains/*/keys/*",
            "domains/*/suppressions/*",
            "domains/*/webhooks/*",
            "control/paused/*",
        ),
        list=("inbox/", "notifying/", "inbound/"),
    ),
    "sweep": _RELEASE
    | Rights(
        read=(*_WORK, "leases/send/*", "control/redrives/*"),
        write=("failed/*", "control/redrives/*"),
        delete=(*_WORK, "control/redrives/*"),
        list=("control/redrives/",),
    )
    | _COMPACT
    | _COUNT
    | _FORGET,
    "pod": _PROBE
    | Rights(
        read=(
            "domains/*/domain.json",
            "domains/*/keys/*",
            "batches/*/content.json",
            "submitted/*",
        ),
        write=("submitted/*", "inbound/*"),
        list=("submitted/", "domains/"),
    ),
}
"""What each function needs, and no more; `pod` as it is shipped: the SMTP listeners. What is
replaced (`If-Match`) has to be readable, too. The demo sender, which writes what comes back by
itself, has rights nowhere."""

_SWEEP_OF_POD = _RELEASE | _COMPACT | _COUNT | _FORGET
RIGHTS["pod_sending"] = RIGHTS["pod"] | RIGHTS["send"] | RIGHTS["bounce"] | _SWEEP_OF_POD
"""The pod where it sends, too (`infra/knative/components/send-from-pod`)."""

EXPIRES_AFTER_S: dict[str, float] = {
    "archive/": 30 * DAY_S,
    "events/": 400 * DAY_S,
    "received/": 30 * DAY_S,
    "batches/": 400 * DAY_S,
    "probe/": DAY_S,
    "calls/": 30 * DAY_S,
    "control/warmup/": 90 * DAY_S,
    "audit/": 400 * DAY_S,
}
"""Prefix → how old its objects grow by default. Work, failures and what a Domain says never
expire: they are there until somebody is done with them. Hourly counts stay for good."""


def policy(rights: Rights, bucket: str, prefix: str = "") -> dict[str, Any]:
    """These rights as an IAM policy document; all keys are below `prefix`, empty or with its `/`.

    S3 answers 404 for what is not there only to who may list its key, else 403. So what may be
    read may be listed, too. A statement about nothing would make the whole document invalid.
    """
    arn = f"arn:aws:s3:::{bucket}"
    listed = sorted({*rights.read, *(f"{each}*" for each in rights.list)})
    of_objects = {
        "s3:GetObject": rights.read,
        "s3:PutObject": rights.write,
        "s3:DeleteObject": rights.delete,
    }
    statements: list[dict[str, Any]] = [
        {
            "Effect": "Allow",
            "Action": [action],
            "Resource": [f"{arn}/{prefix}{pattern}" for pattern in patterns],
        }
        for action, patterns in of_objects.items()
        if patterns
    ]
    within = {"StringLike": {"s3:prefix": [prefix + pattern for pattern in listed]}}
    statements.append(
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [arn], "Condition": within}
    )
    return {"Version": "2012-10-17", "Statement": statements}


def as_data() -> dict[str, Any]:
    """All of this for other tools."""
    return {
        "operations": NOTIFIED_OPERATIONS,
        "stages": {
            stage: {"prefix": prefix, "queue": QUEUES[stage]} for prefix, stage in keys.WORK.items()
        },
        "expires_after_days": {
            prefix: round(age_s / DAY_S) for prefix, age_s in EXPIRES_AFTER_S.items()
        },
        "rights": {function: asdict(rights) for function, rights in RIGHTS.items()},
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case [function, bucket] if function in RIGHTS:
            shown = policy(RIGHTS[function], bucket)
        case []:
            shown = as_data()
        case _:
            sys.exit(f"python -m shared.layout [{'|'.join(RIGHTS)} BUCKET]")
    print(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
