"""The options of the operator API."""

from typing import Annotated

from shared.config_events import Token
from shared.config_kinds import ListOf, YesNo
from shared.config_section import Section


class Admin(Section, frozen=True):
    """The operator API and the dashboard."""

    tokens: Annotated[
        tuple[str, ...],
        ListOf(Token()),
        "What an operator has to show in `X-Ekiden-Admin-Token`; two while one is replaced. "
        "Empty: nobody is an operator.",
    ] = ()


class Audit(Section, frozen=True):
    """What is put on record of calls to the operator API."""

    enabled: Annotated[
        bool, YesNo(), "Record each decision whether a call may be made, below `audit/`."
    ] = False
