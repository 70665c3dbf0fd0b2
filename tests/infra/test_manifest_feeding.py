"""Where the pod feeds the functions: every URL leads to one, every queue is read, the receiver's
port is the same everywhere, and the policies let the events through."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from free_ports import free_port
from manifests import (
    ROOT,
    STAGES,
    Deployment,
    Document,
    deployments,
    environment,
    functions,
    in_folder,
    may_reach,
    of_kind,
    pod_templates,
    reached_from,
)

from ekiden.cli.run import POD
from ekiden.sources.feed import Sources
from ekiden.sources.sqs import name_of, region_of
from shared import traces
from shared.config import Config, load, options
from shared.layout import QUEUES
from shared.store import open_store

ALL = deployments()
FED = [each for each in ALL if "feed-from-pod" in each.components]
RECEIVING = [each for each in ALL if "webhook-to-pod" in each.components]
AWS = [each for each in ALL if each.overlay == "aws"]
TRACING = [each for each in ALL if "traces" in each.components]

GATEWAY = {8081, 80}
"""Kourier's pods inside the cluster, and their Service."""


def _config(documents: list[Document], part: str) -> Config:
    template = pod_templates(documents)[part]
    return load(environ=environment(documents, template), instead=POD)


def _targets(documents: list[Document], part: str) -> dict[str, str]:
    return dict(each.split("=", 1) for each in _config(documents, part).sweep.targets)


@pytest.mark.parametrize("deployment", FED, ids=str)
def test_every_url_leads_to_the_function_of_its_stage(deployment: Deployment) -> None:
    documents = deployment.documents
    targets = _targets(documents, "pod")
    assert targets.keys() == STAGES.keys() & deployment.functions
    for stage, url in targets.items():
        namespace = functions(documents)[stage]["metadata"]["namespace"]
        assert url == f"http://{stage}.{namespace}.svc.cluster.local/"


@pytest.mark.parametrize("deployment", FED, ids=str)
def test_the_sweep_calls_the_same_functions_by_itself(deployment: Deployment) -> None:
    documents = deployment.documents
    assert _targets(documents, "sweep") == _targets(documents, "pod")


@pytest.mark.parametrize("deployment", ALL, ids=str)
def test_who_calls_functions_reaches_knatives_gateway_and_nobody_else_does(
    deployment: Deployment,
) -> None:
    documents = deployment.documents
    callers = {"pod", "sweep"} if deployment in FED else set()
    for name, template in pod_templates(documents).items():
        calls = name in callers or name == "sweep-timer"
        assert may_reach(documents, template, "kourier-system") == (GATEWAY if calls else set())


@pytest.mark.parametrize("deployment", RECEIVING, ids=str)
def test_the_receivers_port_is_the_same_everywhere(deployment: Deployment) -> None:
    documents = deployment.documents
    receiver = _config(documents, "pod").sources
    template = pod_templates(documents)["pod"]
    ports = {
        each["name"]: each["containerPort"] for each in template["spec"]["containers"][0]["ports"]
    }
    service = of_kind(documents, "Service", "v1")["events"]["spec"]
    (port,) = service["ports"]
    assert service["type"] == "ClusterIP"
    assert service["selector"].items() <= template["metadata"]["labels"].items()
    assert (port["port"], ports[port["targetPort"]]) == (80, receiver.port)
    assert reached_from(documents, template, "store") == {receiver.port}
    assert receiver.host == "0.0.0.0"


@pytest.mark.parametrize("deployment", [each for each in ALL if each not in RECEIVING], ids=str)
def test_without_a_webhook_nothing_is_open_to_the_bucket(deployment: Deployment) -> None:
    documents = deployment.documents
    assert _config(documents, "pod").sources.port == 0
    assert "events" not in of_kind(documents, "Service", "v1")
    assert not reached_from(documents, pod_templates(documents)["pod"], "store")


