"""infra/prometheus/alerts.yaml asks only for what `/metrics` says."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from station import BATCH, run, running_station

from ekiden.metrics import METRICS, exposition

ROOT = Path(__file__).parents[2]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "infra/prometheus/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
WORDS = {"by", "and", "or", "unless", "on", "without", "offset"}
SELECTOR = re.compile(r"(\w+)\{(\w+)=\"([^\"]*)\"\}")


def names_in(expression: str) -> set[str]:
    """The metrics that an expression names: no function, no word of the language, no label."""
    plain = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(by|on|without) \([^)]*\)", " ", expression)
    return {name for name in re.findall(r"\b[a-z_]+\b(?!\s*\()", plain) if name not in WORDS}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_names_only_metrics_that_exist(rule: dict[str, Any]) -> None:
    assert names_in(rule["expr"])
    assert names_in(rule["expr"]) <= set(METRICS)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('sum by (stage) (rate(ekiden_typo{a="b"}[5m])) > 0.5', {"ekiden_typo"}),
        ("time() - max(a_b) > 300 or absent(c_d)", {"a_b", "c_d"}),
        ("x / on (instance) y", {"x", "y"}),
    ],
)
def test_the_names_in_an_expression_are_found(expression: str, names: set[str]) -> None:
    assert names_in(expression) == names


def test_an_alert_selects_only_labels_and_values_that_exist() -> None:
    async def story() -> None:
        async with running_station() as here:
            await here.done(await here.submit(BATCH))
            text = exposition(here.station).decode()
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    said.update((sample.name, *pair) for pair in sample.labels.items())

    said: set[tuple[str, str, str]] = set()
    run(story)
    asked = {found for rule in RULES for found in SELECTOR.findall(rule["expr"])}
    assert asked
    assert asked <= said


def test_every_alert_is_explained_and_says_how_bad_it_is() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    for rule in RULES:
        assert f"`{rule['alert']}`" in page, f"docs/operations.md: what is {rule['alert']}?"
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
    assert set(re.findall(r"`(Ekiden\w+)`", page)) == {rule["alert"] for rule in RULES}
