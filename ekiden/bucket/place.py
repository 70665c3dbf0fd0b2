"""Which bucket `store.url` names, and where it is."""

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from shared.store import open_store

AWS_HOSTS = (".amazonaws.com", ".amazonaws.com.cn")


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and the part of it that is Ekiden's."""

    bucket: str
    prefix: str = ""
    """What all keys begin with in the bucket, such as `mail/`; "" if it is Ekiden's alone."""
    endpoint: str = ""
    """Empty: AWS, or what the library's own variables say."""
    region: str = "us-east-1"
    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)

    @property
    def is_on_aws(self) -> bool:
        host = urlsplit(self.endpoint).hostname or ""
        return not self.endpoint or host.endswith(AWS_HOSTS)


def place_of(url: str) -> Place | None:
    """The bucket of a store URL; None: the store is no bucket. Raises `Misconfigured`."""
    open_store(url)  # refuses what is wrong; connects to nothing
    parts = urlsplit(url)
    if parts.scheme != "s3":
        return None
    prefix = unquote(parts.path.strip("/"))
    options = dict(parse_qsl(parts.query.replace("+", "%2B")))
    return Place(parts.netloc, f"{prefix}/" if prefix else "", **options)
