"""What an app asks for, read from JSON, and all else that decides what it gets. Pure."""

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from msgspec import Raw

from shared.domains import Template
from shared.http import Problem
from shared.model import BatchRequest
from shared.tracking import NOTHING, Tracking


@dataclass(frozen=True, slots=True)
class Limits:
    """What one submit may ask for (docs/configuration.md, section `submit`)."""

    max_recipients: int = 100_000
    max_message_bytes: int = 10 * 1024 * 1024
    max_attachments: int = 50
    max_schedule_ahead_s: float = 90 * 86400.0
    max_fields: int = 256


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that a decision needs besides the request."""

    domain: str
    batch: str
    now: float
    digest: str
    limits: Limits
    template: Template | None = None
    ceiling: Tracking = NOTHING
    """The Domain's."""
    tracking_url: str = ""
    """Where `track` answers for this Domain; empty: nowhere."""
    suppressed: Container[str] = frozenset()

    def with_template(self, template: Template | None) -> "Circumstances":
        return replace(self, template=template)


class ParsedBatch(BatchRequest, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A `BatchRequest` whose Recipients are still encoded: there may be 100,000."""

    recipients: list[Raw]  # type: ignore[assignment]


_BATCH = msgspec.json.Decoder(ParsedBatch)


def parse_batch(body: bytes) -> ParsedBatch:
    """Read the JSON of `POST /v1/batches`. Raises `Problem`."""
    parsed: ParsedBatch = parse(_BATCH, body)
    return parsed


def parse(decoder: Any, body: bytes | Raw, where: str = "") -> Any:
    """Decode JSON; a fault names the place in the document. Raises `Problem`."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        detail = str(error).replace("`$", f"`${where}")
        if where and "`$" not in detail:
            detail += f" - at `${where}`"
        raise Problem(422, "invalid_request", detail) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        cause = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise Problem(400, "malformed_json", f"{cause}{where and f' - at `${where}`'}") from error
