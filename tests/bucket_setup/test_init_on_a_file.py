"""`ekiden bucket init` where the store is a file."""

from pathlib import Path

import pytest
from ekiden_command import ekiden


def test_the_file_is_made_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    assert ekiden("bucket", "init", store_url=url).stdout.startswith("made ")
    assert (tmp_path / "ekiden.db").stat().st_size > 0
    ran = ekiden("bucket", "init", store_url=url)
    assert (ran.returncode, ran.stdout[:13]) == (0, "there already")


def test_a_dry_run_makes_no_file(tmp_path: Path) -> None:
    ran = ekiden("bucket", "init", "--dry-run", store_url=f"sqlite:///{tmp_path}/ekiden.db")
    assert ran.stdout.startswith("planned ")
    assert list(tmp_path.iterdir()) == []


def test_memory_needs_nothing() -> None:
    assert "nothing is kept" in ekiden("bucket", "init").stdout


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all/x.db", "sqlite://x", "ftp://x"])
def test_a_place_where_no_file_can_be_is_said(url: str) -> None:
    ran = ekiden("bucket", "init", store_url=url)
    assert ran.returncode == 1
    assert "Traceback" not in ran.stderr
