"""What stays of a Batch: what it says, what became of it, and who is sending it."""

from shared.keys.relay import BATCHES, LEASES, bag_name


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
