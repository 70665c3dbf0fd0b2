"""Every key of the bucket. No other file builds a key out of strings.

    inbox/<domain>/<name>                      uploaded by an app              → submit
    submitted/<batch>.json                     an accepted Batch, whole        → validate
    validated/<batch>/<bag>.json               a Bag of checked Recipients     → dispatch
    dispatched/<batch>/<bag>.<attempt>.jsonl   a Bag of Envelopes              → send
    inbound/<id>.eml                           mail that arrived on port 25    → bounce
    notifying/<domain>/<webhook>/<name>.<turn>.json   what a Webhook has to hear → notify
    waiting/<due>/<stage>/…                    the same, not due yet; <due> is UTC to the second
    failed/<stage>/<the work object's key>     what a stage could not do, with the cause

    batches/<batch>/content.json               what the Batch says
    batches/<batch>/cancelled.json             it shall not be sent any further
    batches/<batch>/outcomes/<bag>.<attempt>.<part>.jsonl
    batches/<batch>/outcomes/<bag>.late.<inbound id>.jsonl   what a report said later
    events/<domain>/<day>/<name>.jsonl         complaints, late bounces, opens, clicks
    received/<domain>/<inbound id>.eml         mail to postmaster, abuse and routed addresses
    calls/<domain>/<webhook>/<day>/<time>.<name>.jsonl   each try to tell a Webhook
    audit/<day>/<id>.json                      who was let in to admin, and who was not
    archive/<the work object's key>            what came in, for `ekiden replay`
    domains/<domain>/domain.json               who may send, and by which route
    domains/<domain>/dkim.json                 its private DKIM keys
    domains/<domain>/tracking.json             keys that sign tracked URLs
    domains/<domain>/keys/<id>.json            API keys, hashed
    domains/<domain>/templates/<id>.json       as it is now; deleted ones stay, marked
    domains/<domain>/template_versions/<id>/<number>.json   what it was before
    domains/<domain>/suppressions/<digest>.<mark>.json   an address not to write to, just learnt
    domains/<domain>/suppressions/index.json   which segments hold all the others
    domains/<domain>/suppressed/<segment>/…    digests, and blocks of lines: a sorted part of them
    domains/<domain>/webhooks/<id>.json        who wants to hear what happened, and their secrets
    domains/<domain>/idempotency/<digest>.json which Batch an Idempotency-Key made
    domains/<domain>/tags/<tag>/<batch>        an index: the Batches that carry a tag
    leases/send/<batch>/<bag>.<attempt>        who is sending which Bag until when
    control/paused/<name>.json                 destinations that an operator has paused
    control/warmup/<address>/<day>.json        how much a new sending address has sent
    control/redrives/<the work object's key>   how often the sweep has woken it
    control/mta_sts/<domain>.json              the MTA-STS policy of a recipient domain
    control/stats/index.json                   how far the mail was counted
    control/stats/batches/<quarter>.json       the Batches of a quarter of an hour, as counted
    control/stats/events/<domain>/<day>.json   the same of a day's events
    stats/<domain>/<day>/<part>.json           hourly counts, of which part is `counts` or `to`
    batches/<batch>/progress.json              its Outcomes, counted by Bag: spares reading them

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


def inbox(domain: str, name: str) -> str:
    return f"{INBOX}{domain}/{name}"


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


def failed(stage: str, work_key: str) -> str:
    return f"{FAILED}{stage}/{work_key}.json"


def failed_of(stage: str, work_prefix: str) -> str:
    """The prefix of what a stage could not do, of the work objects below a prefix."""
    return f"{FAILED}{stage}/{work_prefix}"


# What stays: the Batch and what became of it.


def batch_prefix(batch: str) -> str:
    return f"batches/{batch}/"


def behind_batch(batch: str) -> str:
    """Behind all keys of this Batch, for listings that jump over them."""
    return f"{BATCHES}{batch}/~"


def parse_batch(key: str) -> str:
    """The Batch of a key below `batches/`."""
    return key.removeprefix(BATCHES).partition("/")[0]


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


def batch_of_outcomes(key: str) -> str:
    """The Batch of an outcomes key, or of a prefix of one."""
    return key.removeprefix("batches/").partition("/")[0]


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


def events_of_day(domain: str, of_day: str) -> str:
    return f"{EVENTS}{domain}/{of_day}/"


def day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime(_DAY)


def events(domain: str) -> str:
    """The prefix of all of a Domain's events."""
    return f"{EVENTS}{domain}/"


def name_of_event(key: str) -> str:
    """What names an events object; of a report the id that it had below `inbound/`."""
    return key.rpartition("/")[2].removesuffix(".jsonl")


def name_of_late_outcome(key: str) -> str:
    """The same of a late Outcomes object; of any other an empty text."""
    return key.rpartition(".late.")[2].removesuffix(".jsonl") if ".late." in key else ""


def received_by(domain: str) -> str:
    """The prefix of all mail that a Domain has received."""
    return f"received/{domain}/"


def received(domain: str, inbound_id: str) -> str:
    return f"received/{domain}/{inbound_id}.eml"


def parse_received(key: str) -> str:
    """The inbound id of a `received/` key."""
    return key.rpartition("/")[2].removesuffix(".eml")


def call_log(domain: str, webhook: str, at: float, name: str) -> str:
    """What was tried in one turn that ended at `at`, seconds since 1970."""
    moment = datetime.fromtimestamp(at, UTC).strftime("%H%M%S%f")
    return f"{calls_of_day(domain, webhook, day(at))}{moment}.{name}.jsonl"


