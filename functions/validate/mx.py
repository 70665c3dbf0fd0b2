"""Which domains take no mail at all (feature K8): no such domain, or a null MX (RFC 7505)."""

import asyncio
from collections.abc import Mapping, Sequence

from shared.dns import MxResolver, NoMail
from shared.errors import Temporary

_AT_ONCE = 50


def mx_check(nameservers: Sequence[str]):  # type: ignore[no-untyped-def]
    resolver = MxResolver(nameservers)
