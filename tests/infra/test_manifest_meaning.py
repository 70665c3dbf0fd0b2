"""The manifests and the code agree: names, paths, ports, options, prefixes."""

from pathlib import Path
from typing import Any

import pytest
from manifests import (
    FUNCTIONS,
    KNATIVE,
    OVERLAYS,
    ROOT,
    environment,
    functions,
    of_kind,
    pod_templates,
    rendered,
    with_component,
)

from ekiden.cli.run import POD
from shared import keys
from shared.config import Config, load
from shared.face import READY_PATHS

pytestmark = pytest.mark.parametrize("overlay", OVERLAYS)

LONGEST_REQUEST_S = 600
"""Knative's own limit (max-revision-timeout-seconds)."""


def _container(template: dict[str, Any]) -> dict[str, Any]:
    (container,) = template["spec"]["containers"]
    return dict(container)


def _pod_config(overlay: str) -> Config:
    documents = rendered(overlay)
    template = pod_templates(documents)["pod"]
    return load(environ=environment(documents, template), instead=POD)


def test_every_function_is_deployed_and_names_its_own_target(overlay: str) -> None:
    documents = rendered(overlay)
    assert set(functions(documents)) == set(FUNCTIONS)
    for name in FUNCTIONS:
        template = pod_templates(documents)[name]
        assert environment(documents, template)["FUNCTION_TARGET"] == name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_target_is_in_the_code(overlay: str, name: str) -> None:
    main = ROOT / "functions" / name / "main.py"
    if name == "sweep" and not main.exists():
        pytest.skip("functions/sweep is not built yet")
    assert f"async def {name}(" in main.read_text()


def test_every_part_can_read_its_configuration(overlay: str) -> None:
    documents = rendered(overlay)
    for name, template in pod_templates(documents).items():
        config = load(environ=environment(documents, template), instead=POD)
        if name != "sweep-timer":
            assert config.store.url.startswith("s3://")


