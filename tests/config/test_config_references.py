"""References of the file to environment variables."""

from pathlib import Path

import pytest

from shared.config import load
from shared.config_file import resolve
from shared.errors import Misconfigured

MISSPELLED = [
    "env:/NAME",
    "env:NAME",
    "env//NAME",
    "ENV://NAME",
    "env://my-name",
    "env://NAME:default",
    "env://NAME-default",
    "env://1NAME",
    "env://",
    " env://NAME",
]


def test_a_reference_takes_the_value_of_its_variable() -> None:
    assert resolve("env://NAME", {"NAME": "x"}) == ("x", "NAME")
    assert resolve("env://NAME", {"NAME": ""}) == ("", "NAME")


def test_a_default_stands_in_for_a_variable_that_is_unset_or_empty() -> None:
    for environ in ({}, {"NAME": ""}):
        assert resolve("env://NAME:-a:-b", environ) == ("a:-b", "NAME")
    assert resolve("env://NAME:-default", {"NAME": "x"}) == ("x", "NAME")
    assert resolve("env://NAME:-", {}) == ("", "NAME")


def test_a_reference_inside_other_text_is_no_reference() -> None:
    assert resolve("https://env://HOST/v1", {}) == ("https://env://HOST/v1", None)


def test_a_backslash_makes_a_literal_of_whatever_looks_like_a_reference() -> None:
    for text in ("env://NAME", *MISSPELLED):
        assert resolve(f"\\{text}", {"NAME": "x"}) == (text, None)


@pytest.mark.parametrize("text", MISSPELLED)
def test_a_misspelled_reference_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text(f"send:\n  hostname: '{text}'\n")
    with pytest.raises(Misconfigured, match=r"send\.hostname \(.*line 2\): a misspelled reference"):
        load(str(path), {"NAME": "x"})


def test_a_required_variable_that_is_not_set_is_named_with_the_option(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text("send:\n  route: env://SMARTHOST\n")
    with pytest.raises(Misconfigured, match=r"send\.route .*variable SMARTHOST is not set; set it"):
        load(str(path), {})


def test_what_a_reference_gives_is_converted_to_the_options_kind(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text(
        "send:\n  max_jobs: env://JOBS\n  retry_min: env://WAIT:-10m\n"
        "  nameservers: [env://DNS, 192.0.2.9]\nservices:\n  sweep: env://SWEEP\n"
    )
    config = load(str(path), {"JOBS": "7", "DNS": "192.0.2.1", "SWEEP": "false"})
    assert (config.send.max_jobs, config.send.retry_min) == (7, 600.0)
    assert config.send.nameservers == ("192.0.2.1", "192.0.2.9")
    assert config.services.sweep is False


def test_a_variable_that_the_file_refers_to_may_begin_like_ours(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text("send:\n  hostname: env://EKIDEN_POD_NAME\n")
    assert load(str(path), {"EKIDEN_POD_NAME": "pod-1"}).send.hostname == "pod-1"


@pytest.mark.parametrize("flags", [{}, {"send.hostname": "env://NAME"}])
def test_references_are_refused_outside_the_file(flags: dict[str, str]) -> None:
    environ = {} if flags else {"EKIDEN_SEND_HOSTNAME": "env://NAME"}
    with pytest.raises(
        Misconfigured, match=r"send\.hostname \(.*\): references belong in the file"
    ):
        load(environ=environ, flags=flags)
