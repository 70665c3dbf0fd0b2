"""What one Batch takes, counted: requests to a real bucket, processor time, bytes kept.

Once in one process, as under `ekiden serve`; once with every stage apart, as functions are: each
with what it remembers of its own, and each reading its work from the bucket. Nothing sweeps.
"""

import os
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec

from benchmarks import content, interface
from benchmarks.process_memory import tree
from benchmarks.row import Unmeasured
from ekiden.station import Station
from functions.dispatch import assemble as dispatch
from functions.send import assemble as send
from functions.submit import assemble as submit
from functions.sweep import assemble as sweep
from functions.validate import assemble as validate
from shared import config, keys
from shared.batches import outcome_parts, read_outcomes
from shared.config import Config
from shared.domains import Directory
from shared.http import Request, Response
from shared.provision import add_api_key, add_domain
from shared.stage import Stage, Wake, run
from shared.store import open_store
from shared.store.base import list_all
from shared.store.wrap import CountingStore
from shared.watch import Watch

HOUR_S = 3600.0
AS_BILLED = {
    "create": "put",
    "replace": "put",
    "put": "put",
    "list_page": "list",
    "get": "get",
    "delete": "delete",
}
"""What `CountingStore` counts → the operation on the bill."""
FUNCTIONS = ("submit", "validate", "dispatch", "send")
BILLED = FUNCTIONS[:-1]
"""By their time. `send` runs in the pod: a server may let it wait."""
FORGOTTEN_AFTER_S = 30.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


Counted = dict[str, float]
"""What one Batch took: fields of `ekiden.cost.usage.Usage`."""


class _Place:
    """A Domain in a bucket, and what counts there."""

    def __init__(self, config_: Config) -> None:
        self.config = config_
        self.api_key = ""
        self.aside = open_store(config_.store.url)
        """What is asked here is nobody's cost."""

    async def set_up(self) -> None:
        now = time.time()
        if not await self.aside.list_page(keys.domain_record(content.DOMAIN)[:-1], limit=1):
            await add_domain(self.aside, content.DOMAIN, ["rsa-sha256"], now)
        self.api_key = await add_api_key(self.aside, content.DOMAIN, "counted", now)

    def submission(self, recipients: int) -> Request:
        headers = {"authorization": f"Bearer {self.api_key}"}
        body = interface.batch_body(content.recipients(recipients))
        return Request("POST", "/v1/batches", headers, body)

    async def kept_bytes(self, batch: str, recipients: int) -> int:
        """Raises `Unmeasured` where not everything was delivered."""
        parts = await outcome_parts(self.aside, keys.outcomes(batch))
        states = [each.outcome for each in await read_outcomes(self.aside, parts)]
        if states != ["delivered"] * recipients:
            raise Unmeasured(f"not all were delivered: {len(states)} of {recipients}")
        prefixes = (keys.batch_prefix(batch), keys.archived(keys.SUBMITTED))
        entries = [each for prefix in prefixes async for each in list_all(self.aside, prefix)]
        return sum(each.size_bytes for each in entries if batch in each.key)


class OneProcess(_Place):
    """A Station with its renderers: nothing is read that it has in its hands already."""

    def __init__(self, config_: Config) -> None:
        super().__init__(config_)
        self._not_ours = set(tree(os.getpid()))
        self._station = Station(config_)

    async def start(self) -> None:
        await self.set_up()
        await self._station.start()

    async def batch(self, recipients: int) -> Counted:
        """Submit a Batch; return when no work is open."""
        request = self.submission(recipients)
        before, cpu_before_s = Counter(self._station.store.counts), self._cpu_s()
        batch = _accepted(await self._station.handle(request))
        await self._station.relay.idle()
        return {
            **billed(self._station.store.counts - before),
            "machine_cpu_s": self._cpu_s() - cpu_before_s,
            "kept_bytes": await self.kept_bytes(batch, recipients),
        }

    async def sweep(self) -> Counted:
        """One that finds nothing."""
        before = Counter(self._station.store.counts)
        if self._station.transmitter:
            await self._station.transmitter.refresh()
        await self._station.relay.sweep(FORGOTTEN_AFTER_S)
        return billed(self._station.store.counts - before)

    def _cpu_s(self) -> float:
        """Of this process and its renderers."""
        renderers = set(tree(os.getpid())) - self._not_ours
        return time.process_time() + sum(map(_cpu_of_s, renderers))

    async def close(self) -> None:
        await self._station.stop()
        await self.aside.close()


