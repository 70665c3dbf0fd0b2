"""Who decides how a session is protected, and which hosts are left out."""

import asyncio
from collections.abc import Mapping

import pytest
from dns_server import SERVFAIL, Signed
from hypothesis import given
from hypothesis import strategies as st
from policy_host import POLICY
from sts_scene import DOMAIN, Scene

from functions.send.protection.decide import (
    HostProtection,
    Protection,
    decide,
    not_in_policy,
    override_for,
)
from functions.send.protection.mta_sts import Mode, Policy
from functions.send.protection.policy import Protections
from functions.send.protection.tlsa import Demand
from functions.send.smtp.target import Tls, Tlsa
from shared.dns import MxHost, MxResolver

MX = f"mx.{DOMAIN}"
KEY = Tlsa(3, 1, 1, b"\xab" * 32)
HOST = MxHost(MX, 10)
STRENGTH = [Tls.NEVER, Tls.OPPORTUNISTIC, Tls.REQUIRED, Tls.VERIFIED, Tls.DANE]


async def protect(
    scene: Scene,
    overrides: Mapping[str, Tls] | None = None,
    *,
    default: Tls = Tls.OPPORTUNISTIC,
    dane: bool = False,
) -> list[HostProtection]:
    """The protection of the hosts that DNS names for the domain."""
    protections = Protections(
        scene.resolver, default, overrides or {}, policies=scene.cache, dane=dane
    )
    return await protections.of(DOMAIN, await scene.resolver.destination(DOMAIN))


def sign(scene: Scene, tlsa: object) -> None:
    scene.zone[DOMAIN, "MX"] = Signed([f"10 {MX}."])
    scene.zone[MX, "A"] = Signed(["192.0.2.1"])
    scene.zone[MX, "AAAA"] = Signed()
    scene.zone[f"_25._tcp.{MX}", "TLSA"] = tlsa  # type: ignore[assignment]


# ---- nothing but the configuration -------------------------------------------------------------


@pytest.mark.parametrize("default", [Tls.NEVER, Tls.OPPORTUNISTIC, Tls.REQUIRED])
def test_with_nothing_switched_on_the_default_holds_and_nobody_is_asked(default: Tls) -> None:
    protections = Protections(MxResolver(["127.0.0.1:1"]), default, {})
    found = asyncio.run(protections.of("example.test", [HOST]))
    assert found == [HostProtection(HOST, Protection(default))]


