"""Policy files come over HTTPS from the right host, whole, or not at all (RFC 8461 §3.3)."""

import pytest
from policy_host import Authority, page
from sts_scene import DOMAIN, HOST, LOOPS, Scene

from functions.send.protection.mta_sts_fetch import MOST_BYTES, NotFetched
from shared.errors import Temporary

TEXT = "version: STSv1"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=utf-8\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n7\r\nversion\r\n7\r\n: STSv1\r\n0\r\n\r\n"
)
OLD = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nversion: STSv1"


async def fetch(scene: Scene) -> str:
    return await scene.fetch(DOMAIN)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("answer", [page(TEXT), CHUNKED, OLD])
def test_a_policy_file_is_fetched(scene: Scene, answer: bytes, loop: str) -> None:
    async def play(scene: Scene) -> None:
        scene.host.pages[HOST] = answer
        assert await fetch(scene) == TEXT
        (request,) = scene.host.requests
        assert request.startswith("GET /.well-known/mta-sts.txt HTTP/1.1\r\n")

    scene.act(play, loop=loop)


def test_one_of_several_addresses_is_enough(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.zone[HOST, "A"] = ["127.0.0.99", "127.0.0.1"]
        scene.host.pages[HOST] = page(TEXT)
        assert await fetch(scene) == TEXT

    scene.act(play)


@pytest.mark.parametrize(
    "answer",
    [
        page(TEXT, "301 Moved\r\nLocation: https://mta-sts.example.test/other"),
        page(TEXT, "404 Not Found"),
        page(TEXT, "500 Oops"),
        page(TEXT, "204 No Content"),
        page("<html>", content_type="text/html"),
        page(TEXT, content_type="text/plainest"),
        b"HTTP/1.1 200 OK\r\n\r\nversion: STSv1",
        page("a" * (MOST_BYTES + 1)),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n" + b"a" * (MOST_BYTES + 1),
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000,
        page(TEXT)[:-1],
        page(TEXT)[:20],
        page(TEXT).replace(b"STSv1", b"STS\xff1"),
        b"\x00\xff" * 50,
        b"SSH-2.0-OpenSSH\r\n",
        b"",
    ],
)
def test_anything_else_is_no_policy_file(scene: Scene, answer: bytes) -> None:
    async def play(scene: Scene) -> None:
        scene.host.pages[HOST] = answer
        with pytest.raises(NotFetched) as failure:
            await fetch(scene)
        assert isinstance(failure.value, Temporary)

    scene.act(play)


def test_a_redirect_is_not_followed(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.host.pages[HOST] = page("", f"302 Found\r\nLocation: https://{HOST}/")
        with pytest.raises(NotFetched, match="302"):
            await fetch(scene)
        assert scene.fetched == 1

    scene.act(play)


def test_a_host_that_never_answers_costs_a_bounded_time(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        with pytest.raises(NotFetched, match=r"nothing within 0\.2 s"):
            await fetch(scene)

    scene.act(play, timeout_s=0.2)


def test_a_certificate_for_another_name_is_not_taken(authority: Authority) -> None:
    async def play(scene: Scene) -> None:
        scene.host.pages[HOST] = page(TEXT)
        with pytest.raises(NotFetched, match="certificate"):
            await fetch(scene)
        assert scene.fetched == 0

    Scene(authority, "www.example.test").act(play)


def test_an_authority_that_nobody_trusts_is_not_taken(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.trust(Authority())
        with pytest.raises(NotFetched, match="certificate"):
            await fetch(scene)

    scene.act(play)


def test_a_policy_host_without_an_address_has_no_policy_file(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        del scene.zone[HOST, "A"]
        with pytest.raises(NotFetched, match="does not exist"):
            await fetch(scene)

    scene.act(play)


def test_a_policy_host_that_is_not_there_has_no_policy_file(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.host.close()
        with pytest.raises(NotFetched):
            await fetch(scene)

    scene.act(play)
