"""The module for MinIO, wherever its provider can be had."""

from pathlib import Path

from terraform_modules import copied, initialised, terraform


def test_it_is_valid(tmp_path: Path) -> None:
    module = copied(tmp_path) / "minio"
    initialised(module)
    status, said = terraform(module, "validate", "-no-color")
    assert status == 0, said
