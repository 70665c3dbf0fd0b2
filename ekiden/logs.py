"""Logging of the local process: lines for people, or one JSON object a line."""

import logging

from shared import logs


def set_up(level: str, form: str) -> None:
    text = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    logs.set_up(level, None if form == "json" else text)
