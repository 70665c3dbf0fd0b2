"""Work objects: one function per kind, and its inverse where a stage needs it."""

import math
import re
from datetime import UTC, datetime
from hashlib import sha256
from typing import NamedTuple

INBOX = "inbox/"
SUBMITTED = "submitted/"
VALIDATED = "validated/"
DISPATCHED = "dispatched/"
INBOUND = "inbound/"
NOTIFYING = "notifying/"
WAITING = "waiting/"
FAILED = "failed/"
LEASES = "leases/send/"
DOMAINS = "domains/"
PAUSED = "control/paused/"
REDRIVES = "control/redrives/"
MTA_STS = "control/mta_sts/"
AUDIT = "audit/"
BATCHES = "batches/"
EVENTS = "events/"
WORK = {
    INBOX: "submit",
    SUBMITTED: "validate",
    VALIDATED: "dispatch",
    NOTIFYING: "notify",
    INBOUND: "bounce",
    DISPATCHED: "send",
}
"""Which stage takes the work objects below which prefix."""
MOST_ATTEMPTS = 1000
"""Of one Bag: an attempt's number has three digits in its key."""
_DUE = "%Y%m%dT%H%M%SZ"
_PUT_BACK = re.compile(r"(?:([^/]+)/)?~(\d{1,15})\.([0-9a-f]{16})/(.*)", re.DOTALL)
_MOST_NAME_BYTES = 250
"""SeaweedFS refuses a part of a key above 255 bytes, and `.json` is added."""
_MOST_WORK_KEY_BYTES = 340
"""In the key of a failure, which admin's URLs carry in base 64, at most 500 characters."""


def stage_of(key: str) -> str | None:
    """The stage that this key is a work object of, or None."""
    return WORK.get(key[: key.find("/") + 1])


def submitted(batch: str) -> str:
    return f"{SUBMITTED}{batch}.json"


def parse_submitted(key: str) -> str:
    """The Batch id of a `submitted/` key."""
    return key.removeprefix(SUBMITTED).removesuffix(".json")


def inbox(domain: str, name: str) -> str:
    return f"{INBOX}{domain}/{name}"


def parse_inbox(key: str) -> tuple[str, str]:
    """(domain, name) of an `inbox/` key; of an upload that was put back, as it was uploaded."""
    found = _PUT_BACK.fullmatch(key.removeprefix(INBOX))
    if found:
        return (found[1], found[4]) if found[1] else (found[4], "")
    domain, _, name = key.removeprefix(INBOX).partition("/")
    return domain, name


class PutBack(NamedTuple):
    """What the key of an upload that was put back says of it."""

    put_ms: int
    """When the app put it, in milliseconds since 1970."""
    mark: str
    """What `mark_of` says of its bytes."""


def put_back(key: str, put_ms: int, body: bytes) -> str:
    """Where an upload goes when it is put once more: a key for it alone, which says its age."""
    mark = f"~{put_ms:013d}.{mark_of(body)}"
    domain, slash, name = key.removeprefix(INBOX).partition("/")
    return f"{INBOX}{domain}/{mark}/{name}" if slash else f"{INBOX}{mark}/{domain}"


def mark_of(body: bytes) -> str:
    return sha256(body).hexdigest()[:16]


def parse_put_back(key: str) -> PutBack | None:
    """None: it is no upload that was put back."""
    found = _PUT_BACK.fullmatch(key.removeprefix(INBOX)) if key.startswith(INBOX) else None
    return PutBack(int(found[2]), found[3]) if found else None


def is_overwritable(key: str) -> bool:
    """Whether an app may at any time put something else under this key of open work."""
    return key.startswith(INBOX) and parse_put_back(key) is None


def bags_of(batch: str) -> tuple[str, str]:
    """The prefixes below which a Batch's Bags are, where none of them waits."""
    return f"{VALIDATED}{batch}/", f"{DISPATCHED}{batch}/"


def bag_name(bag: int) -> str:
    return f"{bag:04d}"


def validated(batch: str, bag: int) -> str:
    return f"{VALIDATED}{batch}/{bag_name(bag)}.json"


def parse_validated(key: str) -> tuple[str, int]:
    """(batch, bag) of a `validated/` key."""
    batch, _, name = key.removeprefix(VALIDATED).partition("/")
    return batch, int(name.removesuffix(".json"))


def dispatched(batch: str, bag: int, attempt: int) -> str:
    return f"{dispatched_bag(batch, bag, attempt)}jsonl"


