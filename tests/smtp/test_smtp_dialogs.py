"""The real client against servers that misbehave by the book: see `dialogs/README.md`."""

from dataclasses import replace
from pathlib import Path

import pytest
from scripted_server import Dialog, ScriptedServer
from smtp_certificates import Certificates
from smtp_mail import LOOPS, Mail, Reports, deliver, run

from functions.send.smtp import broken_promises
from functions.send.smtp.opening import Login
from functions.send.smtp.options import Options
from functions.send.smtp.target import Target, Tls, Tlsa

FILES = sorted((Path(__file__).parent / "dialogs").glob("*.txt"))
NAMES = ("one", "two", "three", "four")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("trusted_root")
def test_a_server_that(
    path: Path, loop: str, certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        broken_promises, "_found_out", {}
    )  # the port may have been another server's
    dialog = Dialog.read(path)
    certificate = dialog.settings.get("certificate", "self-signed")
    records = tuple(certificates.record(each, certificate) for each in dialog.lists["tlsa"])
    server = ScriptedServer(dialog, certificates.server(certificate))
    mails = waiting(dialog)

    reports = run(converse(dialog, server, mails, records), loop)

    assert server.deviations == []
    shown = zip(reports.lines(), reports.lines(with_text=True), dialog.expected, strict=True)
    assert [text if '"' in want else short for short, text, want in shown] == dialog.expected
    accepted = [name for name, verdict in reports.verdicts if verdict.kind == "accepted"]
    assert {mail.message for mail in mails if mail.name in accepted} <= set(server.messages)


async def converse(
    dialog: Dialog, server: ScriptedServer, mails: list[Mail], records: tuple[Tlsa, ...]
) -> Reports:
    there = replace(target(dialog, await server.start()), tlsa=records)
    reports = await deliver(there, options(dialog), mails)
    await server.close()
    return reports


def waiting(dialog: Dialog) -> list[Mail]:
    if "recipient" in dialog.settings:
        return [Mail("one", (dialog.settings["recipient"],), message=b"Subject: \xc3\xa9\r\n\r\n")]
    count = int(dialog.settings.get("messages", "1"))
    groups = [each.split() for each in dialog.lists["message"]] or [
        [name] for name in NAMES[:count]
    ]
    envelope_id = dialog.settings.get("envelope-id", "")
    mails = [Mail.to(name, also=tuple(also)) for name, *also in groups]
    return [replace(mail, envelope_id=envelope_id) for mail in mails]


def target(dialog: Dialog, port: int) -> Target:
    login = dialog.settings.get("login", "").split()
    return Target(
        "mx.test",
        port,
        "127.0.0.1",
        tls=Tls(dialog.settings.get("tls", "opportunistic")),
        implicit_tls="tls-first" in dialog.settings,
        login=Login(*login) if login else None,
        lmtp="lmtp" in dialog.settings,
    )


def options(dialog: Dialog) -> Options:
    if "patience" not in dialog.settings:
        return Options("client.test")
    each_s = float(dialog.settings["patience"])
    return Options("client.test", greeting_s=each_s, rcpt_s=each_s, body_s=each_s)
