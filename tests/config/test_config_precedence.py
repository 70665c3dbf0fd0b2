"""defaults < YAML file < environment < flags, for every option alike."""

import json
from pathlib import Path

import pytest

from shared.config import Config, Option, describe, load, options
from shared.config_kinds import (
    Duration,
    Kind,
    ListOf,
    OneOf,
    Route,
    Size,
    Whole,
    YesNo,
)

OTHER_TEXTS = {
    "track.public_url": "https://t.example.com",
    "admin.tokens": "one-token,another-token",
    "admin.mails": "/var/mail/sink",
    "store.url": "s3://mail",
    "http.host": "0.0.0.0",
    "submit.public_url": "https://mail.example.com",
    "send.hostname": "out.example.com",
    "send.return_path_host": "bounce.example.com",
    "send.routes": "example.com=smtp://127.0.0.1:2525, *.example.net=lmtp://127.0.0.1",
    "send.pools": "bulk=192.0.2.10/m1.example.com, default=2001:db8::1",
    "send.warmup": "192.0.2.10=2026-11-21",
    "send.limits": "google.com connections=10 messages=50, orange.fr per_minute=0",
    "send.tls_overrides": "example.com=verified, *.example.net=off",
    "listen.tls_certificate": "/etc/ekiden/tls.pem",
    "listen.tls_key": "/etc/ekiden/key.pem",
    "webhooks.networks": "10.0.0.0/8, fd00::/8",
    "webhooks.retries": "1s,2m",
    "listen.proxy_networks": "10.0.0.0/8, 2001:db8::/32",
    "events.token": "c2VjcmV0==",
    "events.bucket": "mail",
    "sources.sqs": "https://sqs.eu-west-1.amazonaws.com/1/validate, http://127.0.0.1:4566/1/send",
    "sources.sqs_endpoint": "http://127.0.0.1:4566",
    "sources.nats": "nats://me:hunter2@nats.example:4222/EKIDEN/pod, tls://nats.example/A/b",
    "sources.listing": "7s",
    "sources.host": "::1",
    "sweep.targets": "send=http://send.example/, validate=https://validate.example:8080/x",
    "metrics.host": "::1",
    "submission.host": "127.0.0.1",
    "inbound.host": "::1",
    "inbound.feedback_addresses": "complaints@example.com",
}


def written(option: Option) -> str:
    """A text for this option that is not its default."""
    if option.name in OTHER_TEXTS:
        return OTHER_TEXTS[option.name]
    kind: Kind = option.kind
    match kind:
        case Whole():
            return str(option.default + 1)
        case YesNo():
            return "false" if option.default else "true"
        case Duration():
            return "7s"
        case Size():
            return "3MiB"
        case OneOf():
            return next(choice for choice in kind.choices if choice != option.default)
        case Route():
            return "smtp://127.0.0.1:2525"
        case ListOf():
            return "192.0.2.1, 192.0.2.2:5353"
    raise NotImplementedError(f"{option.name}: say here how its kind is written")


def value(config: Config, option: Option) -> object:
    return getattr(getattr(config, option.section), option.field)


def in_file(tmp_path: Path, name: str, text: str) -> str:
    section, _, field = name.partition(".")
    path = tmp_path / "ekiden.yaml"
    path.write_text(f"{section}:\n  {field}: {json.dumps(text)}\n")
    return str(path)


every_option = pytest.mark.parametrize("option", options(), ids=lambda option: option.name)


@every_option
def test_every_option_is_set_by_the_file(option: Option, tmp_path: Path) -> None:
    config = load(in_file(tmp_path, option.name, written(option)), {})
    assert value(config, option) == option.kind.read(written(option)) != option.default
    assert config.origins == {option.name: "file"}


@every_option
def test_every_option_is_set_by_its_variable(option: Option) -> None:
    config = load(environ={option.env: written(option)})
    assert value(config, option) == option.kind.read(written(option)) != option.default
    assert config.origins == {option.name: "environment"}


@every_option
def test_every_option_is_set_by_a_flag(option: Option) -> None:
    config = load(environ={}, flags={option.name: written(option)})
    assert value(config, option) == option.kind.read(written(option)) != option.default
    assert config.origins == {option.name: "flag"}


@every_option
def test_every_default_could_have_been_written(option: Option) -> None:
    if option.default not in ("", ()):
        assert option.kind.read(option.kind.show(option.default)) == option.default


def test_without_any_source_all_options_have_their_defaults() -> None:
    assert load(environ={}) == Config()
    assert {source for _, _, source in describe(Config())} == {"default"}


def test_the_environment_wins_over_the_file_and_a_flag_over_both(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text("send:\n  max_jobs: 1\n  mx_port: 1\n  flush_outcomes: 1\n")
    environ = {"EKIDEN_SEND_MX_PORT": "2", "EKIDEN_SEND_FLUSH_OUTCOMES": "2"}
    config = load(str(path), environ, {"send.flush_outcomes": "3"})
    send = config.send
    assert (send.max_jobs, send.mx_port, send.flush_outcomes) == (1, 2, 3)
    assert list(config.origins.values()) == ["file", "environment", "flag"]


def test_the_named_file_wins_over_the_variable_and_that_over_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, jobs in {"argument": 1, "variable": 2, "ekiden": 3}.items():
        (tmp_path / f"{name}.yaml").write_text(f"send: {{max_jobs: {jobs}}}")
    monkeypatch.chdir(tmp_path)
    environ = {"EKIDEN_CONFIG": "variable.yaml"}
    assert load("argument.yaml", environ).send.max_jobs == 1
    assert load(None, environ).send.max_jobs == 2
    assert load(None, {}).send.max_jobs == 3


def test_an_empty_file_and_an_empty_section_set_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    for text in ("", "# nothing yet\n", "send:\n  # max_jobs: 5\n"):
        path.write_text(text)
        assert load(str(path), {}) == Config()


def test_a_list_is_a_yaml_list_or_text_with_commas(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text("send:\n  nameservers: [192.0.2.1, '2001:db8::1']\n")
    listed = load(str(path), {}).send.nameservers
    assert listed == ("192.0.2.1", "2001:db8::1")
    text = {"EKIDEN_SEND_NAMESERVERS": "192.0.2.1,2001:db8::1"}
    assert load(environ=text).send.nameservers == listed
    assert load(str(path), {"EKIDEN_SEND_NAMESERVERS": ""}).send.nameservers == ()


def test_words_that_yaml_takes_for_booleans_stay_words(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text("send:\n  starttls: off\nvalidate:\n  check_mx: on\n")
    config = load(str(path), {})
    assert config.send.starttls == "off"
    assert config.validate.check_mx is True
