"""From a request's body and headers to the objects that were created."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from shared.errors import Malformed
from shared.events import notification, seaweedfs, wrapping
from shared.events.event import Event

MOST_WRAPPINGS = 4
"""A list of CloudEvents of SNS messages of records: more is no event, but an attack."""

_FORMATS: tuple[Callable[[dict[str, Any]], list[Event] | None], ...] = (
    notification.read_records,
    seaweedfs.read_filer,
    notification.read_event_bridge,
    notification.read_record,
    notification.read_test_message,
)

_decode = msgspec.json.Decoder().decode


def parse(body: bytes, headers: Mapping[str, str]) -> list[Event]:
    """The creations that an event tells of, in its order. Header names are in lower case.

    Raises `Malformed` for what is no event at all. Removals, tags, folders, test messages are
    events that tell of nothing.
    """
    if wrapping.is_of_no_interest(headers):
        return []
    return _read(body, MOST_WRAPPINGS)


def _read(value: Any, wrappings: int) -> list[Event]:
    if isinstance(value, bytes | str):
        value = _json(value)
    if isinstance(value, list) and wrappings:
        return _read_list(value, wrappings - 1)
    if not isinstance(value, dict):
        raise Malformed("this is no event: neither a JSON object nor a list of them")
    for read in _FORMATS:
        found = read(value)
        if found is not None:
            return found
    inner = wrapping.unwrap(value)
    if inner is not None and wrappings:
        return _read(inner, wrappings - 1)
    return [_plain(value)]


def _json(text: bytes | str) -> Any:
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Malformed(f"this is no event: {error}") from error


def _read_list(values: list[Any], wrappings: int) -> list[Event]:
    """What is no event is passed over, unless there is nothing else: the sweep finds its object."""
    events: list[Event] = []
    refusals: list[Malformed] = []
    for value in values:
        try:
            events += _read(value, wrappings)
        except Malformed as refusal:
            refusals.append(refusal)
    if values and len(refusals) == len(values):
        raise refusals[0]
    return events


def _plain(value: dict[str, Any]) -> Event:
    """`{"key": …}`, for people; with `body`, the object in base 64, for our own functions."""
    key, body = value.get("key"), value.get("body")
    if not isinstance(key, str):
        raise Malformed("this is no event: it names no key, and has no form that is known")
    if body is None:
        return Event("", key)
    try:
        carried = base64.b64decode(body, validate=True)
    except (TypeError, ValueError) as error:
        raise Malformed("this is no event: its body is no base 64") from error
    return Event("", key, len(carried), body=carried)
