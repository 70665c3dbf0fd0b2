"""Where values come from: the environment and the flags here, the file in `config_file`.

Each source becomes a layer, `{option: Given}`. All values are text here (or lists of texts), so
that an option is written the same way everywhere.
"""

import re
from collections.abc import Collection, Mapping

import msgspec

from shared.config_kinds import Raw
from shared.errors import Misconfigured

PREFIX = "EKIDEN_"
FILE_VARIABLE = "EKIDEN_CONFIG"
SEE = "(docs/configuration.md lists all options)"
LIKE_A_REFERENCE = r"(?i)\s*env\s*[:/]"

_SERVICE_LINK = (
    r"(?a)\w*_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes puts into every pod that has a Service named `ekiden…` beside it."""


class Given(msgspec.Struct, frozen=True):
    """A value that somebody wrote down for an option."""

    raw: Raw
    source: str
    """`file`, `environment` or `flag`."""
    origin: str
    """The same for a person who looks for the place: file and line, variable, flag."""


Layer = dict[str, Given]


def env_name(option: str) -> str:
    """The variable that sets an option: `EKIDEN_SEND_MAX_JOBS` for `send.max_jobs`."""
    return PREFIX + option.upper().replace(".", "_")


def from_flags(flags: Mapping[str, str], known: Collection[str]) -> Layer:
    """The layer of the command line."""
    layer: Layer = {}
    for name, text in flags.items():
        if name not in known:
            raise Misconfigured(f"{name} (flag): no such option{suggest(name, known)} {SEE}")
        layer[name] = Given(_no_reference(name, text, "flag"), "flag", "flag")
    return layer


def from_environment(
    environ: Mapping[str, str], known: Collection[str], referenced: Collection[str]
) -> Layer:
    """The layer of the `EKIDEN_*` variables; those that the file refers to are the file's own."""
    options = {env_name(name): name for name in known}
    layer: Layer = {}
    for variable in sorted(environ):
        text = environ[variable]
        if not variable.startswith(PREFIX) or _is_not_ours(variable, text):
            continue
        if name := options.get(variable):
            layer[name] = Given(_no_reference(name, text, variable), "environment", variable)
        elif variable not in referenced:
            nearest = suggest(variable, options)
            raise Misconfigured(f"{variable} (environment): no such option{nearest} {SEE}")
    return layer


def _is_not_ours(variable: str, text: str) -> bool:
    address_of_a_service = variable.endswith("_PORT") and re.match("(tcp|udp|sctp)://", text)
    return (
        variable == FILE_VARIABLE
        or bool(address_of_a_service)
        or bool(re.fullmatch(_SERVICE_LINK, variable))
    )


def _no_reference(name: str, text: str, origin: str) -> str:
    if re.match(LIKE_A_REFERENCE, text):
        raise Misconfigured(f"{name} ({origin}): references belong in the file; give the value")
    return text


def suggest(name: str, known: Collection[str]) -> str:
    """`; did you mean …?` with the nearest known name, or nothing."""
    import difflib

    prefix = PREFIX if name.startswith(PREFIX) else ""
    names = sorted(other.removeprefix(prefix) for other in known)
    nearest = difflib.get_close_matches(name.removeprefix(prefix), names, n=1)
    return f"; did you mean {prefix}{nearest[0]}?" if nearest else ""
