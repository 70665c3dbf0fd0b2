"""What can be said about the Terraform modules without any provider."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from manifests import FUNCTIONS, KNATIVE, of_kind, sources
from terraform_modules import MODULES, NAMES

from shared.layout import QUEUES, RIGHTS

hcl2 = pytest.importorskip("hcl2", reason="the package python-hcl2 is missing")

REFERENCE = re.compile(r"(?<![\w.\"])(var|local|module|data|aws_\w+|minio_\w+)((?:\.\w+)+)")
SECRET = re.compile(
    r"AKIA[0-9A-Z]{16}|-----BEGIN|(?:secret|password|token)\w*\s*=\s*\"[^\"$]+\"", re.IGNORECASE
)
each_module = pytest.mark.parametrize("name", NAMES)


def _blocks(name: str, kind: str) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """(labels, body) of every block of a kind in a module."""
    found = []
    for path in sorted((MODULES / name).glob("*.tf")):
        with path.open() as file:
            for each in hcl2.load(file).get(kind, []):
                found.append(_without_labels(each))
    return found


def _without_labels(block: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    labels: list[str] = []
    while "__is_block__" not in block:
        ((label, block),) = block.items()
        labels.append(label.strip('"'))
    return tuple(labels), block


def _names(name: str, kind: str) -> set[str]:
    return {labels[-1] for labels, _ in _blocks(name, kind)}


def _locals(name: str) -> set[str]:
    return {key for _, body in _blocks(name, "locals") for key in body if not key.startswith("__")}


def _text(name: str) -> str:
    lines = "\n".join(path.read_text() for path in sorted((MODULES / name).glob("*.tf")))
    return re.sub(r"#.*", "", lines)


def _references(name: str) -> Iterator[tuple[str, list[str]]]:
    for match in REFERENCE.finditer(_text(name)):
        yield match[1], match[2][1:].split(".")


@each_module
def test_every_variable_has_a_type_and_says_what_it_is(name: str) -> None:
    for (variable,), body in _blocks(name, "variable"):
        assert body.keys() >= {"type", "description"}, variable
        assert body["description"].strip('"').endswith("."), variable


@each_module
def test_every_output_says_what_it_is(name: str) -> None:
    for (output,), body in _blocks(name, "output"):
        assert body["description"].strip('"').endswith("."), output


@each_module
def test_every_reference_points_at_something(name: str) -> None:
    outputs_of_layout = _names("layout", "output")
    resources = {labels for labels, _ in _blocks(name, "resource")}
    sources_of_data = {labels for labels, _ in _blocks(name, "data")}
    for kind, path in _references(name):
        match kind:
            case "var":
                assert path[0] in _names(name, "variable")
            case "local":
                assert path[0] in _locals(name)
            case "module":
                assert path[0] == "layout"
                assert path[1] in outputs_of_layout
            case "data":
                assert tuple(path[:2]) in sources_of_data
            case _:
                assert (kind, path[0]) in resources


@each_module
def test_every_variable_and_every_local_is_used(name: str) -> None:
    used = {(kind, path[0]) for kind, path in _references(name)}
    assert {each for kind, each in used if kind == "var"} == _names(name, "variable")
    assert {each for kind, each in used if kind == "local"} == _locals(name)


@each_module
def test_no_module_holds_a_secret_or_configures_a_provider(name: str) -> None:
    assert not SECRET.search(_text(name))
    assert not _blocks(name, "provider")


@pytest.mark.parametrize("name", ["aws", "minio"])
def test_the_layout_gets_all_that_it_takes(name: str) -> None:
    ((_, body),) = _blocks(name, "module")
    given = {key for key in body if key != "source" and not key.startswith("__")}
    assert given >= _names("layout", "variable") - {"partition"}
    assert {key: body[key] for key in given} == {
        key: "${data.aws_partition.current.partition}" if key == "partition" else f"${{var.{key}}}"
        for key in given
    }


def test_what_gives_secrets_away_is_marked() -> None:
    for (output,), body in _blocks("minio", "output"):
        assert (body.get("sensitive") is True) == (output == "secrets")
    sensitive = {labels[0] for labels, body in _blocks("minio", "variable") if "sensitive" in body}
    assert sensitive == {"events_token"}


# The manifests name what the modules make.


def _arns(kind: str) -> set[str]:
    texts = [path.read_text() for path in sorted((KNATIVE / "overlays" / "aws").glob("*.yaml"))]
    return set(re.findall(rf"arn:aws:{kind}[:\w/-]*[:/]([\w-]+)$", "\n".join(texts), re.MULTILINE))


def test_the_roles_are_those_that_service_accounts_name() -> None:
    functions = {f"ekiden-{name}" for name in RIGHTS if name != "pod_sending"}
    assert _arns("iam") == functions
    assert {name.removeprefix("ekiden-") for name in functions} == {*FUNCTIONS, "pod"}
    accounts = of_kind(sources(), "ServiceAccount")
    assert {*FUNCTIONS, "pod"} <= accounts.keys()


def test_the_queues_are_those_that_sources_read() -> None:
    text = (KNATIVE / "overlays" / "aws" / "kustomization.yaml").read_text()
    read = set(re.findall(r"https://sqs\.[\w.-]+/\d{12}/([\w-]+)", text))
    assert read == set(QUEUES.values())


def test_the_secrets_are_those_that_the_readme_names() -> None:
    readme = (MODULES.parent / "README.md").read_text()
    assert '"store-${function}"' in _text("minio")
    assert set(re.findall(r"`store-(\w+)`", readme)) == {*FUNCTIONS, "pod"}


# The checks notice what is wrong.


def test_a_wrong_reference_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "layout"
    module.mkdir()
    (module / "main.tf").write_text('locals {\n  a = "${var.nothing}-${local.a}"\n}\n')
    monkeypatch.setattr("test_terraform_text.MODULES", tmp_path)
    assert ("var", ["nothing"]) in list(_references("layout"))
    with pytest.raises(AssertionError):
        test_every_reference_points_at_something("layout")
    assert SECRET.search('secret_key = "abcdef"')
