"""`ekiden address`, as an operator types it."""

import json
from pathlib import Path

import pytest
from ekiden_command import ekiden
from station import DOMAIN


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/ekiden.db"
    assert ekiden("domain", "add", DOMAIN, store_url=url).returncode == 0
    return url


def test_what_is_on_record_goes_to_a_file(store_url: str, tmp_path: Path) -> None:
    place = tmp_path / "ann.json"
    words = ("address", "export", DOMAIN, "ann@sink.example", "--output", str(place))
    ran = ekiden(*words, store_url=store_url)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(place.read_bytes())["address"] == "ann@sink.example"


def test_a_file_that_cannot_be_written_is_named(store_url: str, tmp_path: Path) -> None:
    place = tmp_path / "nowhere" / "ann.json"
    words = ("address", "export", DOMAIN, "ann@sink.example", "--output", str(place))
    ran = ekiden(*words, store_url=store_url)
    assert ran.returncode == 2
    said = " ".join(ran.stderr.replace("│", " ").split())  # it stands in a box
    assert "cannot be written: No such file or directory" in said