class Apart(_Place):
    """Each stage with a store and a memory of its own; what it is told is a key, no body."""

    def __init__(self, config_: Config) -> None:
        super().__init__(config_)
        self._stores = {name: CountingStore(open_store(config_.store.url)) for name in FUNCTIONS}
        core = submit.submit(config_, self._stores["submit"])
        self._told: deque[Wake] = deque()
        self._face = submit.face(config_, core, Watch(), self._told.append)
        self._send, self._transmitter = send.stage(config_, self._stores["send"])
        self._stages: dict[str, Stage] = {
            "validate": validate.stage(config_, self._stores["validate"]),
            # It remembers for ever: what is looked up again after a while is counted apart.
            "dispatch": dispatch.stage(
                config_,
                self._stores["dispatch"],
                directory=Directory(self._stores["dispatch"], lambda: 0.0),
            ),
            "send": self._send,
        }

    async def start(self) -> None:
        await self.set_up()

    async def batch(self, recipients: int) -> Counted:
        """Submit a Batch; let one function after the other take what it leads to."""
        request = self.submission(recipients)
        before, cpu_s = self._counts(), Counter[str]()
        with _added(cpu_s, "submit"):
            batch = _accepted(await self._face.handle(request))
        runs = Counter({"submit": 1})
        while self._told:
            key = self._told.popleft().key
            name = keys.stage_of(key) or ""
            with _added(cpu_s, name):
                ready = await run(self._stages[name], self._stores[name], time.time, Wake(key))
            self._told += ready
            runs[name] += 1
        requests = {name: billed(self._stores[name].counts - before[name]) for name in before}
        return {
            **{kind: sum(each[kind] for each in requests.values()) for kind in requests["send"]},
            "waited": sum(sum(each.values()) for name, each in requests.items() if name in BILLED),
            "events": sum(runs.values()) - runs["submit"],
            "calls": sum(runs[name] for name in BILLED),
            "function_cpu_s": sum(cpu_s[name] for name in BILLED),
            "machine_cpu_s": cpu_s["send"],
            "kept_bytes": await self.kept_bytes(batch, recipients),
        }

    async def sweep(self) -> Counted:
        """One that finds nothing, by the function, with the counting that each of its turns has."""
        store = CountingStore(self.aside)
        # At a full hour: that is not when suppressions are folded.
        now = (time.time() // HOUR_S + 1) * HOUR_S
        # The first one of a day looks what Domains keep no longer.
        await sweep.sweeping(
            self.config, self.aside, lambda: now - self.config.stats.interval
        ).sweep()
        await sweep.sweeping(self.config, store, lambda: now).sweep()
        counts = billed(store.counts)
        return {**counts, "waited": sum(counts.values()), "calls": 1}

    def _counts(self) -> dict[str, Counter[str]]:
        return {name: Counter(store.counts) for name, store in self._stores.items()}

    async def close(self) -> None:
        await self._transmitter.close()
        for store in (*self._stores.values(), self.aside):
            await store.close()


@asynccontextmanager
async def one_process(store_url: str, sink_port: int, **options: str) -> AsyncIterator[OneProcess]:
    """`options` of the configuration, with `__` for the dot."""
    place = OneProcess(settings(store_url, sink_port, **options))
    await place.start()
    try:
        yield place
    finally:
        await place.close()


@asynccontextmanager
async def apart(store_url: str, sink_port: int, **options: str) -> AsyncIterator[Apart]:
    place = Apart(settings(store_url, sink_port, **options))
    await place.start()
    try:
        yield place
    finally:
        await place.close()


def settings(store_url: str, sink_port: int, **options: str) -> Config:
    flags = {name.replace("__", "."): value for name, value in options.items()}
    flags |= {
        "send.route": interface.route_to(sink_port),
        "send.hostname": "sender.example.org",
        "services.sweep": "off",
    }
    loaded = config.load(environ={}, flags=flags)
    return msgspec.structs.replace(loaded, store=config.Store(url=store_url))


@contextmanager
def _added(cpu_s: Counter[str], name: str) -> Iterator[None]:
    """The processor time of what is done meanwhile."""
    start_s = time.process_time()
    yield
    cpu_s[name] += time.process_time() - start_s  # type: ignore[assignment]


def billed(counts: Counter[str]) -> Counted:
    """put, list, get, delete → how many."""
    found: Counted = dict.fromkeys(AS_BILLED.values(), 0)
    for operation, count in counts.items():
        found[AS_BILLED[operation]] += count
    return found


def _accepted(answer: Response) -> str:
    """The Batch's id. Raises `Unmeasured`."""
    if answer.status != 202:
        raise Unmeasured(f"submit was answered {answer.status}: {answer.body[:200]!r}")
    return str(msgspec.json.decode(answer.body)["batch"])


def _cpu_of_s(pid: int) -> float:
    """Processor time of another process so far (proc(5)); 0 where it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S