@pytest.mark.parametrize("deployment", AWS, ids=str)
def test_the_pod_reads_the_queue_of_each_stage(deployment: Deployment) -> None:
    documents = deployment.documents
    config = _config(documents, "pod")
    assert {name_of(url) for url in config.sources.sqs} == {QUEUES[stage] for stage in STAGES}
    accounts = of_kind(documents, "ServiceAccount")
    role = accounts["pod"]["metadata"]["annotations"]["eks.amazonaws.com/role-arn"]
    (region,) = parse_qs(urlsplit(config.store.url).query)["region"]
    for url in config.sources.sqs:
        assert region_of(url) == region
        assert urlsplit(url).path.split("/")[1] == role.split(":")[4]


@pytest.mark.parametrize("deployment", FED, ids=str)
def test_the_pod_has_the_sources_that_its_overlay_is_for(deployment: Deployment) -> None:
    wanted = {"receiver"} if deployment in RECEIVING else set()
    if deployment in AWS:
        wanted |= {f"sqs:{QUEUES[stage]}" for stage in STAGES}
    assert asyncio.run(_sources(_config(deployment.documents, "pod"))) == wanted


async def _sources(config: Config) -> set[str]:
    """Made from the pod's own configuration, but for where it listens."""
    here: dict[str, Any] = {"host": "127.0.0.1", "port": free_port()}
    if config.sources.port:
        own = msgspec.structs.replace(config.sources, **here)
        config = msgspec.structs.replace(config, sources=own)
    store = open_store("memory:")
    sources = Sources(config, store)
    await sources.stop(patience_s=0)
    await store.close()
    return set(sources.counts)


@pytest.mark.parametrize("deployment", ALL, ids=str)
def test_no_service_is_called_so_that_kubernetes_would_set_an_option(
    deployment: Deployment,
) -> None:
    """Pods are told of a Service NAME by the variables NAME_SERVICE_HOST, NAME_PORT …, and an
    unknown EKIDEN_… stops a start."""
    for name in of_kind(deployment.documents, "Service"):
        variable = name.upper().replace("-", "_")
        assert not variable.startswith("EKIDEN")
        assert f"{variable}_PORT" not in {option.env for option in options()}


@pytest.mark.parametrize("deployment", ALL, ids=str)
def test_what_waits_in_a_pod_that_sends_is_not_given_up_by_the_sweep(
    deployment: Deployment,
) -> None:
    documents = deployment.documents
    sweeps = _config(documents, "sweep").sweep.max_redrives
    assert sweeps == (1000 if deployment.done_by_pod else 5)
    assert _config(documents, "pod").sweep.max_redrives == 5


@pytest.mark.parametrize("deployment", TRACING, ids=str)
def test_every_part_makes_traces_and_reaches_the_collector(deployment: Deployment) -> None:
    documents = deployment.documents
    for name in (*deployment.functions, "pod"):
        template = pod_templates(documents)[name]
        variables = environment(documents, template)
        assert traces.are_wanted(variables)
        collector = urlsplit(variables["OTEL_EXPORTER_OTLP_ENDPOINT"])
        namespace = (collector.hostname or "").split(".")[1]
        assert may_reach(documents, template, namespace) == {collector.port}


@pytest.mark.parametrize("deployment", [each for each in ALL if each not in TRACING], ids=str)
def test_nothing_is_traced_unasked(deployment: Deployment) -> None:
    documents = deployment.documents
    for template in pod_templates(documents).values():
        assert not traces.are_wanted(environment(documents, template))


# Beside OpenFaaS.


def test_the_pod_beside_openfaas_calls_its_functions_through_the_gateway() -> None:
    documents = in_folder(ROOT / "infra" / "openfaas" / "pod")
    targets = _targets(documents, "pod")
    assert targets.keys() == STAGES.keys()
    for stage, url in targets.items():
        assert url == f"http://gateway.openfaas.svc.cluster.local:8080/function/{stage}"
    assert may_reach(documents, pod_templates(documents)["pod"], "openfaas") == {8080}
    assert not may_reach(documents, pod_templates(documents)["pod"], "kourier-system")
    assert _config(documents, "pod").sources.port
