"""What is AWS's own: notifications to SQS queues, one per stage, by boto3.

ekiden-<stage>         told of the stage's prefix; hides a message for longer than a stage takes
ekiden-<stage>-dead    what came back five times; the work itself is still in the bucket
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ekiden.bucket import notices
from ekiden.bucket.client import BucketClient, sqs_client
from ekiden.bucket.errors import translated
from ekiden.bucket.step import State, Step
from shared.errors import EkidenError, NotFound, StoreRefused
from shared.layout import DAY_S, QUEUES

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

NAME = "notifications"
HIDDEN_S = 660
"""No function may run longer than 600 s; then another one may have the message."""
LONGEST_POLL_S = 20
MOST_RECEIVES = 5
DEAD_KEPT_S = 14 * DAY_S  # the most that SQS keeps


@dataclass(slots=True)
class Queues:
    """The stages' queues, found or made; `arns` fills as the steps are taken."""

    bucket: BucketClient
    may_make: bool
    dry_run: bool
    arns: dict[str, str] = field(default_factory=dict)

    def steps(self) -> Iterator[Step]:
        """One step per stage that has no ARN yet."""
        sqs = sqs_client(self.bucket.place)
        for stage, name in QUEUES.items():
            if stage not in self.arns:
                try:
                    yield self._queue(sqs, stage, name)
                except EkidenError as error:
                    yield Step(f"queue {name}", State.FAILED, str(error))

    def _queue(self, sqs: "SQSClient", stage: str, name: str) -> Step:
        step = f"queue {name}"
        try:
            with translated(f"looking for the queue {name}"):
                url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        except NotFound:
            if not self.may_make:
                advice = f"there is none: make it with --queues, or name another: --target {stage}="
                return Step(step, State.FAILED, advice)
            if self.dry_run:
                self.arns[stage] = f"(the queue {name})"
                return Step(step, State.PLANNED, f"and {name}-dead")
            url, made = _make(sqs, name), True
        else:
            made = False
        found = _attributes(sqs, url)
        self.arns[stage] = found["QueueArn"]
        lacking = _lacking(found, self.bucket.place.bucket)
        if lacking and not self.dry_run:
            with translated(f"changing the queue {name}"):
                sqs.set_queue_attributes(QueueUrl=url, Attributes=lacking)
        if made:
            return Step(step, State.MADE, f"{found['QueueArn']}, with {name}-dead behind it")
        if not lacking:
            return Step(step, State.THERE, found["QueueArn"])
        return Step(step, State.PLANNED if self.dry_run else State.CHANGED, ", ".join(lacking))


def notify(bucket: BucketClient, arns: Mapping[str, str], dry_run: bool) -> Step:
    """Have the bucket tell the queues. Raises `StoreRefused`, `StoreUnavailable`."""
    found = bucket.notifications()
    queues: list[dict[str, Any]] = found.get("QueueConfigurations", [])
    there = [notices.from_s3(rule) for rule in queues]
    plan = notices.plan(there, notices.wanted(arns, bucket.place.prefix))
    if not plan.differs:
        return Step(NAME, State.THERE, _shown(there))
    others = {name: value for name, value in found.items() if name != "EventBridgeConfiguration"}
    clashes = notices.conflicts(notices.all_of(others), plan.add)
    if clashes:
        raise StoreRefused(
            f"S3 tells one target of an event, and rules of others are in the way: "
            f"{'; '.join(clashes)}. Take them away, or name their queues: --target STAGE=ARN"
        )
    if dry_run:
        return Step(NAME, State.PLANNED, _shown(plan.add))
    kept = [queues[each] for each in plan.keep]
    bucket.put_notifications(
        {**found, "QueueConfigurations": [*kept, *map(notices.to_s3, plan.add)]}
    )
    return Step(NAME, State.CHANGED if plan.replaced else State.MADE, _shown(plan.add))


def allowed(policy_text: str, queue_arn: str, bucket: str) -> str:
    """The queue's policy with one statement more: this bucket may send. "" if it may already.

    Raises `StoreRefused` for a queue that another bucket sends to: each function drops what is
    not in its own bucket, and so would drop the other's events.
    """
    try:
        policy = json.loads(policy_text) if policy_text else {"Version": "2012-10-17"}
        statements = policy.get("Statement", [])
        statements = statements if isinstance(statements, list) else [statements]
        sources = {source for each in statements for source in _sources(each)}
    except (ValueError, AttributeError, TypeError) as error:
        raise StoreRefused(f"the policy of {queue_arn} cannot be read: {error}") from error
    ours = _statement(queue_arn, bucket)
    source = ours["Condition"]["ArnEquals"]["aws:SourceArn"]
    strangers = sorted(each for each in sources if ":s3:::" in each and each != source)
    if strangers:
        raise StoreRefused(
            f"{queue_arn} belongs to {', '.join(strangers)}: give this bucket queues of its own, "
            "by --target STAGE=ARN"
        )
    if ours in statements:
        return ""
    kept = [each for each in statements if each.get("Sid") != ours["Sid"]]
    return json.dumps({**policy, "Statement": [*kept, ours]})


def _statement(queue_arn: str, bucket: str) -> dict[str, Any]:
    partition, account = queue_arn.split(":")[1], queue_arn.split(":")[4]
    return {
        "Sid": "ekiden",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": f"arn:{partition}:s3:::{bucket}"},
            # A bucket's name may be taken by somebody else when it is given up.
            "StringEquals": {"aws:SourceAccount": account},
        },
    }


def _sources(statement: Mapping[str, Any]) -> list[str]:
    """The buckets that a statement lets send."""
    conditions = statement.get("Condition", {})
    found: list[str] = []
    for test in conditions.values():
        for name, value in test.items():
            if name.lower() == "aws:sourcearn":
                found += [value] if isinstance(value, str) else value
    return found


def _make(sqs: "SQSClient", name: str) -> str:
    """A queue, its dead letters first. Died between: the next run makes the rest."""
    with translated(f"making the queue {name}"):
        sqs.create_queue(
            QueueName=f"{name}-dead", Attributes={"MessageRetentionPeriod": str(DEAD_KEPT_S)}
        )
        made = sqs.create_queue(
            QueueName=name,
            Attributes={
                "VisibilityTimeout": str(HIDDEN_S),
                "ReceiveMessageWaitTimeSeconds": str(LONGEST_POLL_S),
            },
        )
    return made["QueueUrl"]


def _attributes(sqs: "SQSClient", url: str) -> dict[str, str]:
    with translated("reading the queue"):
        said: Any = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return dict(said["Attributes"])


def _lacking(found: Mapping[str, str], bucket: str) -> Any:
    """The attributes that have to be set on a queue of ours."""
    arn = found["QueueArn"]
    lacking: dict[str, str] = {}
    if not found.get("RedrivePolicy"):
        redrive = {"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": MOST_RECEIVES}
        lacking["RedrivePolicy"] = json.dumps(redrive)
    if int(found.get("VisibilityTimeout", 0)) < HIDDEN_S:
        lacking["VisibilityTimeout"] = str(HIDDEN_S)
    policy = allowed(found.get("Policy", ""), arn, bucket)
    if policy:
        lacking["Policy"] = policy
    return lacking


def _shown(rules: list[notices.Notice]) -> str:
    return ", ".join(f"{rule.prefix} → {rule.target}" for rule in rules)