def test_an_override_goes_before_everything_and_asks_nobody(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1", POLICY.replace("mx.", "other."))
        sign(scene, SERVFAIL)
        (found,) = await protect(scene, {DOMAIN: Tls.NEVER}, dane=True)
        assert found == HostProtection(HOST, Protection(Tls.NEVER, source="override"))
        assert scene.fetched == 0

    scene.act(play)


@pytest.mark.parametrize(
    ("domain", "found"),
    [
        ("example.com", Tls.VERIFIED),
        ("a.example.com", Tls.REQUIRED),
        ("b.a.example.com", Tls.REQUIRED),
        ("x.deep.example.com", Tls.NEVER),
        ("notexample.com", None),
        ("com", None),
        ("", None),
    ],
)
def test_the_closest_override_counts(domain: str, found: Tls | None) -> None:
    overrides = {
        "example.com": Tls.VERIFIED,
        "*.example.com": Tls.REQUIRED,
        "*.deep.example.com": Tls.NEVER,
    }
    assert override_for(domain, overrides) is found


# ---- MTA-STS -----------------------------------------------------------------------------------


def test_an_enforced_policy_verifies_its_hosts_and_leaves_out_the_others(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        scene.zone[DOMAIN, "MX"] = [f"10 {MX}.", "20 stranger.test."]
        ours, stranger = await protect(scene)
        assert ours == HostProtection(HOST, Protection(Tls.VERIFIED, source="mta-sts"))
        assert stranger.refusal == "stranger.test is no server of this domain by its MTA-STS policy"

    scene.act(play)


@pytest.mark.parametrize("mode", ["testing", "none"])
def test_a_policy_that_is_not_enforced_blocks_nothing(scene: Scene, mode: str) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1", POLICY.replace("enforce", mode))
        scene.zone[DOMAIN, "MX"] = [f"10 {MX}.", "20 stranger.test."]
        for each in await protect(scene):
            assert (each.protection, each.refusal) == (Protection(Tls.OPPORTUNISTIC), "")

    scene.act(play)


def test_a_policy_of_the_parent_domain_says_nothing_about_a_subdomain(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        protections = Protections(scene.resolver, Tls.OPPORTUNISTIC, {}, policies=scene.cache)
        (found,) = await protections.of(f"sub.{DOMAIN}", [HOST])
        assert found.protection == Protection(Tls.OPPORTUNISTIC), "RFC 8461 §3.4"

    scene.act(play)


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "localhost", "", "..", "a b", "\x00", "x" * 300])
def test_what_is_no_domain_has_no_policy(scene: Scene, domain: str) -> None:
    async def play(scene: Scene) -> None:
        protections = Protections(scene.resolver, Tls.REQUIRED, {}, policies=scene.cache)
        (found,) = await protections.of(domain, [HOST])
        assert found.protection == Protection(Tls.REQUIRED)
        assert not scene.dns.asked

    scene.act(play)


# ---- DANE --------------------------------------------------------------------------------------


def test_usable_records_go_before_mta_sts_that_names_other_hosts(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1", POLICY.replace("mx.", "other."))
        sign(scene, Signed(["3 1 1 " + "ab" * 32]))
        (found,) = await protect(scene, dane=True)
        assert found == HostProtection(HOST, Protection(Tls.DANE, (KEY,), "dane", MX))

    scene.act(play)


def test_without_the_operators_wish_there_is_no_dane(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        sign(scene, SERVFAIL)
        (found,) = await protect(scene)
        assert found == HostProtection(HOST, Protection(Tls.OPPORTUNISTIC))

    scene.act(play)


def test_a_host_with_bogus_records_is_left_out_and_no_other(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        sign(scene, SERVFAIL)
        scene.zone[DOMAIN, "MX"] = Signed([f"10 {MX}.", f"20 backup.{DOMAIN}."])
        bogus, backup = await protect(scene, dane=True)
        assert bogus.refusal.startswith(f"TLSA records of {MX} are bogus")
        assert backup.refusal == ""

    scene.act(play)


def test_records_that_cannot_be_checked_require_tls_all_the_same(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        sign(scene, Signed(["1 1 1 " + "ab" * 32]))
        (found,) = await protect(scene, dane=True)
        assert found == HostProtection(HOST, Protection(Tls.REQUIRED, source="dane"))

    scene.act(play)


def test_records_that_cannot_be_checked_switch_off_no_mta_sts(scene: Scene) -> None:
    async def play(scene: Scene) -> None:
        scene.publish("1")
        sign(scene, Signed(["1 1 1 " + "ab" * 32]))
        (found,) = await protect(scene, dane=True)
        assert found.protection == Protection(Tls.VERIFIED, source="mta-sts")

    scene.act(play)


# ---- the rule itself ---------------------------------------------------------------------------

POLICIES = st.none() | st.builds(
    Policy, st.sampled_from(Mode), st.just(1), st.sampled_from([(MX,), ("other.test",)])
)
DEMANDS = st.none() | st.builds(Demand, st.just(MX), st.sampled_from([(), (KEY,)]))


@given(st.sampled_from(STRENGTH[:4]), POLICIES, DEMANDS)
def test_nothing_that_is_published_weakens_the_default(
    default: Tls, policy: Policy | None, demand: Demand | None
) -> None:
    found = decide(HOST, default, policy, demand)
    assert STRENGTH.index(found.protection.tls) >= STRENGTH.index(default)
    assert found.refusal in ("", not_in_policy(HOST))
    if found.refusal:
        assert policy is not None
        assert policy.mode is Mode.ENFORCE
        assert not (demand and demand.usable)
