"""Passwords reach the servers that they are for, and no screen and no log."""

import traceback
from pathlib import Path

import msgspec
import pytest

from shared.config import Config, describe, load
from shared.config_send import Send
from shared.errors import Misconfigured

SECRETS = {
    "EKIDEN_SEND_ROUTE": "smtp://me:hunter2@relay:587",
    "EKIDEN_STORE_URL": "s3://id:hunter2@mail?secret_access_key=hunter2",
}


def test_a_description_shows_every_option_and_no_password() -> None:
    rows = {name: (shown, source) for name, shown, source in describe(load(environ=SECRETS))}
    assert rows["send.route"] == ("smtp://me:***@relay:587", "environment")
    assert rows["store.url"] == ("s3://id:***@mail?secret_access_key=***", "environment")
    assert rows["send.retry_min"] == ("5m", "default")
    assert "hunter2" not in str(rows)


def test_a_config_can_be_logged() -> None:
    config = load(environ=SECRETS)
    assert config.send.route == SECRETS["EKIDEN_SEND_ROUTE"]
    assert "hunter2" not in repr(config)
    assert "smtp://me:***@relay:587" in str(config)


@pytest.mark.parametrize(
    "text",
    [
        "send:\n  route: smtp://me:hunter2@relay:port",
        "send:\n  route: me:hunter2@relay",
        "send:\n  route: smtp://me:hunter2#@relay",
        "store:\n  url: '//id:hunter2@mail'",
        "send:\n  route: env://PASS:hunter2",
        "send:\n  route: *hunter2",
        "send:\n  route: &hunter2 mx\n  hostname: &hunter2 x",
        "send:\n  route: 'smtp://me:hunter2@relay",
        "send:\n  route: smtp://me:hunter2@relay\n  route: smtp://me:hunter2@relay",
    ],
)
def test_a_refusal_shows_no_password(text: str, tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        load(str(path), {})
    assert "hunter2" not in "".join(traceback.format_exception(caught.value))


def test_a_config_travels_to_another_process_whole() -> None:
    config = load(environ=SECRETS)
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config


def test_a_config_does_not_change() -> None:
    with pytest.raises(AttributeError):
        Config().send.max_jobs = 5  # type: ignore[misc]


def test_a_section_takes_no_field_that_it_does_not_know() -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field `max_job`"):
        msgspec.convert({"max_job": 5}, Send)
