"""Which moment a person means: a Batch or a key, and the stage that shall take it again."""

from dataclasses import dataclass

from shared import keys
from shared.errors import Malformed
from shared.ids import is_batch_id

FROM = ("validate", "dispatch", "send", "bounce")
"""The stages whose input can be brought back."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Work that stood in front of `stage`."""

    stage: str
    batch: str = ""
    bag: int | None = None
    """Only this one; None: all."""
    inbound: str = ""
    """The key of a mail that arrived; then there is no Batch."""


def moment(what: str, stage: str = "") -> Moment:
    """`what` is a Batch's id or a work object's key, which also says the stage if none is named.

    Raises `Malformed`, which says what can be brought back.
    """
    if stage not in ("", *FROM):
        raise Malformed(f"--from {stage}: one of {', '.join(FROM)}")
    if is_batch_id(what):
        if stage in ("", "bounce"):
            raise Malformed("say from where: --from validate, dispatch or send")
        return Moment(stage, what)
    key = _work_key(what)
    own = keys.stage_of(key)
    if own == "bounce":
        if stage not in ("", "bounce"):
            raise Malformed(f"{what} is only ever taken by bounce")
        return Moment("bounce", inbound=key)
    batch, bag = _place(key, what)
    stage = stage or own or ""
    if stage == "bounce" or FROM.index(stage) < FROM.index(own or ""):
        raise Malformed(f"{what} is made behind {stage}: name what {stage} takes, or the Batch")
    return Moment(stage, batch, bag)


def _work_key(what: str) -> str:
    """The key in front of the stage, also of work that waits. Raises `Malformed`."""
    if what.startswith(keys.FAILED):
        raise Malformed(f"{what} holds its work object itself: ekiden failed replay {what}")
    if what.startswith(keys.INBOX):
        raise Malformed("an upload lives on in the Batch that it became: replay that")
    if not what.startswith(keys.WAITING):
        return what
    try:
        return keys.parse_waiting(what)[1]
    except (ValueError, StopIteration) as error:
        raise Malformed(f"{what} is no key of waiting work") from error


def _place(key: str, what: str) -> tuple[str, int | None]:
    """(batch, bag) of a key of the relay. Raises `Malformed`."""
    stage, attempt, bag = keys.stage_of(key), 0, None
    try:
        if stage == "validate":
            batch = keys.parse_submitted(key)
        elif stage == "dispatch":
            batch, bag = keys.parse_validated(key)
        elif stage == "send":
            batch, bag, attempt = keys.parse_dispatched(key)
        else:
            batch = ""
    except ValueError:
        batch = ""
    if not is_batch_id(batch):
        raise Malformed(f"{what!r} is neither a Batch nor the key of a work object")
    if attempt:
        raise Malformed(
            f"{what} is a later attempt, which send makes of the Outcomes of the one before: "
            f"replay {keys.dispatched(batch, bag or 0, 0)}, and it goes on where they end"
        )
    return batch, bag
