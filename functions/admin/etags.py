"""ETags of what is changed by compare-and-swap (RFC 9110 §8.8.3, §13.1)."""

from shared.http import Problem, Request


def shown(etag: str) -> str:
    """A store's ETag as a header."""
    return f'"{_bare(etag)}"'


def wanted(request: Request, etag: str) -> str | None:
    """The ETag that the change is for, `""` for "there is none yet", None for any.

    `etag` is the present one's, "" if there is none. Raises `Problem` 412.
    """
    if_match = request.headers.get("if-match", "").strip()
    if if_match:
        fits = etag and (if_match == "*" or _bare(etag) in map(_bare, if_match.split(",")))
        if not fits:
            detail = "it is another one than If-Match says: read it again"
            raise Problem(412, "precondition_failed", detail)
        return etag
    if request.headers.get("if-none-match", "").strip() == "*":
        if etag:
            raise Problem(412, "precondition_failed", "there is one already")
        return ""
    return None


def _bare(etag: str) -> str:
    return etag.strip().removeprefix("W/").strip('"')
