"""The bucket's set-up: who is told of new objects, and what expires."""

from collections.abc import Sequence

from ekiden.bucket import expiry, notices
from ekiden.bucket.client import BucketClient
from ekiden.bucket.engine import Engine, recognise
from ekiden.bucket.errors import NotOffered
from ekiden.bucket.place import Place
from ekiden.doctor.beside import in_thread
from ekiden.doctor.finding import Finding, Scene, failed, ok, skipped, warning
from shared import keys

INIT = "ekiden bucket init"


async def notifications(scene: Scene) -> list[Finding]:
    """Each work prefix has somebody who is told of what is put there."""
    place = scene.place
    if place is None:
        return [skipped("the store is no bucket")]
    return [await in_thread(lambda: _notifications(place))]


def _notifications(place: Place) -> Finding:
    client = BucketClient(place)
    is_there, headers = client.look()
    if not is_there:
        return failed(f"there is no bucket {place.bucket}", INIT)
    if recognise(place, client.endpoint, headers) is Engine.SEAWEEDFS:
        return skipped(
            "SeaweedFS does not say what its filer's webhook is",
            "look into its notification.toml (ekiden bucket init --webhook URL prints the block)",
        )
    try:
        found = notices.all_of(client.notifications())
    except NotOffered as error:
        return skipped(str(error), "the sweep finds all work, a little later")
    return judge_notices(found, place.prefix)


def judge_notices(found: list[notices.Notice], key_prefix: str) -> Finding:
    missing = notices.untold(found, key_prefix)
    if not missing:
        return ok(f"{len(found)} rules; each of the {len(keys.WORK)} work prefixes is told of")
    if len(missing) == len(keys.WORK):
        return warning(
            "nobody is told of new work", f"only the sweep finds it, a little later; {INIT}"
        )
    parts = [f"{prefix} ({', '.join(operations)})" for prefix, operations in missing.items()]
    return failed(f"nobody is told of {'; '.join(parts)}", INIT)


async def lifecycle(scene: Scene) -> list[Finding]:
    """What grows expires, and nothing else does."""
    place = scene.place
    if place is None:
        return [skipped("the store is no bucket")]
    try:
        rules, _ = await in_thread(lambda: BucketClient(place).rules())
    except NotOffered as error:
        return [skipped(str(error), "delete old objects by other means")]
    return [judge_rules(rules, place.prefix)]


def judge_rules(rules: Sequence[expiry.Rule], key_prefix: str) -> Finding:
    dangers = expiry.dangers(rules, key_prefix)
    if dangers:
        return failed(
            f"work and keys are deleted before anybody is done with them: {'; '.join(dangers)}",
            "narrow these rules to the prefixes that they are for",
        )
    growing = expiry.without_expiry(rules, key_prefix)
    if growing:
        return warning(f"for ever: {', '.join(growing)}", f"{INIT}; or --expire …=0, if it shall")
    return ok(f"{len(rules)} rules; all that grows expires, and no work does")