def dispatched_bag(batch: str, bag: int, attempt: int) -> str:
    """The prefix below which this one work object would be listed."""
    return f"{DISPATCHED}{batch}/{bag_name(bag)}.{attempt:03d}."


def parse_dispatched(key: str) -> tuple[str, int, int]:
    """(batch, bag, attempt) of a `dispatched/` key."""
    batch, _, name = key.removeprefix(DISPATCHED).partition("/")
    bag, attempt = name.removesuffix(".jsonl").split(".")
    return batch, int(bag), int(attempt)


def inbound(inbound_id: str) -> str:
    return f"{INBOUND}{inbound_id}.eml"


def parse_inbound(key: str) -> str:
    """The id of an `inbound/` key."""
    return key.removeprefix(INBOUND).removesuffix(".eml")


def notifying(domain: str, webhook: str, name: str, turn: int) -> str:
    return f"{notifying_of(domain, webhook)}{name}.{turn:03d}.json"


def notifying_of(domain: str, webhook: str) -> str:
    """The prefix of all that one Webhook has to hear."""
    return f"{NOTIFYING}{domain}/{webhook}/"


def parse_notifying(key: str) -> tuple[str, int]:
    """(name, turn) of a `notifying/` key."""
    name, turn, _ = key.rpartition("/")[2].rsplit(".", 2)
    return name, int(turn)


def notifying_name(source: str) -> str:
    """What names the objects about a source: an outcomes, events or received key, or prefix."""
    plain = source.rstrip(".").removesuffix(".jsonl").removesuffix(".eml")
    if plain.startswith("batches/"):
        return plain.removeprefix("batches/").replace("/outcomes/", ".")
    return plain.split("/", 2)[-1].replace("/", ".")  # the Domain stands in the key already


def kind_of(key: str) -> str:
    """What stands first in a key, such as `events`."""
    return key.partition("/")[0]


def waiting(due: float, work_key: str) -> str:
    """Where a work object waits until `due`, in seconds since 1970."""
    prefix, _, rest = work_key.partition("/")
    stamp = datetime.fromtimestamp(math.ceil(due), UTC).strftime(_DUE)
    return f"{WAITING}{stamp}/{WORK[prefix + '/']}/{rest}"


def parse_waiting(key: str) -> tuple[float, str]:
    """(due, the work object's key when it is due) of a `waiting/` key."""
    stamp, stage, rest = key.removeprefix(WAITING).split("/", 2)
    due = datetime.strptime(stamp, _DUE).replace(tzinfo=UTC).timestamp()
    prefix = next(prefix for prefix, taker in WORK.items() if taker == stage)
    return due, prefix + rest


def when_due(key: str) -> str:
    """The key of a work object when it is due; of what does not wait, the key itself."""
    if not key.startswith(WAITING) or key.count("/") < 3:
        return key
    stage, rest = key.split("/", 3)[2:]
    return next((prefix + rest for prefix, taker in WORK.items() if taker == stage), key)


def failed(stage: str, work_key: str) -> str:
    """What is too long for a key is named by a digest: the failure knows its work's true key."""
    return f"{FAILED}{stage}/{_fitting(work_key)}.json"


def parse_failed(key: str) -> str:
    """The stage of a `failed/` key."""
    return key.removeprefix(FAILED).partition("/")[0]


def _fitting(work_key: str) -> str:
    folder, _, name = work_key.rpartition("/")
    size_bytes = len(work_key.encode())
    if size_bytes <= _MOST_WORK_KEY_BYTES and len(name.encode()) <= _MOST_NAME_BYTES:
        return work_key
    short = f"~{sha256(work_key.encode()).hexdigest()[:32]}"
    if len(folder.encode()) + 1 + len(short) <= _MOST_WORK_KEY_BYTES:
        return f"{folder}/{short}"
    return f"{work_key.partition('/')[0]}/{short}"


def failed_of(stage: str, work_prefix: str) -> str:
    """The prefix of what a stage could not do, of the work objects below a prefix."""
    return f"{FAILED}{stage}/{work_prefix}"


def batch_of_work(work_key: str) -> str:
    """The Batch of a work object; empty for work that is no Batch's."""
    prefix, _, rest = work_key.partition("/")
    if f"{prefix}/" not in (SUBMITTED, VALIDATED, DISPATCHED):
        return ""
    return rest.partition("/")[0].removesuffix(".json")


def batch_of_open_work(key: str) -> str:
    """The same, also of work that waits or has failed."""
    if key.startswith(FAILED):
        key = key.removeprefix(FAILED).partition("/")[2].removesuffix(".json")
    return batch_of_work(when_due(key))
