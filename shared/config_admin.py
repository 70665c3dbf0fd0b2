"""The options of the operator API."""

from typing import Annotated

from shared.config_events import Token
from shared.config_kinds import DAY, Duration, ListOf, Text, YesNo
from shared.config_section import Section

FOLDER = Text("folder", r"[^\x00]*", "/var/mail/sink")


class Admin(Section, frozen=True):
    """The operator API and the dashboard."""

    tokens: Annotated[
        tuple[str, ...],
        ListOf(Token()),
        "What an operator has to show in `X-Ekiden-Admin-Token`; two while one is replaced. "
        "Empty: nobody is an operator.",
    ] = ()
    mails: Annotated[
        str,
        FOLDER,
        "A folder of `.eml` files that the dashboard shows as received mails; `ekiden demo` sets "
        "it. Empty: there is no such page.",
    ] = ""


class Audit(Section, frozen=True):
    """What is put on record of calls to the operator API."""

    enabled: Annotated[
        bool, YesNo(), "Record each decision whether a call may be made, below `audit/`."
    ] = False
    retention: Annotated[float, Duration(), "How long a record is kept."] = 400 * DAY
