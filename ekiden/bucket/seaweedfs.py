"""What is SeaweedFS's own: one webhook for the whole filer, in a file of the server.

No S3 call sets it: a put of a notification configuration is taken for the making of a bucket.
"""

import json

from ekiden.bucket.place import Place
from ekiden.bucket.step import State, Step

NAME = "notifications"


def notify(place: Place, webhook: str, token: str) -> Step:
    """What a person has to put into `notification.toml`."""
    if not webhook:
        return Step(
            NAME,
            State.BY_HAND,
            "SeaweedFS has one webhook for the whole filer, in its notification.toml. "
            "--webhook URL prints what to write there.",
        )
    return Step(NAME, State.BY_HAND, f"{_WHERE}\n{block(place, webhook, token)}")


def block(place: Place, webhook: str, token: str) -> str:
    """The part of `notification.toml`. A JSON string is a TOML basic string (TOML 1.0)."""
    return "\n".join(
        (
            "[notification.webhook]",
            "enabled = true",
            f"endpoint = {json.dumps(webhook)}",
            f"bearer_token = {json.dumps(token)}",
            'event_types = ["create"]',
            f"path_prefixes = [{json.dumps(f'/buckets/{place.bucket}/{place.prefix}')}]",
        )
    )


def durability(place: Place) -> Step:
    """By default it never fsyncs: a power cut may lose what it has acknowledged."""
    return Step(
        "fsync",
        State.BY_HAND,
        "once, in `weed shell` (it costs a quarter of the PUT rate):\n"
        f"fs.configure -locationPrefix=/buckets/{place.bucket}/ -fsync=true -apply",
    )


_WHERE = (
    "in notification.toml of the filer (in its working directory, ~/.seaweedfs or "
    "/etc/seaweedfs); then restart the filer:"
)
