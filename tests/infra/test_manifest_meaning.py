"""The manifests and the code agree: names, paths, ports, options, prefixes."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from manifests import (
    FUNCTIONS,
    KNATIVE,
    NO_EVENTS,
    OUTSIDE,
    OVERLAYS,
    ROOT,
    STAGES,
    Deployment,
    deployments,
    environment,
    functions,
    of_kind,
    pod_templates,
    rendered,
    secrets_of,
    with_options,
)

from ekiden.cli.run import POD
from ekiden.station import LISTENERS_PATIENCE_S, SOURCES_PATIENCE_S
from infra.stack import parts
from shared.config import Config, load
from shared.face import READY_PATHS

every_deployment = pytest.mark.parametrize("deployment", deployments(), ids=str)
every_overlay = pytest.mark.parametrize("overlay", OVERLAYS)

INSIDE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7")
LONGEST_REQUEST_S = 600
"""Knative's own limit (max-revision-timeout-seconds)."""
RESTRICTED = {"webhook", "aws", "seaweedfs"}
"""Overlays that need nothing of Knative Eventing, whose pods are not."""


def _container(template: dict[str, Any]) -> dict[str, Any]:
    (container,) = template["spec"]["containers"]
    return dict(container)


def _pod_config(documents: list[dict[str, Any]]) -> Config:
    template = pod_templates(documents)["pod"]
    return load(environ=environment(documents, template), instead=POD)


@every_deployment
def test_every_function_is_deployed_and_names_its_own_target(deployment: Deployment) -> None:
    documents = deployment.documents
    assert set(functions(documents)) == deployment.functions
    for name in deployment.functions:
        template = pod_templates(documents)[name]
        assert environment(documents, template)["FUNCTION_TARGET"] == name


def test_every_function_in_the_code_is_deployed_and_in_the_stack() -> None:
    there = {main.parent.name for main in ROOT.glob("functions/*/main.py")}
    assert there == {*FUNCTIONS} == {*parts.FUNCTIONS}
    assert {*parts.STAGES} == STAGES.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_target_is_in_the_code(name: str) -> None:
    main = ROOT / "functions" / name / "main.py"
    assert f"async def {name}(" in main.read_text()


@every_deployment
def test_every_part_can_read_its_configuration(deployment: Deployment) -> None:
    documents = deployment.documents
    for name, template in pod_templates(documents).items():
        config = load(environ=environment(documents, template), instead=POD)
        if name != "sweep-timer":
            assert config.store.url.startswith("s3://")


