"""`ekiden cost`, as an operator types it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


def cost(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ekiden", "cost", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )


def test_a_month_is_shown_line_by_line_beside_hosted_senders() -> None:
    shown = cost("--mails", "1M", "--batch-size", "1000", "--size", "20KB", "--keep", "30d").stdout
    assert "1,000,000 mails a month" in shown
    assert "PUT to the bucket" in shown
    assert "2 × 1,000 Batches" in shown, "what it was reckoned from"
    assert "Amazon SES" in shown
    assert "per 1,000 mails" in shown
    assert "check each at its source" in shown


def test_programs_get_json() -> None:
    found = json.loads(cost("--json", "--mails", "250k", "--events", "sqs").stdout)
    assert found["traffic"]["mails"] == 250_000
    for each in found["providers"]:
        assert each["usd"] == pytest.approx(sum(line["usd"] for line in each["lines"]))
        assert each["usd_per_1000"] == pytest.approx(each["usd"] / 250)
    assert {"amazon-ses"} <= {each["name"] for each in found["hosted"]}
    assert found["limits"]


def test_sweeping_less_often_costs_fewer_listings() -> None:
    def listings(*words: str) -> float:
        [lines] = [
            each["lines"]
            for each in json.loads(cost("--json", *words).stdout)["providers"]
            if each["name"] == "aws-fargate"
        ]
        return next(line["usd"] for line in lines if line["name"] == "LIST to the bucket")

    assert listings("--sweep-every", "1m", "--mails", "0") * 10 < listings("--mails", "0")


@pytest.mark.parametrize(
    "words",
    [
        *(("--mails", "many"), ("--mails", "-1"), ("--batch-size", "0"), ("--size", "big")),
        *(("--events", "pigeon"), ("--keep", "for ever"), ("--keep", "0s")),
        *(("--sweep-every", "often"), ("--bag-time", "x")),
    ],
)
def test_an_option_that_cannot_be_read_is_named(words: tuple[str, str]) -> None:
    ran = cost(*words)
    assert ran.returncode == 2
    assert words[0] in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_price_file_of_ones_own_is_used_or_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("providers: {}\n")
    ran = cost("--prices", str(file))
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1)
    assert "own.yaml" in ran.stderr
    flat = "flat: {usd: 7, per: month, source: mine, date: today}"
    machine = f"machine: {{vcpus: 1, memory_gb: 1, {flat}}}"
    file.write_text(f"note: n\nproviders: {{a: {{title: t, shape: one-process, {machine}}}}}\n")
    [only] = json.loads(cost("--prices", str(file), "--json").stdout)["providers"]
    assert only["usd"] == 7
