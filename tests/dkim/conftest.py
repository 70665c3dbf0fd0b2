"""Keys and mail for the DKIM tests. No `__init__.py` here: this folder must not shadow dkimpy."""

import re
from pathlib import Path

import pytest

from functions.dispatch.dkim import DkimKey
from shared.dkim_keys import generate, load
from shared.dkim_stored import Algorithm

HTML = Path(__file__).parents[2].parent / "shared" / "data" / "html"


def _key(algorithm: Algorithm, selector: str) -> DkimKey:
    return DkimKey(selector, algorithm, load(generate(algorithm, selector)))


@pytest.fixture(scope="session")
def rsa() -> DkimKey:
    return _key("rsa-sha256", "r2026")


@pytest.fixture(scope="session")
def ed25519() -> DkimKey:
    return _key("ed25519-sha256", "e2026")


@pytest.fixture(scope="session")
def html_bodies() -> list[bytes]:
    """Real transactional mails, with CRLF."""
    files = sorted(HTML.glob("*.html"))
    if not files:
        pytest.skip("the real HTML mails are not beside this repository (../shared/data/html)")
    return [re.sub(rb"\r?\n", b"\r\n", file.read_bytes()) for file in files]