def test_the_pod_listens_where_its_service_and_its_probes_point(overlay: str) -> None:
    documents = rendered(overlay)
    config = _pod_config(overlay)
    container = _container(pod_templates(documents)["pod"])
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {
        "inbound": config.inbound.port,
        "submission": config.submission.port,
        "submissions": config.submission.tls_port,
        "side": config.metrics.port,
    }
    assert config.metrics.host == "0.0.0.0"
    mail = of_kind(documents, "Service", "v1")["mail"]["spec"]
    outside = {each["targetPort"]: each["port"] for each in mail["ports"]}
    assert outside == {"inbound": 25, "submission": 587, "submissions": 465}
    assert mail["externalTrafficPolicy"] == "Local"
    probes = {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    for kind, path in probes.items():
        asked = container[f"{kind}Probe"]["httpGet"]
        assert (asked["path"], asked["port"]) == (path, "side")


def test_the_pod_has_time_to_finish(overlay: str) -> None:
    spec = pod_templates(rendered(overlay))["pod"]["spec"]
    before_s = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > before_s + 30


def test_the_pods_certificate_is_where_it_looks_for_it(overlay: str) -> None:
    config = _pod_config(overlay).listen
    mounts = _container(pod_templates(rendered(overlay))["pod"])["volumeMounts"]
    folders = {each["mountPath"] for each in mounts}
    assert {str(Path(config.tls_certificate).parent), str(Path(config.tls_key).parent)} <= folders


def test_the_selectors_find_the_pod(overlay: str) -> None:
    documents = rendered(overlay)
    labels = pod_templates(documents)["pod"]["metadata"]["labels"].items()
    deployment = of_kind(documents, "Deployment")["pod"]["spec"]
    budget = of_kind(documents, "PodDisruptionBudget")["pod"]["spec"]
    assert deployment["selector"]["matchLabels"].items() <= labels
    assert budget["selector"]["matchLabels"].items() <= labels
    assert of_kind(documents, "Service", "v1")["mail"]["spec"]["selector"].items() <= labels
    assert deployment["replicas"] > budget["maxUnavailable"]


def test_functions_scale_to_zero_and_keep_to_knatives_limits(overlay: str) -> None:
    for function in functions(rendered(overlay)).values():
        template = function["spec"]["template"]
        assert template["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"] == "0"
        assert template["spec"]["timeoutSeconds"] <= LONGEST_REQUEST_S
        assert template["spec"]["containerConcurrency"] > 0
        probe = _container(template)["readinessProbe"]["httpGet"]
        assert probe["path"] in READY_PATHS


def test_only_submit_is_reached_from_outside(overlay: str) -> None:
    visibility = "networking.knative.dev/visibility"
    outside = {
        name
        for name, function in functions(rendered(overlay)).items()
        if function["metadata"]["labels"].get(visibility) != "cluster-local"
    }
    assert outside == {"submit"}


def test_nothing_runs_with_more_rights_than_it_needs(overlay: str) -> None:
    documents = rendered(overlay)
    accounts = of_kind(documents, "ServiceAccount")
    for name, template in pod_templates(documents).items():
        spec, container = template["spec"], _container(template)
        rights = spec.get("securityContext", {}) | container["securityContext"]
        assert rights["runAsNonRoot"], name
        assert rights["readOnlyRootFilesystem"]
        assert not rights["allowPrivilegeEscalation"]
        assert rights["capabilities"] == {"drop": ["ALL"]}
        assert rights["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert accounts[spec["serviceAccountName"]]["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert {"requests", "limits"} <= container["resources"].keys()
        assert ":" in container["image"].rpartition("/")[2]


def test_every_pod_of_ours_is_behind_the_closed_policy(overlay: str) -> None:
    documents = rendered(overlay)
    policies = of_kind(documents, "NetworkPolicy")
    closed = policies["nothing-else"]["spec"]
    assert closed.keys() == {"podSelector", "policyTypes"}
    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    for template in pod_templates(documents).values():
        labels = template["metadata"]["labels"]
        assert closed["podSelector"]["matchLabels"].items() <= labels.items()


def test_only_who_sends_reaches_port_25(overlay: str) -> None:
    policies = of_kind(rendered(overlay), "NetworkPolicy")
    allowing = {
        name
        for name, policy in policies.items()
        for rule in policy["spec"].get("egress", [])
        if 25 in {port["port"] for port in rule.get("ports", [{"port": 25}])}
    }
    assert allowing == {"to-mail-servers"}
    (chosen,) = policies["to-mail-servers"]["spec"]["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == {"send", "pod"}


def test_each_function_has_its_own_credentials(overlay: str) -> None:
    documents = rendered(overlay)
    accounts = of_kind(documents, "ServiceAccount")
    for name in (*FUNCTIONS, "pod"):
        template = pod_templates(documents)[name]
        secrets = [
            each["secretRef"]["name"]
            for each in _container(template)["envFrom"]
            if "secretRef" in each
        ]
        role = accounts[name]["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn")
        if overlay == "webhook" and name != "pod":
            assert secrets.pop() == "events"
        if overlay == "aws":
            assert (secrets, role.rpartition("/")[2]) == ([], f"ekiden-{name}")
        else:
            assert (secrets, role) == ([f"store-{name}"], None)


def test_a_stage_is_woken_for_its_prefix_and_the_sweep_every_minute(overlay: str) -> None:
    documents = rendered(overlay)
    stages = set(keys.WORK.values())
    if overlay == "broker":
        triggers = of_kind(documents, "Trigger")
        assert set(triggers) == stages
        for stage, trigger in triggers.items():
            spec = trigger["spec"]
            assert spec["filter"]["attributes"] == {"type": f"ekiden.work.{stage}"}
            assert spec["subscriber"]["ref"]["name"] == stage
            assert spec["broker"] in of_kind(documents, "Broker")
    if overlay == "aws":
        queues = of_kind(documents, "IntegrationSource")
        assert set(queues) == stages
        for stage, source in queues.items():
            sqs = source["spec"]["aws"]["sqs"]
            assert sqs["arn"].endswith(f":ekiden-{stage}")
            assert sqs["visibilityTimeout"] > LONGEST_REQUEST_S
            assert source["spec"]["sink"]["ref"]["name"] == stage
    timers = of_kind(documents, "PingSource") | of_kind(documents, "CronJob")
    (timer,) = timers.values()
    assert timer["spec"]["schedule"] == "* * * * *"


def test_every_reference_points_at_something(overlay: str) -> None:
    documents = rendered(overlay)
    there = {(each["apiVersion"], each["kind"], each["metadata"]["name"]) for each in documents}
    for reference in _references(documents):
        assert (reference["apiVersion"], reference["kind"], reference["name"]) in there


def _references(node: Any) -> list[dict[str, str]]:
    if isinstance(node, list):
        return [found for each in node for found in _references(each)]
    if not isinstance(node, dict):
        return []
    here = [node["ref"]] if isinstance(node.get("ref"), dict) else []
    return here + _references(list(node.values()))


def test_when_the_pod_sends_nothing_calls_the_functions_that_are_gone(
    overlay: str, tmp_path: Path
) -> None:
    documents = with_component(overlay, tmp_path)
    assert set(functions(documents)) == set(FUNCTIONS) - {"send", "bounce"}
    there = {(each["kind"], each["metadata"]["name"]) for each in documents}
    for reference in _references(documents):
        assert (reference["kind"], reference["name"]) in there
    variables = environment(documents, pod_templates(documents)["pod"])
    services = load(environ=variables, instead=POD).services
    assert services.send
    assert services.bounce
    assert services.sweep


def test_a_changed_option_changes_the_configmaps_name(overlay: str, tmp_path: Path) -> None:
    before = of_kind(rendered(overlay), "ConfigMap").keys()
    after = of_kind(with_component(overlay, tmp_path), "ConfigMap").keys()
    assert len(before - after) == 1


def test_the_readme_names_the_overlay_and_its_secrets(overlay: str) -> None:
    page = (KNATIVE.parent / "README.md").read_text()
    assert f"`knative/overlays/{overlay}`" in page
    for name in (*FUNCTIONS, "pod"):
        assert f"`store-{name}`" in page
    for prefix, stage in keys.WORK.items():
        assert f"| `{prefix}` | {stage} |" in page
