"""Mail programs that others wrote submit through the listener: Postfix, msmtp, swaks (Debian)."""

import asyncio
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest
from desk import DOMAIN
from smtp_desk import HOST, MESSAGE, WAIT_S
from submission_desk import Here, with_desk

from benchmarks.postfix import Instance
from benchmarks.row import Unmeasured

BODY = b"a line\r\n..two dots\r\n.\r\nthe end, with an \xc3\xa9\r\n"


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing (Debian: {name})")
    return found


async def ran(*command: str, sent: bytes = b"") -> None:
    """Run a program that has to succeed."""
    done = await asyncio.to_thread(
        subprocess.run, command, input=sent, capture_output=True, timeout=WAIT_S
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


@pytest.mark.parametrize("way", ["STARTTLS", "TLS"])
@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_msmtp_submits(way: str, mechanism: str, tmp_path: Path) -> None:
    msmtp = program("msmtp")

    async def told(here: Here) -> None:
        options = [
            *(f"--host={HOST}", f"--port={here.tls_port if way == 'TLS' else here.port}"),
            *("--tls=on", "--tls-certcheck=off", f"--auth={mechanism}", f"--user={DOMAIN}"),
            f"--tls-starttls={'off' if way == 'TLS' else 'on'}",
            f"--passwordeval=echo {here.desk.api_key}",
            f"--from=news@{DOMAIN}",
        ]
        message = (MESSAGE + BODY).replace(b"\r\n", b"\n")
        await ran(msmtp, "--file=/dev/null", *options, "ann@sink.example", sent=message)
        content = await here.stored()
        assert content.message.encode("latin-1").endswith(MESSAGE + BODY)
        assert content.reports_to == f"news@{DOMAIN}"

    with_desk(told)


@pytest.mark.parametrize("way", ["--tls", "--tls-on-connect"])
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_submits(way: str, mechanism: str) -> None:
    swaks = program("swaks")

    async def told(here: Here) -> None:
        port = here.tls_port if way == "--tls-on-connect" else here.port
        await ran(
            *(swaks, way, "--server", f"{HOST}:{port}", "--auth", mechanism, "--pipeline"),
            *("--auth-user", f"app@{DOMAIN}", "--auth-password", here.desk.api_key),
            *("--from", f"news@{DOMAIN}", "--to", "ann@sink.example,bob@sink.example"),
        )
        assert (await here.stored()).accepted == 2

    with_desk(told)


def submitting(here: Here, port: int, is_wrapped: bool) -> Instance:
    """A Postfix that logs in at its relay host."""
    postfix = Instance(
        port,
        smtp_tls_security_level="encrypt",
        smtp_tls_wrappermode="yes" if is_wrapped else "no",
        smtp_sasl_auth_enable="yes",
        smtp_sasl_security_options="noanonymous",
        smtp_sasl_password_maps=f"static:{DOMAIN}:{here.desk.api_key}",
    )
    postfix.start()
    return postfix


@pytest.mark.parametrize("way", ["STARTTLS", "TLS"])
def test_postfix_relays_through_the_listener(way: str) -> None:
    if not list(Path("/usr/lib").glob("*/sasl2/libplain.so")):
        pytest.skip("Postfix cannot log in (Debian: libsasl2-modules)")

    async def told(here: Here) -> None:
        port = here.tls_port if way == "TLS" else here.port
        try:
            postfix = await asyncio.to_thread(submitting, here, port, way == "TLS")
        except Unmeasured as reason:
            pytest.skip(str(reason))
        try:

            def hand_over() -> None:
                with smtplib.SMTP(HOST, postfix.port) as client:
                    to = ["ann@sink.example"]
                    client.sendmail(f"news@{DOMAIN}", to, MESSAGE + BODY, ["BODY=8BITMIME"])

            await asyncio.to_thread(hand_over)
            await asyncio.wait_for(here.first.wait(), WAIT_S)
        finally:
            await asyncio.to_thread(postfix.stop)
            postfix.remove()
        content = await here.stored()
        message = content.message.encode("latin-1")
        assert message.endswith(BODY)
        assert b"Received: " in message  # Postfix says where it had it from
        assert (content.accepted, content.reports_to) == (1, f"news@{DOMAIN}")

    with_desk(told)
