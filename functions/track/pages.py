"""What a person sees: small, without anything from elsewhere, in words that need no help."""

from html import escape

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{title}</title><style>
:root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }}
main {{ max-width: 32rem; margin: 15vh auto; padding: 0 1rem }}
button {{ font: inherit; padding: .6rem 1.2rem }}
</style></head><body><main><h1>{title}</h1>{body}</main></body></html>
"""
HEADERS = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


def ask(domain: str) -> bytes:
    """Before anything happens: programs that follow links must not unsubscribe people."""
    body = (
        f"<p>You will get no more mail from {escape(domain)}.</p>"
        '<form method="post"><button autofocus>Unsubscribe</button></form>'
    )
    return _PAGE.format(title="Unsubscribe?", body=body).encode()


def done(domain: str) -> bytes:
    body = f"<p>{escape(domain)} will not write to you again.</p>"
    return _PAGE.format(title="You are unsubscribed", body=body).encode()


def not_found() -> bytes:
    return _PAGE.format(title="Not found", body="<p>There is nothing here.</p>").encode()


def too_late(domain: str) -> bytes:
    body = (
        f"<p>This mail is so old that nobody here knows any more whom {escape(domain)} sent it to. "
        "Please use the link of a younger one, or answer it.</p>"
    )
    return _PAGE.format(title="Too late", body=body).encode()


def later() -> bytes:
    body = "<p>Please try again in a minute: nothing was changed yet.</p>"
    return _PAGE.format(title="Not now", body=body).encode()
