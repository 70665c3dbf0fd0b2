"""The module for AWS makes what it says: applied to moto, and asked by boto3."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from terraform_modules import applied, copied, initialised, terraform

from shared import events, keys
from shared.layout import QUEUES, RIGHTS, policy

REGION = "eu-central-1"
BUCKET = "mail-of-example"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.example.com/id/ABC"
ROOT = """
variable "endpoint" {{ type = string }}

provider "aws" {{
  region                      = "{region}"
  access_key                  = "test"
  secret_key                  = "test"
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  endpoints {{
    iam = var.endpoint
    s3  = var.endpoint
    sqs = var.endpoint
    sts = var.endpoint
  }}
}}

module "ekiden" {{
  source            = "../aws"
  bucket            = "{bucket}"
  oidc_provider_arn = "{provider}"
}}

output "made" {{ value = module.ekiden }}
"""

MOTO_DOES_NOT_KNOW = """
resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = {}
}
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("modules"))
    initialised(folder / "aws")
    return folder


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    moto_server = pytest.importorskip("moto.server", reason="the package moto is missing")
    server = moto_server.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def made(modules: Path, endpoint: str) -> Any:
    """The outputs, when all is made. The provider waits until each queue is as it was told to be:
    a minute and a half in all."""
    (modules / "aws" / "moto_override.tf").write_text(MOTO_DOES_NOT_KNOW)
    root = modules / "root"
    root.mkdir()
    (root / "main.tf").write_text(ROOT.format(region=REGION, bucket=BUCKET, provider=PROVIDER))
    initialised(root)
    return applied(root, {"endpoint": endpoint})["made"]


def _client(service: str, endpoint: str) -> Any:
    import boto3

    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def test_it_is_valid(modules: Path) -> None:
    status, said = terraform(modules / "aws", "validate", "-no-color")
    assert status == 0, said


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"trusted_principals": ["*"]},
        {"trusted_principals": ["arn:aws:iam::123456789012:root"], "oidc_provider_arn": PROVIDER},
        {"oidc_provider_arn": PROVIDER, "visibility_timeout_s": 60},
        {"oidc_provider_arn": "oidc.eks.example.com/id/ABC"},
    ],
)
def test_what_would_be_open_or_lose_work_is_refused(modules: Path, given: dict[str, Any]) -> None:
    (modules / "aws" / "given.auto.tfvars.json").write_text(json.dumps({"bucket": BUCKET, **given}))
    status, said = terraform(modules / "aws", "plan", "-no-color", "-input=false")
    assert status != 0
    assert "Invalid value for variable" in said


@contextmanager
def _without_its_policy(s3: Any) -> Iterator[None]:
    """moto heeds the bucket's policy, and speaks no TLS."""
    policy_of_bucket = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
    s3.delete_bucket_policy(Bucket=BUCKET)
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy_of_bucket)


def test_a_put_arrives_in_the_queue_of_its_stage_alone(made: Any, endpoint: str) -> None:
    s3, sqs = _client("s3", endpoint), _client("sqs", endpoint)
    with _without_its_policy(s3):
        for prefix, stage in keys.WORK.items():
            for url in made["queue_urls"].values():
                _taken(sqs, url)
            s3.put_object(Bucket=BUCKET, Key=f"{prefix}a b/c.json", Body=b"work")
            arrived = {name: _taken(sqs, url) for name, url in made["queue_urls"].items()}
            assert arrived.pop(stage) == [f"{prefix}a b/c.json"]
            assert not any(arrived.values())


def _taken(sqs: Any, url: str) -> list[str]:
    """What a queue tells of, read as the functions read it, and deleted."""
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0)
    messages = found.get("Messages", [])
    for each in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
    read = [event for each in messages for event in events.parse(each["Body"].encode(), {})]
    return [event.key for event in read if event.key]


def test_a_put_without_tls_is_refused(made: Any, endpoint: str) -> None:
    with pytest.raises(ClientError, match="403"):
        _client("s3", endpoint).put_object(Bucket=BUCKET, Key="inbox/x", Body=b"")


