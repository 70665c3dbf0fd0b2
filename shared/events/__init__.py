"""What wakes a function: an event tells that an object was created, in one of many formats.

| sender | format | module |
|---|---|---|
| S3, Ceph, MinIO's webhook and its listeners, SQS, EventBridge | records | `notification` |
| SeaweedFS's filer | its own | `seaweedfs` |
| CloudEvents (Knative), SNS | an envelope around another one | `wrapping` |
| people, scripts, other functions | `{"key": "validated/…"}`, or a list of these | `parse` |

An event may come twice, late, out of order or not at all; nothing rests on it.
"""

from shared.events.event import Event
from shared.events.parse import parse
from shared.events.scope import Scope

__all__ = ["Event", "Scope", "parse"]
