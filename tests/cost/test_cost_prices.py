"""The price file: the shipped one is complete; what is wrong in another is said with its place."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ekiden.cost.prices import SHIPPED, Prices, load
from shared.errors import Malformed

GOOD: dict[str, Any] = {
    "note": "for a test",
    "providers": {
        "mine": {
            "title": "mine",
            "shape": "one-process",
            "bucket": {"put": {"usd": 5, "per": "1,000,000 requests", "source": "a", "date": "b"}},
            "machine": {"vcpus": 1, "memory_gb": 1},
        }
    },
}


def read(tmp_path: Path, content: Any) -> Prices:
    place = tmp_path / "prices.yaml"
    place.write_bytes(content if isinstance(content, bytes) else yaml.safe_dump(content).encode())
    return load(place)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The good file, with one place changed; "DELETE" takes it out."""
    file = deepcopy(GOOD)
    *folders, last = path.split(".")
    inside = file
    for folder in folders:
        inside = inside[folder]
    inside[last] = value
    if value == "DELETE":
        del inside[last]
    return file


def prices_in(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [price for each in node for price in prices_in(each)]
    if not isinstance(node, dict):
        return []
    if "usd" in node:
        return [node]
    return [price for each in node.values() for price in prices_in(each)]


def test_the_shipped_file_names_for_each_price_its_unit_its_source_and_a_date() -> None:
    assert load().hosted.keys() >= {"amazon-ses", "sendgrid-like", "postmark-like"}
    found = prices_in(yaml.safe_load(SHIPPED.read_text()))
    assert len(found) > 30
    assert all(price["per"] and price["source"] and price["date"] for price in found)


def test_the_shipped_file_says_that_its_prices_are_examples() -> None:
    assert "Examples" in load().note


def test_a_file_of_ones_own_may_be_yaml_or_json(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).providers["mine"].bucket.put
    text = b'{"note": "", "providers": {"p": {"title": "p", "shape": "one-process", '
    text += b'"machine": {"vcpus": 1, "memory_gb": 1}}}}'
    assert list(read(tmp_path, text).providers) == ["p"]


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("providers.mine.bucket.put.per", "GB", "$.providers[...].bucket.put.per"),
        ("providers.mine.bucket.put.per", "DELETE", "`per`"),
        ("providers.mine.bucket.put.usd", -1, "usd"),
        ("providers.mine.bucket.put.usd", float("nan"), "usd"),
        ("providers.mine.bucket.put.usd", "a lot", "usd"),
        ("providers.mine.bucket.put.date", "DELETE", "`date`"),
        ("providers.mine.bucket.put.source", "", "source"),
        ("providers.mine.bucket.push", {}, "`push`"),
        ("providers.mine.shape", "round", "shape"),
        ("providers.mine.shape", "functions", "functions"),
        ("providers.mine.machine", "DELETE", "`machine`"),
        ("providers.mine.machine.vcpus", 0, "vcpus"),
        ("providers", {}, "providers"),
        ("providers", [], "providers"),
        ("hosted", {"x": {"title": "x", "plans": []}}, "plans"),
        ("more", 1, "`more`"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, path: str, value: Any, said: str
) -> None:
    with pytest.raises(Malformed) as refusal:
        read(tmp_path, changed(path, value))
    assert said in str(refusal.value)
    assert "prices.yaml" in str(refusal.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"- a\n",
        b"just text",
        b"{",
        b"\xff\xfe\x00",
        b"a: !!python/object:os.x {}",
        b"[" * 9999,
    ],
)
def test_what_is_no_price_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Malformed):
        read(tmp_path, content)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "absent.yaml", tmp_path):
        with pytest.raises(Malformed, match="cannot be read"):
            load(place)


def test_a_file_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="more than"):
        read(tmp_path, b"#" * 1_100_000)


@given(content=st.binary(max_size=300))
def test_no_bytes_lead_to_another_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    place = tmp_path_factory.getbasetemp() / "any.yaml"
    place.write_bytes(content)
    with pytest.raises(Malformed):
        load(place)
