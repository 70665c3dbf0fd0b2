"""Checks of a submit's smaller parts: attachments, tags, metadata. Pure."""

import binascii
import re

from shared.address import is_printable
from shared.http import Problem
from shared.model import Attachment

MAX_TAGS = 20
MAX_TAG_BYTES = 80
"""The tag is part of a key, percent-encoded, and some stores refuse parts over 255 bytes."""
MAX_NAME_CHARS = 100
MAX_METADATA = 50
MAX_METADATA_CHARS = 500

_TOKEN = r"[A-Za-z0-9!#$&^_.+-]{1,127}"  # RFC 6838 §4.2
_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}(?:;[ \t]*charset=\"?[A-Za-z0-9._-]+\"?)?")
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@-]{1,250}")  # RFC 2392: an addr-spec
_COMPOSITE = ("multipart/", "message/")


def check_attachments(attachments: list[Attachment], most: int) -> None:
    """Raises `Problem` for the first attachment that no mail can carry."""
    if len(attachments) > most:
        detail = f"{len(attachments)} attachments; at most {most} are allowed"
        raise Problem(422, "too_many_attachments", detail)
    content_ids: set[str] = set()
    for number, file in enumerate(attachments):
        wrong = _wrong(file)
        if file.content_id in content_ids:
            wrong = f"content_id {file.content_id!r} occurs twice"
        if wrong:
            raise Problem(422, "invalid_attachment", f"attachments[{number}]: {wrong}")
        if file.content_id:
            content_ids.add(file.content_id)


def _wrong(file: Attachment) -> str:
    if not is_printable(file.filename) or "/" in file.filename or "\\" in file.filename:
        return "filename has a control character or a path separator"
    if not _TYPE.fullmatch(file.content_type) or file.content_type.lower().startswith(_COMPOSITE):
        return f"content_type {file.content_type!r} is no type of a file"
    if file.content_id and not _CONTENT_ID.fullmatch(file.content_id):
        return f"content_id {file.content_id!r} cannot stand in a cid: URL"
    try:
        binascii.a2b_base64(file.content, strict_mode=True)
    except (binascii.Error, ValueError) as error:
        return f"content is not base 64: {error}"
    return ""


def checked_tags(tags: list[str]) -> list[str]:
    """The tags, each once. Raises `Problem`."""
    if len(tags) > MAX_TAGS:
        raise Problem(422, "invalid_tag", f"{len(tags)} tags; at most {MAX_TAGS} are allowed")
    for tag in tags:
        if not 0 < len(tag.encode()) <= MAX_TAG_BYTES or not is_printable(tag):
            raise Problem(
                422, "invalid_tag", f"{tag!r}: a tag has 1 to {MAX_TAG_BYTES} printable bytes"
            )
        if tag in (".", ".."):
            raise Problem(422, "invalid_tag", f"{tag!r} is no tag: stores read it as a path")
    return list(dict.fromkeys(tags))


def checked_metadata(metadata: dict[str, str]) -> dict[str, str]:
    """The metadata as given. Raises `Problem`."""
    if len(metadata) > MAX_METADATA:
        raise Problem(422, "invalid_metadata", f"at most {MAX_METADATA} entries are allowed")
    for name, value in metadata.items():
        if not 0 < len(name) <= MAX_NAME_CHARS or len(value) > MAX_METADATA_CHARS:
            raise Problem(422, "invalid_metadata", f"{name!r}: name or value is too long, or empty")
        if "\x00" in name or "\x00" in value:
            raise Problem(422, "invalid_metadata", f"{name!r} has a NUL character")
    return metadata
