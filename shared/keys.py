"""Every key of the bucket. No other file builds a key out of strings.

    inbox/<domain>/<name>                      uploaded by an app              → submit
    submitted/<batch>.json                     an accepted Batch, whole        → validate
    validated/<batch>/<bag>.json               a Bag of checked Recipients     → dispatch
    dispatched/<batch>/<bag>.<attempt>.jsonl   a Bag of Envelopes              → send
    inbound/<id>.eml                           mail that arrived on port 25    → bounce
    waiting/<due>/<stage>/…                    the same, not due yet; <due> is UTC to the second
    failed/<stage>/<the work object's key>     what a stage could not do, with the cause

    batches/<batch>/content.json               what the Batch says
    batches/<batch>/cancelled.json             it shall not be sent any further
    batches/<batch>/outcomes/<bag>.<attempt>.<part>.jsonl
    batches/<batch>/outcomes/<bag>.late.<inbound id>.jsonl   what a report said later
    events/<domain>/<day>/<name>.jsonl         complaints, late bounces, opens, clicks
    received/<domain>/<inbound id>.eml         mail to postmaster, abuse and routed addresses
    audit/<day>/<id>.json                      who was let in to admin, and who was not
    archive/<the work object's key>            what came in, for `ekiden replay`
    domains/<domain>/domain.json               who may send, and by which route
    domains/<domain>/dkim.json                 its private DKIM keys
    domains/<domain>/keys/<id>.json            API keys, hashed
    domains/<domain>/templates/<id>.json
    domains/<domain>/suppressions/<digest>.json
    domains/<domain>/idempotency/<digest>.json which Batch an Idempotency-Key made
    domains/<domain>/tags/<tag>/<batch>        an index: the Batches that carry a tag
    leases/send/<batch>/<bag>.<attempt>        who is sending which Bag until when
    control/paused/<name>.json                 destinations that an operator has paused
    control/warmup/<address>/<day>.json        how much a new sending address has sent
    control/redrives/<the work object's key>   how often the sweep has woken it
    control/mta_sts/<domain>.json              the MTA-STS policy of a recipient domain

All variable parts have a fixed width or are the last part, because not every store lists in byte
order and some refuse a name that is the prefix of its sibling.
"""

import math
from datetime import UTC, datetime
from urllib.parse import quote, unquote

INBOX = "inbox/"
SUBMITTED = "submitted/"
VALIDATED = "validated/"
DISPATCHED = "dispatched/"
INBOUND = "inbound/"
WAITING = "waiting/"
FAILED = "failed/"
LEASES = "leases/send/"
DOMAINS = "domains/"
PAUSED = "control/paused/"
REDRIVES = "control/redrives/"
MTA_STS = "control/mta_sts/"
AUDIT = "audit/"

WORK = {
    INBOX: "submit",
    SUBMITTED: "validate",
    VALIDATED: "dispatch",
    INBOUND: "bounce",
    DISPATCHED: "send",
}
"""Which stage takes the work objects below which prefix."""

MOST_ATTEMPTS = 1000
"""Of one Bag: an attempt's number has three digits in its key."""

_DUE = "%Y%m%dT%H%M%SZ"
_DAY = "%Y-%m-%d"


def stage_of(key: str) -> str | None:
    """The stage that this key is a work object of, or None."""
    return WORK.get(key[: key.find("/") + 1])


# The relay: one function per kind of work object, and its inverse where a stage needs it.


def submitted(batch: str) -> str:
    return f"{SUBMITTED}{batch}.json"


def parse_submitted(key: str) -> str:
    """The Batch id of a `submitted/` key."""
    return key.removeprefix(SUBMITTED).removesuffix(".json")


def parse_inbox(key: str) -> tuple[str, str]:
    """(domain, name) of an `inbox/` key."""
    domain, _, name = key.removeprefix(INBOX).partition("/")
    return domain, name


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


def failed(stage: str, work_key: str) -> str:
    return f"{FAILED}{stage}/{work_key}.json"


# What stays: the Batch and what became of it.


def batch_prefix(batch: str) -> str:
    return f"batches/{batch}/"


def content(batch: str) -> str:
    return f"batches/{batch}/content.json"


def cancelled(batch: str) -> str:
    return f"batches/{batch}/cancelled.json"


def outcomes(batch: str) -> str:
    return f"batches/{batch}/outcomes/"