def calls_of_day(domain: str, webhook: str, of_day: str) -> str:
    return f"calls/{domain}/{webhook}/{of_day}/"


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
    return audit_record(day(at), name)


def audit_record(of_day: str, name: str) -> str:
    return f"{audit_of_day(of_day)}{name}.json"


def audit_of_day(of_day: str) -> str:
    return f"{AUDIT}{of_day}/"


def parse_audit(key: str) -> str:
    """The id of a record."""
    return key.rpartition("/")[2].removesuffix(".json")


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


def domain_tracking(domain: str) -> str:
    return f"domains/{domain}/tracking.json"


def behind_domain(domain: str) -> str:
    """Behind all keys of this Domain, for listings that jump over them."""
    return f"{DOMAINS}{domain}/~"


def inbox_of(domain: str) -> str:
    return f"{INBOX}{domain}/"


def notifying_of_domain(domain: str) -> str:
    return f"{NOTIFYING}{domain}/"


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
    if key.startswith(WAITING) and key.count("/") > 2:
        stage, rest = key.split("/", 3)[2:]
        key = next((prefix for prefix, taker in WORK.items() if taker == stage), "") + rest
    return batch_of_work(key)


def api_keys(domain: str) -> str:
    return f"domains/{domain}/keys/"


def api_key(domain: str, key_id: str) -> str:
    return f"{api_keys(domain)}{key_id}.json"


def parse_api_key(key: str) -> str:
    """The id of an API key's key."""
    return key.rpartition("/")[2].removesuffix(".json")


def templates(domain: str) -> str:
    return f"domains/{domain}/templates/"


def template(domain: str, template_id: str) -> str:
    return f"{templates(domain)}{template_id}.json"


def parse_template(key: str) -> str:
    """The id of a Template's key."""
    return key.rpartition("/")[2].removesuffix(".json")


def template_versions(domain: str, template_id: str) -> str:
    return f"domains/{domain}/template_versions/{template_id}/"


def template_version(domain: str, template_id: str, number: int) -> str:
    return f"{template_versions(domain, template_id)}{number:06d}.json"


def parse_template_version(key: str) -> int:
    """The number of a version's key."""
    return int(key.rpartition("/")[2].removesuffix(".json"))


def suppressions(domain: str) -> str:
    return f"domains/{domain}/suppressions/"


def suppressions_of_address(domain: str, digest: str) -> str:
    """The prefix below which the fresh entries of one address are listed."""
    return f"{suppressions(domain)}{digest}."


def suppression(domain: str, digest: str, mark: str) -> str:
    """`mark` tells what the entry says: another one of the same address has another key."""
    return f"{suppressions_of_address(domain, digest)}{mark}.json"


def parse_suppression(key: str) -> str:
    """The address's digest of a suppression's key."""
    return key.rpartition("/")[2].partition(".")[0]


def suppression_index(domain: str) -> str:
    return f"{suppressions(domain)}index.json"


def suppressed(domain: str) -> str:
    """The prefix of all segments."""
    return f"domains/{domain}/suppressed/"


def suppressed_digests(domain: str, segment: str) -> str:
    return f"{suppressed(domain)}{segment}/digests"


def suppressed_block(domain: str, segment: str, block: int) -> str:
    return f"{suppressed(domain)}{segment}/{block:06d}.jsonl"


def parse_suppressed(key: str) -> str:
    """The segment of a key below `suppressed/`."""
    return key.split("/")[3]


def webhooks(domain: str) -> str:
    return f"domains/{domain}/webhooks/"


def webhook(domain: str, webhook_id: str) -> str:
    return f"{webhooks(domain)}{webhook_id}.json"


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


# Statistics.

ALL_DOMAINS = "_all"
"""Stands for a Domain in `stats/`; no host name has an underscore."""
STATS_WINDOWS = "control/stats/batches/"


def stats_of(domain: str) -> str:
    return f"stats/{domain}/"


def stats_of_day(domain: str, of_day: str, part: str) -> str:
    return f"{stats_of(domain)}{of_day}/{part}.json"


def before_stats(domain: str, of_day: str) -> str:
    """In front of this day's counts and of all younger ones."""
    return f"{stats_of(domain)}{of_day}"


def parse_stats(key: str) -> tuple[str, str]:
    """(day, part) of a `stats/` key."""
    _, _, of_day, name = key.split("/")
    return of_day, name.removesuffix(".json")


def stats_index() -> str:
    return "control/stats/index.json"


def stats_window(window: str) -> str:
    return f"{STATS_WINDOWS}{window}.json"


def stats_events(domain: str, of_day: str) -> str:
    return f"control/stats/events/{domain}/{of_day}.json"


def before_batch(batch: str) -> str:
    """In front of all keys of this Batch and behind those of older ones, for listings."""
    return f"{BATCHES}{batch}"


def event_of_day(domain: str, of_day: str, name: str) -> str:
    return f"{before_event(domain, of_day, name)}.jsonl"


def before_event(domain: str, of_day: str, name: str) -> str:
    """In front of this events object and of all younger ones."""
    return f"{events_of_day(domain, of_day)}{name}"


def parse_event(key: str) -> tuple[str, str]:
    """(day, name) of an `events/` key."""
    _, _, of_day, name = key.split("/")
    return of_day, name.removesuffix(".jsonl")


def parse_of_batch(key: str) -> tuple[str, str]:
    """(batch, the rest) of a key below `batches/`."""
    batch, _, rest = key.removeprefix(BATCHES).partition("/")
    return batch, rest


def progress(batch: str) -> str:
    return f"{batch_prefix(batch)}progress.json"
