"""Hosts are tried by preference, and destinations are known by their hosts."""

from random import Random

import pytest

from functions.send.smtp.opening import Login
from functions.send.smtp.options import Options
from functions.send.smtp.target import Destination, Target
from functions.send.smtp.verdict import Peer, Verdict, most_hopeful, refused_here, unanswered
from shared.errors import Misconfigured


def test_hosts_come_by_preference_and_equals_in_any_order() -> None:
    hosts = [Target(name, preference=rank) for name, rank in [("c", 20), ("a", 10), ("b", 10)]]
    orders = {
        "".join(host.host for host in Destination("d", tuple(hosts)).in_order(Random(seed)))
        for seed in range(50)
    }
    assert orders == {"abc", "bac"}


def test_domains_with_the_same_hosts_are_one_destination() -> None:
    one = Destination.of_hosts([Target("mx1.test", preference=1), Target("mx2.test")])
    two = Destination.of_hosts([Target("mx2.test"), Target("mx1.test")])
    assert one.name == two.name == "mx1.test:25,mx2.test:25"


def test_a_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Target("mx.test", login=Login("me", "hunter2")))


@pytest.mark.parametrize("name", ["", "mail server", "x\r\nRSET", "börse.test"])
def test_we_greet_with_a_host_name_only(name: str) -> None:
    with pytest.raises(Misconfigured, match="no host name"):
        Options(name)


def test_one_server_that_may_still_take_it_keeps_the_message_alive() -> None:
    peer = Peer("mx.test")
    never = refused_here(peer, "greeting", 554, "", "blocked")
    later = refused_here(peer, "greeting", 421, "", "busy")
    silent = unanswered(peer, "connect", "refused")

    def best(*verdicts: Verdict) -> Verdict:
        return most_hopeful(list(verdicts))

    assert best(never, silent) is silent
    assert best(silent, later, never) is later
    assert best(never) is never
