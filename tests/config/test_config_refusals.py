"""A mistake refuses to start, and says which option, from where, and what to do."""

import re
from pathlib import Path

import pytest

from shared import keys
from shared.config import MOST_BAGS, load, options
from shared.config_sources import from_environment
from shared.errors import Misconfigured

FILES = {
    "snd: {max_jobs: 5}": "snd (FILE, line 1): no such section; did you mean send?",
    "database_url: x": "database_url (FILE, line 1): no such section (docs/configuration.md",
    "send:\n  max_job: 5": "max_job (FILE, line 2): no such option; did you mean send.max_job",
    "send:\n  bag_size: 5": "send.bag_size (FILE, line 2): no such option; did you mean "
    "validate.bag_size?",
    "send:\n  max_jobs: many": "send.max_jobs (FILE, line 2): 'many' is no whole number from 1 to",
    "send:\n  max_jobs: [1, 2]": "send.max_jobs (FILE, line 2): a list stands where one value",
    "send:\n  max_jobs: {a: 1}": "send.max_jobs (FILE, line 2): expected one value, not a mapping",
    "send:\n  nameservers: [[a]]": "send.nameservers (FILE, line 2): expected one value, not a",
    "send:\n  max_jobs:": "send.max_jobs (FILE, line 2): no value; leave the line out",
    "send:\n  hostname: null": "send.hostname (FILE, line 2): no value; leave the line out",
    "send:\n  max_jobs: 1\n  max_jobs: 2": "send.max_jobs (FILE, line 3): stands here a second",
    "send: {}\nsend: {}": "send (FILE, line 2): stands here a second time",
    "send: 5": "send (FILE, line 1): a section; indent its options below",
    "- send": "FILE, line 1: expected sections such as `send:`",
    "send:\n\tmax_jobs: 5": "FILE, line 2: this is no YAML",
    "send: [": "this is no YAML",
}

VALUES = {
    "http.port": "65536",
    "http.host": "no host",
    "store.url": "ekiden.db",
    "submit.public_url": "mail.example.com",
    "submit.max_message": "10MB",
    "validate.bag_size": "5001",
    "validate.check_mx": "maybe",
    "send.hostname": "mail.example.com\r\nMAIL FROM:<>",
    "send.retry_min": "0s",
    "send.idle_timeout": "-5s",
    "send.reply_timeout": "5 minutes",
    "send.starttls": "always",
    "send.nameservers": "192.0.2.1, dns.example.com",
    "send.return_path_host": "bounce@example.com",
    "send.route": "mail.example.com",
    "log.level": "",
}


@pytest.mark.parametrize("text", FILES, ids=lambda text: re.sub(r"\s+", " ", text))
def test_a_mistake_in_the_file_is_refused_with_its_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_text(text)
    with pytest.raises(Misconfigured) as caught:
        load(str(path), {})
    assert FILES[text] in str(caught.value).replace(str(path), "FILE")


@pytest.mark.parametrize("name", VALUES)
def test_a_value_that_does_not_fit_is_refused_with_its_origin(name: str) -> None:
    variable = "EKIDEN_" + name.upper().replace(".", "_")
    with pytest.raises(Misconfigured, match=rf"^{re.escape(name)} \({variable}\): "):
        load(environ={variable: VALUES[name]})
    with pytest.raises(Misconfigured, match=rf"^{re.escape(name)} \(flag\): "):
        load(environ={}, flags={name: VALUES[name]})


def test_an_unknown_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Misconfigured, match=r"did you mean EKIDEN_SEND_MAX_JOBS\?"):
        load(environ={"EKIDEN_SENDER_MAX_JOBS": "5"})
    with pytest.raises(Misconfigured, match=r"^EKIDEN_XYZZY .*: no such option \(docs/"):
        load(environ={"EKIDEN_XYZZY": "5"})


def test_an_unknown_flag_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(Misconfigured, match=r"send\.rout \(flag\).* did you mean send\.route\?"):
        load(environ={}, flags={"send.rout": "mx"})


def test_variables_of_others_do_not_matter() -> None:
    load(environ={"PATH": "/bin", "ekiden_send_max_jobs": "many", "KANNON_DEBUG": "true"})


def test_what_kubernetes_adds_for_its_services_is_passed_over() -> None:
    config = load(
        environ={
            "EKIDEN_SERVICE_HOST": "10.0.0.7",
            "EKIDEN_PORT": "tcp://10.0.0.7:80",
            "EKIDEN_HTTP_PORT": "tcp://10.0.0.7:80",
            "EKIDEN_HTTP_SERVICE_HOST": "10.0.0.7",
            "EKIDEN_HTTP_SERVICE_PORT": "80",
            "EKIDEN_HTTP_SERVICE_PORT_WEB": "80",
            "EKIDEN_HTTP_PORT_80_TCP": "tcp://10.0.0.7:80",
            "EKIDEN_HTTP_PORT_80_TCP_PROTO": "tcp",
            "EKIDEN_HTTP_PORT_80_TCP_PORT": "80",
            "EKIDEN_HTTP_PORT_80_TCP_ADDR": "10.0.0.7",
        }
    )
    assert config.origins == {}


def test_no_option_has_a_variable_that_is_passed_over() -> None:
    names = [option.name for option in options()]
    layer = from_environment({option.env: "1" for option in options()}, names, ())
    assert sorted(layer) == sorted(names)


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yaml")
    with pytest.raises(Misconfigured, match=r"missing\.yaml \(configuration file, flag\)"):
        load(missing, {})
    with pytest.raises(Misconfigured, match=r"file, EKIDEN_CONFIG\): No such file"):
        load(environ={"EKIDEN_CONFIG": missing})
    with pytest.raises(Misconfigured, match="directory"):
        load(str(tmp_path), {})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ekiden.yaml"
    path.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(Misconfigured, match="this is no YAML"):
        load(str(path), {})


def test_a_batch_never_has_more_bags_than_its_keys_have_numbers_for() -> None:
    assert (
        len(keys.bag_name(MOST_BAGS - 1)) == len(keys.bag_name(0)) < len(keys.bag_name(MOST_BAGS))
    )
    load(environ={}, flags={"validate.bag_size": "10"})
    with pytest.raises(Misconfigured, match=r"validate\.bag_size .* into 11112 Bags"):
        load(environ={}, flags={"validate.bag_size": "9"})


def test_outcomes_are_stored_more_often_than_a_lease_runs_out() -> None:
    with pytest.raises(Misconfigured, match=r"send\.flush_interval must be shorter"):
        load(environ={}, flags={"send.flush_interval": "2m"})
