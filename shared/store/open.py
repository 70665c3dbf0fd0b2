"""From the one setting that says where the objects are to a store.

    sqlite:///ekiden.db                  a file, relative to the working directory
    sqlite:////var/lib/ekiden/ekiden.db  a file, absolute
    memory:                              nothing is kept
    s3://BUCKET[/PREFIX]?OPTION=…        endpoint, region, access_key_id, secret_access_key

Without the last two options credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or
from the machine's role. Options may be percent-encoded; a `+` is a plus, for secrets have them.
"""

from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from shared.errors import Misconfigured
from shared.store.base import Store

S3_OPTIONS = {"endpoint", "region", "access_key_id", "secret_access_key"}


def open_store(url: str) -> Store:
    """The store that `url` names; nothing is opened or connected yet. Raises `Misconfigured`."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Misconfigured(f"store: not a URL: {error}") from error
    if parts.scheme == "sqlite":
        return _open_sqlite(parts)
    if parts.scheme == "s3":
        return _open_s3(parts)
    if url == "memory:":
        from shared.store.memory import MemoryStore

        return MemoryStore()
    raise Misconfigured(
        f"store: unknown kind {parts.scheme!r}; use sqlite:///FILE, s3://BUCKET or memory:"
    )


def _open_sqlite(parts: SplitResult) -> Store:
    from shared.store.sqlite import SqliteStore

    path = unquote(parts.path.removeprefix("/"))
    if parts.netloc or parts.query or not path:
        raise Misconfigured(
            "store: write sqlite:///relative.db (three slashes) or sqlite:////absolute.db (four)"
        )
    return SqliteStore(path)


def _open_s3(parts: SplitResult) -> Store:
    from shared.store.s3 import S3Store

    options = dict(parse_qsl(parts.query.replace("+", "%2B")))
    _check_s3(parts, options)
    return S3Store(parts.netloc, prefix=unquote(parts.path.strip("/")) or None, **options)


def _check_s3(parts: SplitResult, options: dict[str, str]) -> None:
    if not parts.netloc:
        raise Misconfigured("store: s3:// needs a bucket, as in s3://BUCKET")
    for unknown in sorted(options.keys() - S3_OPTIONS):
        known = ", ".join(sorted(S3_OPTIONS))
        raise Misconfigured(f"store: s3:// has no option {unknown!r}; it has {known}")
    if not options.get("endpoint", "https://").startswith(("http://", "https://")):
        raise Misconfigured("store: endpoint has to begin with http:// or https://")
    if ("access_key_id" in options) != ("secret_access_key" in options):
        raise Misconfigured("store: access_key_id and secret_access_key go together")
