"""TLS contexts, each made once per process: loading the trusted certificates takes 75 ms."""

import ssl
from functools import cache

from functions.send.smtp.target import Tls


def context_for(tls: Tls) -> ssl.SSLContext:
    return _verifying() if tls is Tls.VERIFIED else _encrypting()


@cache
def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _encrypting() -> ssl.SSLContext:
    """Any certificate will do: it still keeps out who only listens (RFC 7435)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
