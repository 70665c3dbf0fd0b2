"""docs/reference.md is what the code says, and the code uses no word that it does not explain."""

import re
from pathlib import Path

from reference import document

from shared.vocabulary import PROBLEMS, REASONS

ROOT = Path(__file__).parents[2]
CODE = "\n".join(
    path.read_text()
    for layer in ("shared", "functions", "ekiden")
    for path in (ROOT / layer).rglob("*.py")
    if path.name != "vocabulary.py"
)


def test_the_reference_is_generated_from_the_code() -> None:
    assert (ROOT / "docs" / "reference.md").read_text() == document(), (
        "docs/reference.md is old: python -m tests.docs.reference > docs/reference.md"
    )


def test_every_problem_in_the_code_is_explained() -> None:
    used = set(re.findall(r'Problem\(\s*\d+,\s*"(\w+)"', CODE))
    assert used == set(PROBLEMS), f"explain in shared/vocabulary.py: {used ^ set(PROBLEMS)}"


def test_every_reason_that_is_explained_is_used() -> None:
    unused = {reason for reason in REASONS if f'"{reason}"' not in CODE}
    assert not unused, f"shared/vocabulary.py explains what the code never says: {unused}"


def test_the_flow_is_one_page() -> None:
    assert len((ROOT / "docs" / "flow.md").read_text().splitlines()) <= 80


def test_the_flow_names_things_that_exist() -> None:
    text = (ROOT / "docs" / "flow.md").read_text()
    for path, names in re.findall(
        r"`((?:shared|functions|ekiden)/[\w/]+\.py)(?:: ([\w.]+))?`", text
    ):
        source = (ROOT / path).read_text()
        for name in filter(None, names.split(".")):
            assert re.search(rf"(def|class) {name}\b", source), f"flow.md: {path} has no {name}"


def test_decisions_are_short_and_listed() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text()
    for page in (ROOT / "docs" / "adr").glob("0*.md"):
        assert len(page.read_text().split()) <= 800, f"{page.name} is over 800 words"
        assert page.name in index, f"docs/adr/README.md does not list {page.name}"


def test_links_between_documents_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "benchmarks/README.md"]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)} links to {link}"
