"""Compiled templates beside their sources: quicker, and never anything else than the sources."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions.admin.dashboard import renderer
from functions.admin.dashboard.renderer import Renderer


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy that may be changed."""
    copy = tmp_path / "html"
    shutil.copytree(renderer.SOURCES, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(renderer, "SOURCES", copy)
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    yield copy
    copy.chmod(0o755)


def compiled(sources: Path) -> list[Path]:
    return sorted((sources / "__pycache__").glob("*"))


def page_that_says(sources: Path, text: str) -> bytes:
    (sources / "said.html").write_text(text)
    return Renderer().render("said.html", {})


def test_all_can_be_compiled_before_anybody_looks(sources: Path) -> None:
    Renderer().compile()
    assert len(compiled(sources)) == len(list(sources.glob("*.html")))


def test_what_is_compiled_is_used_as_long_as_its_source_is_the_same(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert page_that_says(sources, "one") == b"one"
    with monkeypatch.context() as patch:
        patch.setattr("jinja2.Environment.compile", None)
        assert page_that_says(sources, "one") == b"one"
    assert page_that_says(sources, "two") == b"two"
    assert len(compiled(sources)) == 1


@pytest.mark.parametrize("spoilt", [b"", b"j2", b"\x00" * 500])
def test_a_compiled_file_that_is_damaged_is_made_anew(sources: Path, spoilt: bytes) -> None:
    page_that_says(sources, "one")
    (file,) = compiled(sources)
    whole = file.read_bytes()
    for damaged in (spoilt, whole[: len(whole) // 2]):
        file.write_bytes(damaged)
        assert page_that_says(sources, "one") == b"one"
    assert len(file.read_bytes()) == len(whole)


def test_where_nothing_can_be_written_pages_are_shown_all_the_same(sources: Path) -> None:
    (sources / "__pycache__").write_text("no folder")
    assert page_that_says(sources, "one") == b"one"


def test_who_wants_no_compiled_files_gets_none(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert page_that_says(sources, "one") == b"one"
    assert not compiled(sources)
