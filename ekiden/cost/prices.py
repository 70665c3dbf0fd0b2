"""What things cost: the price file, checked, with the place of what is wrong in it.

Each price says its unit, where it was read and when; the shipped ones are examples.
"""

from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from shared.errors import Malformed

SHIPPED = Path(__file__).with_name("prices.yaml")
MOST_BYTES = 1_000_000

_UNITS: dict[str, float] = {
    "request": 1,
    "1,000 requests": 1e3,
    "1,000,000 requests": 1e6,
    "mail": 1,
    "1,000 mails": 1e3,
    "1,000,000 mails": 1e6,
    "GB-month": 1,
    "GB": 1,
    "month": 1,
    "vCPU-second": 1,
    "vCPU-hour": 3600,
    "GB-second": 1,
    "GB-hour": 3600,
}
"""What a price is for → how many of the smallest unit that is."""

Positive = Annotated[float, Meta(gt=0)]
Text = Annotated[str, Meta(min_length=1, max_length=500)]


class _Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    usd: Annotated[float, Meta(ge=0)]
    per: str
    source: Text
    """The page."""
    date: Text
    """When that page said so; or that nobody has looked."""

    def __post_init__(self) -> None:
        if not isfinite(self.usd):
            raise ValueError("`usd` has to be a number")

    @property
    def each(self) -> float:
        """For one of the smallest unit."""
        return self.usd / _UNITS[self.per]


class OfRequests(_Price, frozen=True, kw_only=True):
    per: Literal["request", "1,000 requests", "1,000,000 requests"]


class OfMails(_Price, frozen=True, kw_only=True):
    per: Literal["mail", "1,000 mails", "1,000,000 mails"]


class OfStorage(_Price, frozen=True, kw_only=True):
    per: Literal["GB-month"]


class OfData(_Price, frozen=True, kw_only=True):
    per: Literal["GB"]


class OfProcessor(_Price, frozen=True, kw_only=True):
    per: Literal["vCPU-second", "vCPU-hour"]


class OfMemory(_Price, frozen=True, kw_only=True):
    per: Literal["GB-second", "GB-hour"]


class OfMonth(_Price, frozen=True, kw_only=True):
    per: Literal["month"]


class Bucket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is not named costs nothing."""

    put: OfRequests | None = None
    list: OfRequests | None = None
    get: OfRequests | None = None
    delete: OfRequests | None = None
    storage: OfStorage | None = None


class Functions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a function runs, and what its time costs."""

    vcpus: Positive
    memory_gb: Positive
    wait_ms: Annotated[float, Meta(ge=0)]
    """Until the store answers a request: billed, too. An assumption."""
    calls: OfRequests | None = None
    memory: OfMemory | None = None
    processor: OfProcessor | None = None


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What always runs: the pod, or `serve`. A second one is taken when it is half busy."""

    vcpus: Positive
    memory_gb: Positive
    flat: OfMonth | None = None
    processor: OfProcessor | None = None
    memory: OfMemory | None = None


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place to run Ekiden."""

    title: Text
    shape: Literal["one-process", "functions"]
    machine: Machine
    bucket: Bucket = Bucket()
    functions: Functions | None = None
    queue: OfRequests | None = None
    egress: OfData | None = None

    def __post_init__(self) -> None:
        if self.shape == "functions" and self.functions is None:
            raise ValueError("the shape `functions` needs a price in `functions`")


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many mails for a price a month; without `extra`, no more."""

    mails: Annotated[float, Meta(ge=0)]
    price: OfMonth
    extra: OfMails | None = None


class Hosted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A hosted sender."""

    title: Text
    plans: Annotated[list[Plan], Meta(min_length=1)]
    data: OfData | None = None


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price file."""

    note: str
    providers: Annotated[dict[str, Provider], Meta(min_length=1)]
    hosted: dict[str, Hosted] = {}


def load(path: Path = SHIPPED) -> Prices:
    """YAML, or JSON, which is YAML too. Raises `Malformed` with the place."""
    import yaml

    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise Malformed(f"{path} cannot be read: {error.strerror or error}") from error
    if len(text) > MOST_BYTES:
        raise Malformed(f"{path} has more than {MOST_BYTES:,} bytes: this is no price file")
    try:
        return msgspec.convert(yaml.safe_load(text), Prices)
    except msgspec.ValidationError as error:
        raise Malformed(f"{path}: {error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise Malformed(f"{path} is no price file: {said}") from error
