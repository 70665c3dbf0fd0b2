"""The faults of Postfix's own test server: at each command it refuses, hangs up, or waits."""

import pytest
from other_servers import running_smtp_sink
from private_postfix import ServerMissing
from station import run, running_station
from told_outcomes import attempted, first_told, to

WHO = "ann@sink.example"

FAULTS = {
    "-r CONNECT": "deferred greeting 450 4.3.0 unreachable",
    "-r MAIL": "deferred mail 450 4.3.0 other",
    "-r RCPT": "deferred rcpt 450 4.3.0 other",
    "-r DATA": "deferred data 450 4.3.0 other",
    "-r .": "deferred body 450 4.3.0 other",
    "-f CONNECT": "bounced greeting 500 5.3.0 blocked_address",
    "-f MAIL": "bounced mail 500 5.3.0 other",
    "-f RCPT": "bounced rcpt 500 5.3.0 other",
    "-f DATA": "bounced data 500 5.3.0 other",
    "-f .": "bounced body 500 5.3.0 other",
    "-f EHLO": "delivered 250 2.0.0",  # then we say HELO
    "-f QUIT": "delivered 250 2.0.0",
    "-q CONNECT": "deferred greeting unreachable",
    "-q EHLO": "deferred ehlo unreachable",
    "-q MAIL": "deferred mail unreachable",
    "-q RCPT": "deferred rcpt unreachable",
    "-q DATA": "deferred data unreachable",
    "-q .": "deferred body unreachable",
    "-q QUIT": "delivered 250 2.0.0",
    "-Q CONNECT": "deferred greeting 421 4.0.0 unreachable",
    "-Q EHLO": "deferred ehlo 421 4.0.0 unreachable",
    "-Q MAIL": "deferred mail 421 4.0.0 unreachable",
    "-Q RCPT": "deferred rcpt 421 4.0.0 unreachable",
    "-Q DATA": "deferred data 421 4.0.0 unreachable",
    "-Q .": "deferred body 421 4.0.0 unreachable",
    "-A 0": "bounced body 550 other",  # says 354, then 550 before it has the message
    # It announces PIPELINING, and answers what came behind before what it is still thinking about:
    # 503 then, which is no word about the mail. It goes command by command over a new connection.
    "-W MAIL:1": "delivered 250 2.0.0",
    "-W RCPT:1": "delivered 250 2.0.0",
    "-p -W MAIL:1": "delivered 250 2.0.0",
    "-w 1": "delivered 250 2.0.0",
    "-e": "delivered 250 2.0.0",
    "-P": "delivered 250 2.0.0",
    "-p": "delivered 250 2.0.0",
    "-8 -E -N": "delivered 250 2.0.0",
}


async def outcome_of(*options: str) -> str:
    try:
        server = running_smtp_sink(*options)
        with server as route:
            async with running_station(send__route=route) as here:
                return (await first_told(here, to(WHO)))[WHO]
    except ServerMissing as reason:
        pytest.skip(str(reason))


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_its_outcome(fault: str) -> None:
    async def story() -> None:
        assert await outcome_of(*fault.split()) == FAULTS[fault]

    run(story)


@pytest.mark.parametrize(("options", "ambiguous"), [("-q .", True), ("-Q .", False)])
def test_only_silence_after_the_dot_is_ambiguous(options: str, ambiguous: bool) -> None:
    """A reply, whatever it is, says that the server does not have it."""

    async def story() -> None:
        try:
            with running_smtp_sink(*options.split()) as route:
                async with running_station(send__route=route) as here:
                    [delivery] = await attempted(here, to(WHO))
        except ServerMissing as reason:
            pytest.skip(str(reason))
        assert delivery["last"].get("ambiguous", False) is ambiguous

    run(story)
