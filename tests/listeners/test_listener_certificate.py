"""The listeners' TLS: a certificate from files, a changed one, none at all, and which versions."""

import asyncio
import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from smtp_desk import HOST, Client, Keeping, listening, story, trusting

from shared.config_listeners import Listen
from shared.errors import Misconfigured
from shared.smtp_server.certificate import Certificate, self_signed


async def shown(port: int) -> str:
    """The name in the certificate that a new session shows."""
    from cryptography import x509

    client = await Client.greeted(port)
    await client.starts_tls()
    der = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    client.close()
    name = x509.load_der_x509_certificate(der).subject
    return str(name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)


def write(path: Path, host: str, stamp: int) -> None:
    path.write_bytes(self_signed(host, datetime.now(UTC)))
    os.utime(path, (stamp, stamp))


def test_a_changed_certificate_counts_for_the_next_session(tmp_path: Path) -> None:
    async def told() -> None:
        path = tmp_path / "tls.pem"
        write(path, "one.example", 1)
        async with listening(Keeping(), listen=Listen(tls_certificate=str(path))) as (port, _):
            assert await shown(port) == "one.example"
            write(path, "two.example", 2)
            assert await shown(port) == "two.example"
            path.write_text("half a certificate")
            assert await shown(port) == "two.example"
            path.unlink()
            assert await shown(port) == "two.example"
            write(path, "three.example", 3)
            assert await shown(port) == "three.example"

    story(told)


def test_without_a_certificate_there_is_one_for_our_name() -> None:
    async def told() -> None:
        async with listening(Keeping()) as (port, _):
            assert await shown(port) == "mx.example"

    story(told)


def test_a_self_signed_certificate_can_be_pinned(tmp_path: Path) -> None:
    async def told() -> None:
        path = tmp_path / "tls.pem"
        write(path, "mx.example", 1)
        async with listening(Keeping(), True, Listen(tls_certificate=str(path))) as (port, _):
            context = ssl.create_default_context(cafile=str(path))
            reader, _ = await asyncio.open_connection(
                HOST, port, ssl=context, server_hostname="mx.example"
            )
            assert (await reader.readline())[:3] == b"220"

    story(told)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_versions_before_1_2_are_refused() -> None:
    async def told() -> None:
        async with listening(Keeping(), is_tls=True) as (port, _):
            old = trusting()
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection(HOST, port, ssl=old)

    story(told)


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_certificate_that_cannot_be_read_stops_the_start(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "tls.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(Misconfigured, match=r"listen\.tls_certificate"):
        Certificate(str(path), "", "mx.example")
