"""What belongs to a Domain: its record, keys, Templates, suppressions, Webhooks, indexes."""

from urllib.parse import quote, unquote

from shared.keys.relay import DOMAINS, INBOX, NOTIFYING


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
