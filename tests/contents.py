"""What a Batch says, for tests that care about little of it."""

from typing import Any

from shared.model import Content, Sender


def content_of(batch: str, domain: str, at: float, **more: Any) -> Content:
    """Accepted, and due, at `at`: for one Recipient, if `more` does not say otherwise."""
    given = {
        "accepted_at": at,
        "due_at": at,
        "digest": "",
        "accepted": 1,
        "sender": Sender(f"news@{domain}"),
        **more,
    }
    return Content(batch=batch, domain=domain, **given)
