"""`ekiden backlog` over a bucket in which not everything can be read, or listed."""

import asyncio
from typing import Any

import boto3.session
import pytest
import typer
from seaweed import Seaweed
from test_commands import ekiden

from ekiden.cli import backlog
from shared import keys
from shared.backlog import Open, look
from shared.errors import StoreRefused
from shared.store.base import Entry
from shared.store.memory import MemoryStore


def test_a_name_that_nothing_can_read_hides_no_work_and_is_named(seaweed: Seaweed) -> None:
    credentials = {
        "aws_access_key_id": seaweed.access_key_id,
        "aws_secret_access_key": seaweed.secret_access_key,
    }
    client: Any = boto3.session.Session().client(
        "s3", endpoint_url=seaweed.endpoint, region_name="us-east-1", **credentials
    )
    for name in ("a\nb.json", "one.json", "two.json"):
        client.put_object(Bucket=seaweed.bucket, Key=f"backlog/inbox/d/{name}", Body=b"{}")
    said = ekiden("backlog", store_url=seaweed.url("backlog"))
    (line,) = (line for line in said.stdout.splitlines() if "submit" in line)
    assert line.split()[3] == "2"
    assert r"'inbox/d/a\nb.json'" in said.stderr


class InboxRefused(MemoryStore):
    """Lists all but the inbox."""

    async def list_page(self, prefix: str, start_after: str = "", limit: int = 1000) -> list[Entry]:
        if prefix == keys.INBOX:
            raise StoreRefused("AccessDenied: [inbox]")
        return await super().list_page(prefix, start_after, limit)


def test_a_prefix_that_cannot_be_listed_hides_no_other_and_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def looked() -> dict[str, Open]:
        store = InboxRefused()
        await store.put(keys.inbound("one"), b"mail")
        return await look(store)

    found = asyncio.run(looked())
    assert (found["bounce"].number, found["submit"].number) == (1, 0)
    monkeypatch.setattr(backlog, "configuration", lambda *_: None)
    monkeypatch.setattr(backlog, "with_store", lambda *_: found)
    with pytest.raises(typer.Exit):
        backlog.backlog()
    said = capsys.readouterr()
    assert "0, and what was not listed" in said.out
    assert "submit: AccessDenied: [inbox]" in said.err