def outcomes_of_bag(batch: str, bag: int) -> str:
    return f"{outcomes(batch)}{bag_name(bag)}."


def outcomes_of_attempt(batch: str, bag: int, attempt: int) -> str:
    return f"{outcomes_of_bag(batch, bag)}{attempt:03d}."


def outcome_part(batch: str, bag: int, attempt: int, part: int) -> str:
    return f"{outcomes_of_attempt(batch, bag, attempt)}{part:04d}.jsonl"


def late_outcome(batch: str, bag: int, inbound_id: str) -> str:
    """What a report said about a Delivery of this Bag: sorts behind all attempts."""
    return f"{outcomes_of_bag(batch, bag)}late.{inbound_id}.jsonl"


def bag_of_outcomes(key: str) -> int:
    """The Bag of an outcomes key, also of a late one."""
    return int(key.rpartition("/")[2].partition(".")[0])


def parse_outcome_part(key: str) -> tuple[int, int, int]:
    """(bag, attempt, part) of an outcomes key."""
    bag, attempt, part, _ = key.rpartition("/")[2].split(".")
    return int(bag), int(attempt), int(part)


def lease(batch: str, bag: int, attempt: int) -> str:
    return f"{LEASES}{batch}/{bag_name(bag)}.{attempt:03d}"


# What came back, and what operators decide.


def event(domain: str, at: float, name: str) -> str:
    """An events object of the day of `at`, seconds since 1970."""
    return f"events/{domain}/{day(at)}/{name}.jsonl"


def day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(_DAY)


def received(domain: str, inbound_id: str) -> str:
    return f"received/{domain}/{inbound_id}.eml"


def paused(destination: str) -> str:
    return f"{PAUSED}{quote(destination, safe='')}.json"


def parse_paused(key: str) -> str:
    """The destination of a `control/paused/` key."""
    return unquote(key.removeprefix(PAUSED).removesuffix(".json"))


def redrives(work_key: str) -> str:
    return f"{REDRIVES}{work_key}"


def parse_redrives(key: str) -> str:
    """The work object's key of a `control/redrives/` key."""
    return key.removeprefix(REDRIVES)


def warmup(address: str, at: float) -> str:
    return f"control/warmup/{quote(address, safe='')}/{day(at)}.json"


def mta_sts_policy(domain: str) -> str:
    """Of a recipient domain."""
    return f"{MTA_STS}{domain}.json"


def parse_mta_sts_policy(key: str) -> str:
    """The recipient domain of a `control/mta_sts/` key."""
    return key.removeprefix(MTA_STS).removesuffix(".json")


def audit(at: float, name: str) -> str:
    return f"{AUDIT}{day(at)}/{name}.json"


def archived(work_key: str) -> str:
    return f"archive/{work_key}"


# Domains.


def domain_record(domain: str) -> str:
    return f"domains/{domain}/domain.json"


def parse_domain(key: str) -> str:
    """The Domain of a key below `domains/`."""
    return key.removeprefix(DOMAINS).partition("/")[0]


def domain_dkim(domain: str) -> str:
    return f"domains/{domain}/dkim.json"


def api_key(domain: str, key_id: str) -> str:
    return f"domains/{domain}/keys/{key_id}.json"


def template(domain: str, template_id: str) -> str:
    return f"domains/{domain}/templates/{template_id}.json"


def suppressions(domain: str) -> str:
    return f"domains/{domain}/suppressions/"


def suppression(domain: str, digest: str) -> str:
    return f"{suppressions(domain)}{digest}.json"


def parse_suppression(key: str) -> str:
    """The address's digest of a suppression's key."""
    return key.rpartition("/")[2].removesuffix(".json")


def idempotency(domain: str, digest: str) -> str:
    return f"domains/{domain}/idempotency/{digest}.json"


def tag(domain: str, name: str) -> str:
    """The prefix below which a Domain's Batches with this tag are listed, oldest first."""
    return f"domains/{domain}/tags/{quote(name, safe='')}/"


def tagged(domain: str, name: str, batch: str) -> str:
    return f"{tag(domain, name)}{batch}"


def parse_tagged(key: str) -> tuple[str, str]:
    """(tag, batch) of a tag index key."""
    prefix, _, batch = key.rpartition("/")
    return unquote(prefix.rpartition("/")[2]), batch
