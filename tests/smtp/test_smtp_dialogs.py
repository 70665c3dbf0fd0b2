"""The real client against servers that misbehave by the book: see `dialogs/README.md`."""

import ssl
from collections import deque
from pathlib import Path
from random import Random

import pytest
from scripted_server import Dialog, ScriptedServer
from smtp_mail import LOOPS, Mail, Reports, run

from functions.send.smtp.opening import Login
from functions.send.smtp.options import Options
from functions.send.smtp.outgoing import Outgoing
from functions.send.smtp.pool import Limits, Pool
from functions.send.smtp.target import Destination, Target, Tls

FILES = sorted((Path(__file__).parent / "dialogs").glob("*.txt"))
NAMES = ("one", "two", "three", "four")


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_server_that(path: Path, loop: str, self_signed: ssl.SSLContext) -> None:
    dialog = Dialog.read(path)
    server = ScriptedServer(dialog, self_signed)
    mails = waiting(dialog)

    reports = run(converse(dialog, server, mails), loop)

    assert server.deviations == []
    shown = zip(reports.lines(), reports.lines(with_text=True), dialog.expected, strict=True)
    assert [text if '"' in want else short for short, text, want in shown] == dialog.expected
    accepted = [name for name, verdict in reports.verdicts if verdict.kind == "accepted"]
    assert {mail.message for mail in mails if mail.name in accepted} <= set(server.messages)


async def converse(dialog: Dialog, server: ScriptedServer, mails: list[Mail]) -> Reports:
    port = await server.start()
    pool = Pool(options(dialog), Random(0), limits=Limits(connections=1))
    reports = Reports()
    queue: deque[Outgoing] = deque(mails)
    await pool.deliver(Destination("it", (target(dialog, port),)), queue, reports)
    await pool.close()
    await server.close()
    return reports


def waiting(dialog: Dialog) -> list[Mail]:
    if "recipient" in dialog.settings:
        return [Mail("one", dialog.settings["recipient"], message=b"Subject: \xc3\xa9\r\n\r\n")]
    count = int(dialog.settings.get("messages", "1"))
    return [Mail.to(name) for name in NAMES[:count]]


def target(dialog: Dialog, port: int) -> Target:
    login = dialog.settings.get("login", "").split()
    return Target(
        "mx.test",
        port,
        "127.0.0.1",
        tls=Tls(dialog.settings.get("tls", "opportunistic")),
        implicit_tls="tls-first" in dialog.settings,
        login=Login(*login) if login else None,
    )


def options(dialog: Dialog) -> Options:
    if "patience" not in dialog.settings:
        return Options("client.test")
    each_s = float(dialog.settings["patience"])
    return Options("client.test", greeting_s=each_s, rcpt_s=each_s, body_s=each_s)
