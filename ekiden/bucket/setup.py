"""`ekiden bucket init`, step by step. Each step says what it did; done again, it changes nothing.

A step that fails stops those that rest on it, never silently: they are named as left out.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ekiden.bucket import aws, expiry, minio, seaweedfs
from ekiden.bucket.client import BucketClient
from ekiden.bucket.engine import Engine, recognise
from ekiden.bucket.errors import NotOffered, first_refusal
from ekiden.bucket.place import Place, place_of
from ekiden.bucket.step import State, Step
from shared.errors import EkidenError
from shared.store import open_store
from shared.store.base import Store
from shared.store.probe import PREFIX as PROBE_PREFIX
from shared.store.probe import probe

BUCKET, CONDITIONS, LIFECYCLE = "bucket", "conditional puts", "lifecycle"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the operator asked for."""

    engine: Engine | None = None
    """None: find out."""
    expire: Mapping[str, int] = field(default_factory=dict)
    """Prefix → days, 0 for never; what is not named has the layout's."""
    targets: Mapping[str, str] = field(default_factory=dict)
    """Stage → ARN, in place of the convention's."""
    notify: bool = True
    queues: bool = False
    """Queues that are not there may be made."""
    webhook: str = ""
    token: str = ""
    dry_run: bool = False


def set_up(url: str, wishes: Wishes) -> Iterator[Step]:
    """The steps for the store that `url` names. Raises `Misconfigured` before the first."""
    place = place_of(url)
    if place is None:
        return iter([_plain_store(url, wishes.dry_run)])
    return _Setup(url, BucketClient(place), wishes).steps()


def _plain_store(url: str, dry_run: bool) -> Step:
    if url == "memory:":
        return Step("store", State.THERE, "nothing is kept, and nothing is needed")
    path = Path(unquote(url.removeprefix("sqlite:///")))
    if path.exists():
        return Step("store", State.THERE, f"{path}: a file needs nothing else")
    if dry_run:
        return Step("store", State.PLANNED, f"the file {path}; it needs nothing else")
    try:
        _with_store(url, _touch)
    except EkidenError as error:
        return Step("store", State.FAILED, str(error))
    return Step("store", State.MADE, f"the file {path}; it needs nothing else")


async def _touch(store: Store) -> None:
    await store.delete(f"{PROBE_PREFIX}none")  # a file is made with the first write


def _with_store(url: str, act: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        store = open_store(url)
        try:
            await act(store)
        finally:
            await store.close()

    asyncio.run(run())


class _Setup:
    def __init__(self, url: str, client: BucketClient, wishes: Wishes) -> None:
        self._url = url
        self._client = client
        self._wishes = wishes
        self._is_there = False
        self._engine = wishes.engine or Engine.OTHER

    @property
    def _place(self) -> Place:
        return self._client.place

    def steps(self) -> Iterator[Step]:
        for name, act in ((BUCKET, self._bucket), (CONDITIONS, self._conditions)):
            step = _safely(name, act)
            yield step
            if step.state is State.FAILED:
                yield Step("all else", State.LEFT_OUT, f"because {name} failed")
                return
        yield _safely(LIFECYCLE, self._lifecycle)
        if self._wishes.notify:
            yield from self._notifications()
        else:
            yield Step("notifications", State.LEFT_OUT, "as asked; the sweep finds all work")
        if self._engine is Engine.SEAWEEDFS:
            yield seaweedfs.durability(self._place)

    def _bucket(self) -> Step:
        self._is_there, headers = self._client.look()
        if self._wishes.engine is None:
            self._engine = recognise(self._place, self._client.endpoint, headers)
        shown = f"{self._place.bucket} at {self._client.endpoint}, engine: {self._engine}"
        if self._is_there:
            return Step(BUCKET, State.THERE, shown)
        if self._wishes.dry_run:
            return Step(BUCKET, State.PLANNED, shown)
        self._client.make(self._place.region if self._engine is Engine.AWS else "")
        self._is_there = True
        return Step(BUCKET, State.MADE, shown)

    def _conditions(self) -> Step:
        if self._wishes.dry_run:
            return Step(CONDITIONS, State.PLANNED, f"try them with an object below {PROBE_PREFIX}")
        try:
            _with_store(self._url, probe)
        except EkidenError as error:
            raise first_refusal(error) from error
        return Step(CONDITIONS, State.THERE, "honoured")

    def _lifecycle(self) -> Step:
        days = expiry.wanted(self._wishes.expire)
        rules, least = self._client.rules() if self._is_there else ([], "")
        merged = expiry.merge(rules, days, self._place.prefix)
        words = [f"{each}" for each in merged.added]
        words += [f"changed: {each}" for each in merged.changed]
        words += [f"taken away: {each}" for each in merged.removed]
        shown = "; ".join(words) + _warning(expiry.dangers(merged.rules, self._place.prefix))
        if not merged.differs:
            return Step(LIFECYCLE, State.THERE, f"{len(rules)} rules{shown}")
        if self._wishes.dry_run:
            return Step(LIFECYCLE, State.PLANNED, shown)
        self._client.put_rules(merged.rules, least)
        if expiry.merge(self._client.rules()[0], days, self._place.prefix).differs:
            return Step(LIFECYCLE, State.FAILED, "the store took the rules, and has not kept them")
        changed = merged.changed or merged.removed
        return Step(LIFECYCLE, State.CHANGED if changed else State.MADE, shown)

    def _notifications(self) -> Iterator[Step]:
        name, wishes = "notifications", self._wishes
        if self._engine is Engine.AWS:
            yield from self._by_queues()
        elif self._engine is Engine.SEAWEEDFS:
            yield seaweedfs.notify(self._place, wishes.webhook, wishes.token)
        elif self._engine is Engine.OTHER:
            yield Step(name, State.BY_HAND, _UNKNOWN)
        elif not self._is_there:
            yield Step(name, State.PLANNED, ", ".join(minio.targets(wishes.targets).values()))
        else:
            endpoint, targets = self._client.endpoint, wishes.targets
            yield _safely(
                name, lambda: minio.notify(self._place, endpoint, targets, wishes.dry_run)
            )

    def _by_queues(self) -> Iterator[Step]:
        wishes = self._wishes
        queues = aws.Queues(self._client, wishes.queues, wishes.dry_run, dict(wishes.targets))
        failed = False
        for step in queues.steps():
            failed = failed or step.state is State.FAILED
            yield step
        if failed:
            yield Step(aws.NAME, State.LEFT_OUT, "because a queue is missing")
        elif not self._is_there:
            yield Step(aws.NAME, State.PLANNED, ", ".join(queues.arns.values()))
        else:
            yield _safely(aws.NAME, lambda: aws.notify(self._client, queues.arns, wishes.dry_run))


def _safely(name: str, act: Callable[[], Step]) -> Step:
    """The step, also if it fails."""
    try:
        return act()
    except NotOffered as error:
        return Step(name, State.BY_HAND, f"this engine has no call for it: {error}")
    except EkidenError as error:
        return Step(name, State.FAILED, str(error))


def _warning(dangers: list[str]) -> str:
    return f"\nA rule of others deletes what must stay: {'; '.join(dangers)}" if dangers else ""


_UNKNOWN = (
    "how this engine tells of new objects is not known here (--engine minio or aws, if it does as "
    "they do). Set it up by hand for the prefixes in infra/README.md; without, the sweep finds all "
    "work, a little later."
)
