"""Objects without a person: the same lines, the same rows, in the same places. Pure.

Rows keep their places and their domains, because a Delivery's id says in which place its row
stands: if the others moved, a replay would write to them twice.
"""

from collections.abc import Container, Iterator
from typing import Any

import msgspec

from shared.errors import Malformed
from shared.one_address.person import Person

PERSONAL = ("ip", "user_agent", "url")
"""Of an event: where somebody was, with which program, and a link that may be theirs alone."""
SAID = (
    *("subject", "html", "text", "message", "global_fields", "attachments", "headers"),
    *("unsubscribe_url", "metadata", "reports_to"),
)
"""What a Batch says. If it was for one person alone, all of it is about that person."""

Fields = dict[str, Any]


def lines_about(
    body: bytes, person: Person, deliveries: Container[str] = (), *, also_deleted: bool = False
) -> list[Fields]:
    """The lines of an Outcomes or events object that are about the person; `also_deleted`: those
    in which something else stands in the place of the address. Raises `Malformed`."""
    return [
        line
        for line in _lines(body)
        if _is_about(line, person, deliveries)
        or (also_deleted and line.get("recipient") == person.replacement)
    ]


def without_lines(body: bytes, person: Person, deliveries: Container[str] = ()) -> bytes | None:
    """The object without the person; None: nothing of it is about them. Raises `Malformed`."""
    changed = False
    written: list[bytes] = []
    for raw in body.split(b"\n"):
        line = _decoded(raw) if raw else {}
        left = _without(line, person) if _is_about(line, person, deliveries) else line
        changed = changed or left != line
        written.append(raw if left == line else msgspec.json.encode(left))
    return b"\n".join(written) if changed else None


def _lines(body: bytes) -> Iterator[Fields]:
    return (_decoded(raw) for raw in body.split(b"\n") if raw)


def _decoded(raw: bytes) -> Fields:
    try:
        return msgspec.json.decode(raw, type=Fields)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Malformed(f"a line cannot be read: {error}") from error


def _is_about(line: Fields, person: Person, deliveries: Container[str]) -> bool:
    return person.is_(str(line.get("recipient", ""))) or line.get("delivery") in deliveries


def _without(line: Fields, person: Person) -> Fields:
    kept = {name: value for name, value in line.items() if name not in PERSONAL}
    if person.is_(str(kept.get("recipient", ""))):
        kept["recipient"] = person.replacement
    if "text" in kept:
        kept["text"] = person.without(str(kept["text"]))
    return kept


def rows_about(batch: Fields, person: Person) -> list[Fields]:
    """The rows of a Batch's content, or of a submitted one, that are the person's."""
    return [row for row in batch.get("recipients", ()) if person.is_(str(row.get("email", "")))]


def rejections_about(content: Fields, person: Person) -> list[Fields]:
    return [each for each in content.get("rejected", ()) if person.is_(str(each.get("email", "")))]


def without_rows(batch: Fields, person: Person, *, is_theirs: bool) -> Fields | None:
    """A `content.json`, or what is kept of a `submitted/` object, without the person; None:
    nothing of it is about them. `is_theirs`: they were the Batch's only Recipient."""
    if "content" in batch:  # as it was submitted
        content = without_rows(batch["content"], person, is_theirs=is_theirs)
        rows = _without_rows(batch, person)
        if content is None and rows is None:
            return None
        return {**(rows or batch), "content": content or batch["content"]}
    left = _without_rows(batch, person)
    rejected = batch.get("rejected", [])
    if rejections_about(batch, person):
        changed = [
            {**each, "email": person.replacement} if person.is_(str(each["email"])) else each
            for each in rejected
        ]
        left = {**(left or batch), "rejected": changed}
    if is_theirs and any(name in batch for name in SAID):
        left = {name: value for name, value in (left or batch).items() if name not in SAID}
    return left


def _without_rows(batch: Fields, person: Person) -> Fields | None:
    if not rows_about(batch, person):
        return None
    rows = [
        {"email": person.replacement} if person.is_(str(row.get("email", ""))) else row
        for row in batch["recipients"]
    ]
    return {**batch, "recipients": rows}
