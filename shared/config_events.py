"""The options of the events that wake functions."""

import re
from typing import Annotated

from shared.config_kinds import Kind, Text
from shared.config_section import Section

_TOKEN = re.compile(r"([A-Za-z0-9._~+/-]+=*)?")  # RFC 6750 §2.1
BUCKET = Text("bucket name", r"([A-Za-z0-9][A-Za-z0-9._-]{1,62})?", "mail")


class Token(Kind, frozen=True):
    """A bearer token. It is never shown."""

    def parse(self, text: str) -> str:
        if not _TOKEN.fullmatch(text):
            raise ValueError("it is no bearer token: take letters, digits, and any of -._~+/")
        return text

    def show(self, value: str) -> str:
        return "***" if value else ""

    @property
    def word(self) -> str:
        return "bearer token"


class Events(Section, frozen=True):
    """What wakes the functions."""

    token: Annotated[
        str,
        Token(),
        "What every event has to carry, as `Authorization: Bearer …`. Empty: nobody has to, and "
        "an object that rides in an event is not believed, but read.",
    ] = ""
    bucket: Annotated[
        str, BUCKET, "Events that name another bucket are dropped. Empty: none is."
    ] = ""
