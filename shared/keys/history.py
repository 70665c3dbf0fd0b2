"""What came back, what operators decide, and what is kept of both."""

from datetime import UTC, datetime
from urllib.parse import quote, unquote

from shared.keys.relay import AUDIT, EVENTS, MTA_STS, PAUSED, REDRIVES

_DAY = "%Y-%m-%d"


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


def calls_of(domain: str) -> str:
    """The prefix of all that a Domain's Webhooks were told."""
    return f"calls/{domain}/"


def behind_calls(domain: str, webhook: str) -> str:
    """Behind all that this one was told, for listings that jump over it."""
    return f"{calls_of(domain)}{webhook}/~"


def retention_index() -> str:
    return "control/retention/index.json"


def retention_of(domain: str) -> str:
    """How far it is."""
    return f"control/retention/domains/{domain}.json"


def retention_wishes() -> str:
    return "control/retention/wishes/"


def retention_wish(domain: str) -> str:
    return f"{retention_wishes()}{domain}.json"


def parse_retention_wish(key: str) -> str:
    """The Domain of a wish's key."""
    return key.removeprefix(retention_wishes()).removesuffix(".json")


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
