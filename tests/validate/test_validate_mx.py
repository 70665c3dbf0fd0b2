"""The MX check of validate, asked for by `validate.check_mx`, with a real name server (K8)."""

from dns_server import SERVFAIL, DnsServer
from station import BATCH, Here, run, running_station

ZONE = {
    ("ok.example", "MX"): ["10 mx.ok.example."],
    ("address.example", "A"): ["192.0.2.1"],
    ("null.example", "MX"): ["0 ."],
    ("xn--bcher-kva.example", "MX"): ["0 ."],
    ("broken.example", "MX"): SERVFAIL,
}
EXPECTED = {
    "ann@ok.example": "",
    "ann@address.example": "",
    "ann@null.example": "null_mx",
    "ben@null.example": "null_mx",
    "ann@bücher.example": "null_mx",
    "ann@missing.example": "no_such_domain",
    "ann@broken.example": "",  # nobody knows: it is not the Recipient who pays for it
}


async def reasons(here: Here) -> dict[str, str]:
    rows = [{"email": each, "fields": {"name": "x"}} for each in EXPECTED]
    batch = await here.submit({**BATCH, "recipients": rows})
    await here.done(batch)
    return {
        each["recipient"]: each["last"].get("reason", "") for each in await here.deliveries(batch)
    }


def test_recipients_whose_domain_takes_no_mail_are_rejected_alone() -> None:
    async def story() -> None:
        server = DnsServer(ZONE)  # type: ignore[arg-type]
        nameserver = await server.start()
        options = {"validate__check_mx": "yes", "send__nameservers": nameserver}
        async with running_station(**options) as here:
            found = await reasons(here)
        server.close()
        expected = {
            address.replace("bücher", "xn--bcher-kva"): why for address, why in EXPECTED.items()
        }
        assert found == expected
        assert server.asked["null.example", "MX"] == 1

    run(story)


def test_without_the_check_nobody_is_asked_and_everybody_is_tried() -> None:
    async def story() -> None:
        server = DnsServer(ZONE)  # type: ignore[arg-type]
        async with running_station(send__nameservers=await server.start()) as here:
            assert set((await reasons(here)).values()) == {""}
        server.close()
        assert not server.asked

    run(story)