@every_deployment
def test_the_pod_listens_where_its_service_and_its_probes_point(deployment: Deployment) -> None:
    documents = deployment.documents
    config = _pod_config(deployment.documents)
    container = _container(pod_templates(documents)["pod"])
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    listening = {
        "inbound": config.inbound.port,
        "submission": config.submission.port,
        "submissions": config.submission.tls_port,
        "side": config.metrics.port,
        "events": config.sources.port,
    }
    assert ports == {name: port for name, port in listening.items() if port}
    assert config.metrics.host == "0.0.0.0"
    mail = of_kind(documents, "Service", "v1")["mail"]["spec"]
    outside = {each["targetPort"]: each["port"] for each in mail["ports"]}
    assert outside == {"inbound": 25, "submission": 587, "submissions": 465}
    assert mail["externalTrafficPolicy"] == "Local"
    probes = {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    for kind, path in probes.items():
        asked = container[f"{kind}Probe"]["httpGet"]
        assert (asked["path"], asked["port"]) == (path, "side")


@every_deployment
def test_the_pod_has_time_to_finish(deployment: Deployment) -> None:
    spec = pod_templates(deployment.documents)["pod"]["spec"]
    before_s = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    stopping_s = LISTENERS_PATIENCE_S + SOURCES_PATIENCE_S
    assert spec["terminationGracePeriodSeconds"] > before_s + stopping_s


@every_deployment
def test_the_pods_certificate_is_where_it_looks_for_it(deployment: Deployment) -> None:
    config = _pod_config(deployment.documents).listen
    mounts = _container(pod_templates(deployment.documents)["pod"])["volumeMounts"]
    folders = {each["mountPath"] for each in mounts}
    assert {str(Path(config.tls_certificate).parent), str(Path(config.tls_key).parent)} <= folders


@every_deployment
def test_the_selectors_find_the_pod(deployment: Deployment) -> None:
    documents = deployment.documents
    labels = pod_templates(documents)["pod"]["metadata"]["labels"].items()
    deployment = of_kind(documents, "Deployment")["pod"]["spec"]
    budget = of_kind(documents, "PodDisruptionBudget")["pod"]["spec"]
    assert deployment["selector"]["matchLabels"].items() <= labels
    assert budget["selector"]["matchLabels"].items() <= labels
    assert of_kind(documents, "Service", "v1")["mail"]["spec"]["selector"].items() <= labels
    assert deployment["replicas"] > budget["maxUnavailable"]


@every_deployment
def test_functions_scale_to_zero_and_keep_to_knatives_limits(deployment: Deployment) -> None:
    for function in functions(deployment.documents).values():
        template = function["spec"]["template"]
        assert template["metadata"]["annotations"]["autoscaling.knative.dev/min-scale"] == "0"
        assert template["spec"]["timeoutSeconds"] <= LONGEST_REQUEST_S
        assert template["spec"]["containerConcurrency"] > 0
        probe = _container(template)["readinessProbe"]["httpGet"]
        assert probe["path"] in READY_PATHS


@every_deployment
def test_nothing_but_the_api_is_reached_from_outside(deployment: Deployment) -> None:
    visibility = "networking.knative.dev/visibility"
    outside = {
        name
        for name, function in functions(deployment.documents).items()
        if function["metadata"]["labels"].get(visibility) != "cluster-local"
    }
    assert outside == {*OUTSIDE}


@every_deployment
def test_nothing_runs_with_more_rights_than_it_needs(deployment: Deployment) -> None:
    documents = deployment.documents
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


@every_deployment
def test_every_pod_of_ours_is_behind_the_closed_policy(deployment: Deployment) -> None:
    documents = deployment.documents
    policies = of_kind(documents, "NetworkPolicy")
    closed = policies["nothing-else"]["spec"]
    assert closed.keys() == {"podSelector", "policyTypes"}
    assert set(closed["policyTypes"]) == {"Ingress", "Egress"}
    for template in pod_templates(documents).values():
        labels = template["metadata"]["labels"]
        assert closed["podSelector"]["matchLabels"].items() <= labels.items()


@every_deployment
def test_only_who_sends_or_checks_domains_reaches_port_25(deployment: Deployment) -> None:
    policies = of_kind(deployment.documents, "NetworkPolicy")
    allowing = {
        name
        for name, policy in policies.items()
        for rule in policy["spec"].get("egress", [])
        if 25 in {port["port"] for port in rule.get("ports", [{"port": 25}])}
    }
    assert allowing == {"to-mail-servers", "to-checked-domains"}
    (chosen,) = policies["to-mail-servers"]["spec"]["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == {"send", "pod"}


@every_deployment
def test_what_strangers_name_is_called_outside_alone(deployment: Deployment) -> None:
    """Whoever may make a Webhook, or name a tracking host, must not reach what is inside."""
    documents = deployment.documents
    policies = of_kind(documents, "NetworkPolicy")
    ports = {"to-webhooks": ("notify", {443}), "to-checked-domains": ("admin", {25, 443})}
    for name, (function, allowed) in ports.items():
        spec = policies[name]["spec"]
        labels = pod_templates(documents)[function]["metadata"]["labels"]
        assert spec["podSelector"]["matchLabels"].items() <= labels.items()
        assert spec["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == function
        (rule,) = spec["egress"]
        assert {each["port"] for each in rule["ports"]} == allowed
        for peer in rule["to"]:
            block = peer["ipBlock"]
            within = ip_network(block["cidr"])
            except_ = [ip_network(each) for each in block["except"]]
            inside = [ip_network(each) for each in INSIDE]
            for each in (each for each in inside if each.version == within.version):
                assert each in except_


@every_deployment
def test_each_function_has_its_own_credentials(deployment: Deployment) -> None:
    documents = deployment.documents
    accounts = of_kind(documents, "ServiceAccount")
    for name in (*deployment.functions, "pod"):
        secrets = secrets_of(pod_templates(documents)[name]) - {"events", "admin"}
        role = accounts[name]["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn")
        if deployment.overlay == "aws":
            assert (secrets, role.rpartition("/")[2]) == (set(), f"ekiden-{name}")
        else:
            assert (secrets, role) == ({f"store-{name}"}, None)


@every_deployment
def test_only_the_operator_api_knows_the_operators_tokens(deployment: Deployment) -> None:
    templates = pod_templates(deployment.documents)
    assert {name for name, each in templates.items() if "admin" in secrets_of(each)} == {"admin"}


@every_deployment
def test_all_parts_know_where_track_answers_and_how_far_away_the_reader_is(
    deployment: Deployment,
) -> None:
    """Each proxy adds an address: the gateway, the activator as long as it stays in between, the
    queue-proxy."""
    documents = deployment.documents
    templates = pod_templates(documents)
    for name in (*deployment.functions, "pod"):
        config = load(environ=environment(documents, templates[name]), instead=POD)
        assert config.track.public_url == "https://t.example.com"
    config = load(environ=environment(documents, templates["track"]))
    annotations = templates["track"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/target-burst-capacity"] == "-1"
    assert config.track.forwarded_hops == 3


@every_deployment
def test_who_can_show_the_token_is_asked_for_it(deployment: Deployment) -> None:
    """A Broker cannot. A pod that feeds the functions shows it, and so does the sweep."""
    documents = deployment.documents
    asking = {
        name
        for name, template in pod_templates(documents).items()
        if "events" in secrets_of(template)
    }
    asked = deployment.functions - {*NO_EVENTS}
    functions_ask = asked if deployment.overlay != "broker" else set()
    assert asking == functions_ask | (
        {"pod"} if "feed-from-pod" in deployment.components else set()
    )


@every_deployment
def test_a_broker_calls_each_stage_for_its_own_events(deployment: Deployment) -> None:
    documents = deployment.documents
    triggers = of_kind(documents, "Trigger")
    called = STAGES.keys() & deployment.functions if deployment.overlay == "broker" else set()
    assert set(triggers) == called
    for stage, trigger in triggers.items():
        spec = trigger["spec"]
        assert spec["filter"]["attributes"] == {"type": f"ekiden.work.{stage}"}
        assert spec["subscriber"]["ref"]["name"] == stage
        assert spec["broker"] in of_kind(documents, "Broker")


@every_deployment
def test_the_sweep_is_called_every_minute(deployment: Deployment) -> None:
    documents = deployment.documents
    timers = of_kind(documents, "PingSource") | of_kind(documents, "CronJob")
    (timer,) = timers.values()
    assert timer["spec"]["schedule"] == "* * * * *"


@every_deployment
def test_nothing_but_the_pod_runs_when_there_is_nothing_to_do(deployment: Deployment) -> None:
    """What else Kubernetes or Knative would keep running, it would keep running here."""
    documents = deployment.documents
    assert of_kind(documents, "Deployment").keys() == {"pod"}
    lasting = {
        "StatefulSet",
        "DaemonSet",
        "IntegrationSource",
        "ContainerSource",
        "ApiServerSource",
    }
    assert not lasting & {each["kind"] for each in documents}


@every_deployment
def test_eventing_is_needed_by_the_broker_alone(deployment: Deployment) -> None:
    documents = deployment.documents
    groups = {each["apiVersion"].partition("/")[0] for each in documents}
    needed = {group for group in groups if group.startswith(("eventing.", "sources."))}
    assert bool(needed) == (deployment.overlay not in RESTRICTED)
    (namespace,) = of_kind(documents, "Namespace").values()
    enforced = namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert (enforced == "restricted") == (deployment.overlay in RESTRICTED)


@every_deployment
def test_all_that_has_a_namespace_is_in_ours(deployment: Deployment) -> None:
    for each in deployment.documents:
        if each["kind"] != "Namespace":
            assert each["metadata"]["namespace"] == "ekiden", each["metadata"]["name"]


@every_deployment
def test_every_reference_points_at_something(deployment: Deployment) -> None:
    documents = deployment.documents
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


@every_deployment
def test_the_pod_does_what_no_function_does(deployment: Deployment) -> None:
    services = _pod_config(deployment.documents).services
    done = {name for name in ("send", "bounce", "sweep") if getattr(services, name)}
    assert done == (deployment.done_by_pod | {"sweep"} if deployment.done_by_pod else set())
    assert services.inbound
    assert services.submission


@every_overlay
def test_a_changed_option_changes_the_configmaps_name(overlay: str) -> None:
    before = of_kind(rendered(overlay), "ConfigMap").keys()
    changed = {"ekiden-pod": {"EKIDEN_LOG_LEVEL": "debug"}}
    after = of_kind(with_options(overlay, (), changed), "ConfigMap").keys()
    assert len(before - after) == 1


@every_deployment
def test_what_somebody_puts_into_an_overlay_of_their_own_counts(deployment: Deployment) -> None:
    queue = "https://sqs.eu-west-1.amazonaws.com/222233334444/mine"
    mine = {
        "ekiden": {
            "EKIDEN_STORE_URL": "s3://mine",
            "EKIDEN_SEND_HOSTNAME": "mail.example.net",
            "EKIDEN_SUBMIT_PUBLIC_URL": "https://submit.example.net",
        },
        "ekiden-pod": {"EKIDEN_SOURCES_SQS": queue},
    }
    config = _pod_config(with_options(*deployment, mine))
    assert (config.store.url, config.send.hostname) == ("s3://mine", "mail.example.net")
    assert config.submit.public_url == "https://submit.example.net"
    assert config.sources.sqs == (queue,)


@every_overlay
def test_the_readme_names_the_overlay_and_its_secrets(overlay: str) -> None:
    page = (KNATIVE.parent / "README.md").read_text()
    assert f"`knative/overlays/{overlay}`" in page
    for name in (*FUNCTIONS, "pod"):
        assert f"`store-{name}`" in page
    for stage, prefix in STAGES.items():
        assert f"| `{prefix}` | {stage} |" in page
    for component in KNATIVE.glob("components/*"):
        assert f"`{component.name}`" in page
