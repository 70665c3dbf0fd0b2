"""docs/configuration.md says what the code does."""

import re
from pathlib import Path

import pytest

from shared.config import load, options
from shared.config_table import with_table
from shared.errors import Misconfigured

PATH = Path(__file__).parents[2] / "docs" / "configuration.md"
PAGE = PATH.read_text("utf-8")

KANNONS_PARTS = ["api", "smtp", "sender", "dispatcher", "validator", "tracker", "stats", "audit"]
KANNONS_SECTIONS = {
    "api": ["port", "admin_token"],
    "sender": ["hostname", "max_jobs", "demo_sender"],
    "smtp": ["address", "domain", "read_timeout", "write_timeout", "max_payload", "max_recipients"],
    "tracker": ["port"],
    "stats": ["retention"],
    "audit": ["enabled", "retention"],
}
KANNONS_OPTIONS = [
    *["database_url", "nats_url", "use_embedded_nats", "debug"],
    *[f"services.{part}.enabled" for part in KANNONS_PARTS],
    *[f"{section}.{name}" for section, names in KANNONS_SECTIONS.items() for name in names],
]
"""Every option in the README of Kannon."""


def counterparts() -> dict[str, str]:
    """The second column of the table for those who come from Kannon, by the first."""
    table = PAGE.partition("## Coming from Kannon")[2]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", table, re.MULTILINE))


def test_the_table_of_options_is_the_one_that_the_code_has() -> None:
    assert with_table(PAGE) == PAGE, (
        "docs/configuration.md and the options in shared/config_sections.py differ. Run: "
        "python -m shared.config_table docs/configuration.md"
    )


def test_every_option_of_kannon_has_its_row() -> None:
    assert sorted(counterparts()) == sorted(KANNONS_OPTIONS)


@pytest.mark.parametrize("kannon", KANNONS_OPTIONS)
def test_a_counterpart_is_an_option_or_says_that_there_is_none(kannon: str) -> None:
    names = {f"`{option.name}`" for option in options()}
    counterpart = counterparts()[kannon]
    assert counterpart in names | {"not yet", "none needed"}, f"{counterpart} is no option"


def test_every_variable_on_the_page_exists() -> None:
    known = {option.env for option in options()} | {"EKIDEN_CONFIG"}
    misspelled_on_purpose = {"EKIDEN_SEND_MAX_JOB"}
    assert set(re.findall(r"EKIDEN_[A-Z_]+", PAGE)) - known == misspelled_on_purpose


def test_the_files_on_the_page_load(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert examples
    for example in examples:
        path = tmp_path / "ekiden.yaml"
        path.write_text(example)
        load(str(path), {})


def test_the_refusals_on_the_page_are_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ekiden.yaml").write_text("# two lines above\nsend:\n  max_jobs: many\n")
    with pytest.raises(Misconfigured, match="no whole number") as of_the_file:
        load(environ={})
    Path("ekiden.yaml").unlink()
    with pytest.raises(Misconfigured, match="did you mean") as of_the_environment:
        load(environ={"EKIDEN_SEND_MAX_JOB": "5"})
    assert f"{of_the_file.value}\n{of_the_environment.value}\n" in PAGE
