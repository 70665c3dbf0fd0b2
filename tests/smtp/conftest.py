"""Certificates, made anew for every run."""

import ssl
from collections.abc import Iterator

import pytest
from smtp_certificates import Certificates

from functions.send.smtp import tls
from functions.send.smtp.target import Tls


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def self_signed(certificates: Certificates) -> ssl.SSLContext:
    return certificates.server("self-signed")


@pytest.fixture(scope="session")
def trusted_root(certificates: Certificates) -> Iterator[None]:
    """This machine trusts the root of these certificates, as far as OpenSSL is asked."""
    path = certificates.folder / "root.pem"
    path.write_bytes(certificates.root.pem)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        tls._verifying.cache_clear()
        tls.context_for(Tls.VERIFIED)
    yield
    tls._verifying.cache_clear()
