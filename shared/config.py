"""The configuration: loaded once at start, checked as a whole, handed down as one frozen Config.

    defaults  <  YAML file  <  environment  <  flags

One name serves everywhere: `send.max_jobs` is `max_jobs:` below `send:` in the file,
`EKIDEN_SEND_MAX_JOBS` in the environment, `send.max_jobs` as a flag, `config.send.max_jobs` in
code (durations in seconds, sizes in bytes). The options themselves are in `config_sections`.
"""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

from shared.config_file import FileReader
from shared.config_kinds import Kind
from shared.config_section import Section, kind_of, meaning_of
from shared.config_sections import SECTIONS, Config, Http, Services, Store
from shared.config_sources import FILE_VARIABLE, Given, env_name, from_environment, from_flags
from shared.errors import Misconfigured

__all__ = [
    "Config",
    "Http",
    "Option",
    "Section",
    "Services",
    "Store",
    "describe",
    "load",
    "options",
]

DEFAULT_FILE = "ekiden.yaml"
MOST_BAGS = 10_000
"""Of one Batch: a Bag's number has four digits in its key."""


class Option(msgspec.Struct, frozen=True):
    """One option, as it is documented."""

    name: str
    """`<section>.<field>`"""
    kind: Kind
    default: Any
    description: str

    @property
    def section(self) -> str:
        return self.name.partition(".")[0]

    @property
    def field(self) -> str:
        return self.name.partition(".")[2]

    @property
    def type(self) -> str:
        return self.kind.word

    @property
    def env(self) -> str:
        return env_name(self.name)

    def shown(self, config: Config) -> str:
        """Its value in this Config as a person writes it, without secrets."""
        return self.kind.show(getattr(getattr(config, self.section), self.field))


def options() -> list[Option]:
    """All options, section by section."""
    return list(_options())


@cache
def _options() -> tuple[Option, ...]:
    return tuple(
        Option(f"{section}.{field.name}", kind_of(field), field.default, meaning_of(field))
        for section, type_ in SECTIONS.items()
        for field in msgspec.structs.fields(type_)
    )


def load(
    path: str | None = None,
    environ: Mapping[str, str] = os.environ,
    flags: Mapping[str, str] = {},
    instead: Mapping[str, str] = {},
) -> Config:
    """The Config of this process.

    The file is `path`, else what `EKIDEN_CONFIG` names, else ./ekiden.yaml if there is one.
    `instead` are defaults of a command that differ from the general ones.
    Raises `Misconfigured`, which names the option, where its value came from and what to do.
    """
    known = {option.name: option for option in options()}
    file = _read_file(path, environ, known)
    environment = from_environment(environ, known, file.referenced)
    fields: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    origins: dict[str, str] = {}
    own_defaults = from_flags(instead, known)
    for layer in (own_defaults, file.layer, environment, from_flags(flags, known)):
        for name, given in layer.items():
            option = known[name]
            fields[option.section][option.field] = _value(option, given)
            origins[name] = "command" if layer is own_defaults else given.source
    sections: dict[str, Any] = {name: type_(**fields[name]) for name, type_ in SECTIONS.items()}
    config = Config(**sections, origins=origins)
    _check_together(config)
    return config


def _read_file(
    path: str | None, environ: Mapping[str, str], known: Mapping[str, Option]
) -> FileReader:
    named = path or environ.get(FILE_VARIABLE)
    reader = FileReader(named or DEFAULT_FILE, known, environ)
    try:
        with open(named or DEFAULT_FILE, "rb") as file:
            reader.read(file.read())
    except OSError as error:
        if named or not isinstance(error, FileNotFoundError):
            who = "flag" if path else FILE_VARIABLE if named else "default"
            raise Misconfigured(
                f"{named or DEFAULT_FILE} (configuration file, {who}): {error.strerror}; "
                "name a file that can be read"
            ) from None
    return reader


def _value(option: Option, given: Given) -> Any:
    try:
        return option.kind.read(given.raw)
    except ValueError as error:
        raise Misconfigured(f"{option.name} ({given.origin}): {error}") from None


def _check_together(config: Config) -> None:
    """What two options must not be at the same time."""
    bags = -(-config.submit.max_recipients // config.validate.bag_size)
    if bags > MOST_BAGS:
        raise Misconfigured(
            f"validate.bag_size ({config.validate.bag_size}) cuts submit.max_recipients "
            f"({config.submit.max_recipients}) into {bags} Bags, and a Batch has at most "
            f"{MOST_BAGS}: raise the first or lower the second"
        )
    if config.send.flush_interval >= config.send.lease_duration:
        raise Misconfigured(
            "send.flush_interval must be shorter than send.lease_duration, or a lost lease "
            "leaves Outcomes unrecorded: lower the first or raise the second"
        )


def describe(config: Config) -> list[tuple[str, str, str]]:
    """(option, its value without secrets, who set it) of all options, for `ekiden config`."""
    return [
        (option.name, option.shown(config), config.origins.get(option.name, "default"))
        for option in options()
    ]