def test_the_queues_are_called_and_set_up_as_the_sources_expect(made: Any, endpoint: str) -> None:
    sqs = _client("sqs", endpoint)
    for stage, url in made["queue_urls"].items():
        assert made["queue_arns"][stage].endswith(f":{QUEUES[stage]}")
        said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        redrive = json.loads(said["RedrivePolicy"])
        assert redrive["deadLetterTargetArn"] == made["dead_letter_queue_arns"][stage]
        assert int(redrive["maxReceiveCount"]) == 5
        assert int(said["VisibilityTimeout"]) >= 900
        assert int(said["ReceiveMessageWaitTimeSeconds"]) == 20


def test_only_this_bucket_may_send_to_a_queue(made: Any, endpoint: str) -> None:
    sqs = _client("sqs", endpoint)
    for stage, url in made["queue_urls"].items():
        said = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]
        (statement,) = json.loads(said["Policy"])["Statement"]
        assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
        assert (statement["Action"], statement["Resource"]) == (
            "sqs:SendMessage",
            made["queue_arns"][stage],
        )
        condition = statement["Condition"]
        assert condition["ArnEquals"] == {"aws:SourceArn": f"arn:aws:s3:::{BUCKET}"}
        assert condition["StringEquals"] == {"aws:SourceAccount": "123456789012"}


def test_the_bucket_is_private_and_encrypted_and_over_tls_alone(made: Any, endpoint: str) -> None:
    s3 = _client("s3", endpoint)
    blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    owned = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    assert owned == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=BUCKET)["Policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    encrypted = s3.get_bucket_encryption(Bucket=BUCKET)["ServerSideEncryptionConfiguration"]
    assert "AES256" in json.dumps(encrypted)


def test_what_expires_is_what_the_layout_says(made: Any, endpoint: str) -> None:
    s3 = _client("s3", endpoint)
    rules = s3.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    expiring = {
        each["Filter"]["Prefix"]: each["Expiration"]["Days"]
        for each in rules
        if "Expiration" in each
    }
    assert expiring["archive/"] == 30
    assert not {*keys.WORK, keys.WAITING, keys.FAILED, keys.DOMAINS} & expiring.keys()


def test_each_role_has_the_rights_of_its_function_and_trusts_its_account(
    made: Any, endpoint: str
) -> None:
    iam = _client("iam", endpoint)
    for function in sorted(RIGHTS.keys() - {"pod_sending"}):
        name = f"ekiden-{function}"
        assert made["role_arns"][function].endswith(f":role/{name}")
        reads = ["queues"] if function == "pod" else []
        assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["bucket", *reads]
        given = iam.get_role_policy(RoleName=name, PolicyName="bucket")["PolicyDocument"]
        assert given == policy(RIGHTS[function], BUCKET)
        (trust,) = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Federated": PROVIDER}
        assert trust["Condition"]["StringEquals"] == {
            "oidc.eks.example.com/id/ABC:sub": f"system:serviceaccount:ekiden:{function}",
            "oidc.eks.example.com/id/ABC:aud": "sts.amazonaws.com",
        }


def test_the_pod_reads_the_queues_and_sends_to_none(made: Any, endpoint: str) -> None:
    iam = _client("iam", endpoint)
    assert "queues" not in made["role_arns"]
    document = iam.get_role_policy(RoleName="ekiden-pod", PolicyName="queues")["PolicyDocument"]
    (statement,) = document["Statement"]
    assert set(statement["Resource"]) == set(made["queue_arns"].values())
    assert not [each for each in statement["Action"] if each.endswith(("SendMessage", "*"))]


def test_it_passes_its_own_tests(tmp_path: Path) -> None:
    """Who reads the queues where; with a provider that only pretends."""
    module = copied(tmp_path) / "aws"
    initialised(module)
    status, said = terraform(module, "test", "-no-color")
    assert status == 0, said


def test_a_second_apply_changes_nothing(modules: Path, made: Any) -> None:
    status, said = terraform(modules / "root", "plan", "-no-color", "-input=false")
    assert status == 0, said
    # moto writes the same JSON with other spaces.
    assert said.count("updated in-place") == said.count("# whitespace changes")
    same = f"0 to add, {len(keys.WORK)} to change, 0 to destroy"
    assert "No changes" in said or same in said
