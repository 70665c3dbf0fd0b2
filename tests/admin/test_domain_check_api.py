"""`GET /v1/domains/{domain}/check`: asked of a real name server, and not more often than needed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from admin_desk import OTHER, TOKEN, AdminDesk
from dns_server import SILENCE, DnsServer, Zone
from station import DOMAIN, Answer, answer_of

from functions.admin.resources.domain_check import MOST_AT_ONCE
from shared.http import Request
from shared.provision import add_api_key, add_domain, change_domain

T = TypeVar("T")
OPERATOR = {"x-ekiden-admin-token": TOKEN}
PATH = f"/v1/domains/{DOMAIN}/check"
ZONE: Zone = {
    (DOMAIN, "TXT"): ['"v=spf1 a:mail.sender.example -all"'],
    (DOMAIN, "MX"): ["10 mail.sender.example."],
    (f"_dmarc.{DOMAIN}", "TXT"): ['"v=DMARC1; p=none"'],
    ("mail.sender.example", "A"): ["192.0.2.10"],
    ("10.2.0.192.in-addr.arpa", "PTR"): ["mail.sender.example."],
    (f"t.{OTHER}", "A"): ["127.0.0.1"],
}


class Caller:
    """An operator API whose name server is on the loopback, in one event loop."""

    def __init__(self, desk: AdminDesk, dns: DnsServer) -> None:
        self.desk = desk
        self.dns = dns

    async def get(self, path: str = PATH, headers: dict[str, str] = OPERATOR) -> Answer:
        path, _, query = path.partition("?")
        return answer_of(await self.desk.face.handle(Request("GET", path, headers, b"", query)))


def called(play: Callable[[Caller], Awaitable[T]], always: str = "", **options: str) -> T:
    async def started() -> tuple[DnsServer, str]:
        dns = DnsServer(ZONE, always)
        return dns, await dns.start()

    with asyncio.Runner() as runner:
        dns, place = runner.run(started())
        options.setdefault("send__hostname", "mail.sender.example")
        desk = AdminDesk(send__nameservers=place, **options)
        try:
            return runner.run(_playing(play, Caller(desk, dns)))
        finally:
            dns.close()


async def _playing(play: Callable[[Caller], Awaitable[T]], caller: Caller) -> T:
    return await play(caller)


def test_the_answer_says_what_is_expected_found_and_to_be_published() -> None:
    answer = called(Caller.get)
    assert (answer.status, answer.json["domain"], answer.json["state"]) == (200, DOMAIN, "failed")
    checks = {each["name"]: each for each in answer.json["checks"]}
    assert {name: each["state"] for name, each in checks.items()} == {
        "dkim": "failed",  # its key is not in the zone
        "spf": "ok",
        "dmarc": "ok",
        "bounces": "ok",
        "reverse-dns": "ok",
        "mta-sts": "ok",
        "tls-rpt": "ok",
    }
    (record,) = checks["dkim"]["paste"]
    assert (record["type"], record["name"]) == ("TXT", f"ekiden1._domainkey.{DOMAIN}")
    assert record["value"].startswith("v=DKIM1; k=ed25519; p=")


def test_an_answer_is_remembered_for_some_seconds() -> None:
    async def play(caller: Caller) -> list[int]:
        asked = []
        for seconds in (0, 9, 2):
            caller.desk.now += seconds
            assert (await caller.get()).status == 200
            asked.append(caller.dns.asked[DOMAIN, "TXT"])
        return asked

    assert called(play) == [1, 1, 2]


def test_who_asks_meanwhile_gets_the_same_answer() -> None:
    async def play(caller: Caller) -> int:
        answers = await asyncio.gather(*(caller.get() for _ in range(5)))
        assert {each.status for each in answers} == {200}
        return caller.dns.asked[DOMAIN, "TXT"]

    assert called(play) == 1


def test_a_few_domains_are_looked_at_at_once_and_no_more() -> None:
    async def play(caller: Caller) -> Answer:
        names = [f"d{each}.example" for each in range(MOST_AT_ONCE + 1)]
        for name in names:
            await add_domain(caller.desk.store, name, ["ed25519-sha256"], 0.0)
        calls = [asyncio.create_task(caller.get(f"/v1/domains/{name}/check")) for name in names]
        done, others = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        for each in others:
            each.cancel()
        (first,) = done
        return first.result()

    answer = called(play, SILENCE)
    assert (answer.status, answer.problem) == (503, "unavailable")


def test_a_domain_that_is_not_there_is_not_looked_for() -> None:
    async def play(caller: Caller) -> Answer:
        answer = await caller.get("/v1/domains/nobody.example/check")
        assert not caller.dns.asked
        return answer

    assert called(play).status == 404


def test_reading_is_enough() -> None:
    async def play(caller: Caller) -> list[int]:
        keys = [await _key(caller.desk, scope) for scope in ("read", "send")]
        return [(await caller.get(headers={"authorization": f"Bearer {k}"})).status for k in keys]

    assert called(play) == [200, 403]


async def _key(desk: AdminDesk, scope: str) -> str:
    return await add_api_key(desk.store, DOMAIN, "test", desk.now, scopes=[scope])


def test_only_operators_have_us_knock_at_other_servers() -> None:
    async def play(caller: Caller) -> tuple[Answer, Answer]:
        key = await _key(caller.desk, "admin")
        refused = await caller.get(f"{PATH}?port_25=yes", {"authorization": f"Bearer {key}"})
        return refused, await caller.get(f"{PATH}?port_25=yes")

    refused, allowed = called(play, send__route="smtp://127.0.0.1:9")
    assert (refused.status, refused.problem) == (403, "forbidden")
    found = [each for each in allowed.json["checks"] if each["name"] == "port-25"]
    assert [each["state"] for each in found] == ["failed"]


@pytest.mark.parametrize("value", ["1", "maybe", "%00"])
def test_a_parameter_that_is_no_answer_is_refused(value: str) -> None:
    answer = called(lambda caller: caller.get(f"{PATH}?port_25={value}"))
    assert (answer.status, answer.problem) == (422, "invalid_parameter")


def test_a_domain_cannot_have_us_look_around_inside() -> None:
    async def play(caller: Caller) -> Answer:
        await change_domain(caller.desk.store, OTHER, tracking_host=f"t.{OTHER}")
        return await caller.get(f"/v1/domains/{OTHER}/check")

    found = [e for e in called(play).json["checks"] if e["name"] == "tracking-host"]
    assert "private network" in found[0]["found"]
