"""One Postfix for all tests of this folder, and the servers that it works with."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from other_servers import running_postgrey
from postfix_manners import FILES, services
from private_postfix import PrivatePostfix, ServerMissing, running_postfix
from private_rspamd import running_rspamd
from reader_of_mail import ReaderOfMail, running_reader
from self_signed import self_signed
from zone_server import Zone, running_zone


@pytest.fixture(scope="session")
def reader() -> Iterator[ReaderOfMail]:
    with running_reader() as reader:
        yield reader


@pytest.fixture(scope="session")
def postgrey() -> Iterator[int]:
    """Its port, or 0 where there is none."""
    with ExitStack() as stack:
        try:
            port = stack.enter_context(running_postgrey(delay_s=1))
        except ServerMissing:
            port = 0
        yield port


@pytest.fixture(scope="session")
def zone() -> Iterator[Zone]:
    """What DNS says."""
    with running_zone() as zone:
        yield zone


@pytest.fixture(scope="session")
def rspamd(zone: Zone) -> Iterator[int]:
    """Its port, or 0 where there is none."""
    with ExitStack() as stack:
        try:
            port = stack.enter_context(running_rspamd(zone.port))
        except ServerMissing:
            port = 0
        yield port


@pytest.fixture(scope="session")
def postfix(reader: ReaderOfMail, postgrey: int, rspamd: int) -> Iterator[PrivatePostfix]:
    certificate, key = self_signed("postfix.example")
    files = {**FILES, "certificate.pem": certificate, "key.pem": key}
    with ExitStack() as stack:
        try:
            running = running_postfix(services(postgrey, rspamd), files, reader.port)
            instance = stack.enter_context(running)
        except ServerMissing as reason:
            pytest.skip(str(reason))
        yield instance
