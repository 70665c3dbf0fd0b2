"""Samples of mail that came back, in the style of the servers that send them."""

from pathlib import Path

SAMPLES = Path(__file__).with_name("samples")
NAMES = sorted(path.stem for path in SAMPLES.glob("*.eml"))
A_RETURN_PATH = "b-01hf0000000000000000000000.0000.0000-aaaaaaaaaaaaaaaa@example.org"
"""Of the right form; what signed it is another matter."""


def sample(name: str, return_path: str = A_RETURN_PATH) -> bytes:
    """The mail as it comes over the wire."""
    text = (SAMPLES / f"{name}.eml").read_text()
    return text.replace("RETURN_PATH", return_path).replace("\n", "\r\n").encode()
