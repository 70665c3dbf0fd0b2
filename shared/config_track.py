"""The options of tracking."""

from typing import Annotated

from shared.config_kinds import Duration, Text, Whole
from shared.config_section import Section

PUBLIC_URL = Text("public URL", r"(https?://[A-Za-z0-9.:\[\]-]+)?", "https://t.example.com")


class Track(Section, frozen=True):
    """How opens, clicks and unsubscribes are taken."""

    public_url: Annotated[
        str,
        PUBLIC_URL,
        "Where `track` answers, for Domains without a tracking host of their own. Empty: only "
        "those may track.",
    ] = ""
    group: Annotated[
        float, Duration(), "Events that come within this time are stored as one object."
    ] = 0.02
    forwarded_hops: Annotated[
        int,
        Whole(0, 10),
        "Proxies in front that add to X-Forwarded-For: the address before them is the reader's. "
        "0: none is believed.",
    ] = 1
