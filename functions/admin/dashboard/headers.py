"""What every answer says to the browser: nothing from elsewhere, no frames, no memory. Pure."""

from collections.abc import Mapping

_POLICY = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "script-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_COMMON = {
    "x-content-type-options": "nosniff",
    # Not `no-referrer`: forms would then say that they come from nowhere (`Origin: null`).
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
HTML = "text/html; charset=utf-8"


def _written(policy: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {value}".strip() for name, value in policy.items())


PAGE: dict[str, str] = _COMMON | {
    "content-type": HTML,
    "content-security-policy": _written(_POLICY),
    "x-frame-options": "DENY",
}
"""Of a page."""

FRAMING_PAGE: dict[str, str] = PAGE | {
    "content-security-policy": _written(_POLICY | {"frame-src": "'self'"}),
}
"""Of a page that shows a mail in a frame."""

STRANGERS_HTML: dict[str, str] = _COMMON | {
    "content-type": HTML,
    "content-security-policy": _written(
        {
            "sandbox": "",
            "default-src": "'none'",
            "style-src": "'unsafe-inline'",
            "img-src": "data:",
            "form-action": "'none'",
            "base-uri": "'none'",
            "frame-ancestors": "'self'",
        }
    ),
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "no-referrer",
}
"""Of a mail's HTML: no script, nothing loaded, an origin of its own; but its looks are its own."""

STATIC: dict[str, str] = _COMMON | {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "cache-control": "private, max-age=31536000, immutable",
}
"""Of a file whose name has its digest."""
