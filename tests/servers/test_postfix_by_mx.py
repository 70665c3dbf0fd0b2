"""Straight to the servers that DNS names: Postfix is all of them, each behind another name."""

from private_postfix import PrivatePostfix
from reader_of_mail import ReaderOfMail
from station import run, running_station
from told_outcomes import attempted, first_told, to
from zone_server import Zone

DELIVERED = "delivered 250 2.0.0"


def by_mx(postfix: PrivatePostfix, zone: Zone) -> dict[str, str]:
    return {
        "send__route": "mx",
        "send__nameservers": zone.name_server,
        "send__mx_port": str(postfix.ports["accepting"]),
        "send__connect_timeout": "2s",
    }


def test_each_domain_gets_its_mail_from_its_own_servers(
    postfix: PrivatePostfix, reader: ReaderOfMail, zone: Zone
) -> None:
    zone.publish(
        [
            ("MX", "one.example", "10 mx.one.example."),
            ("A", "mx.one.example", "127.0.0.1"),
            ("A", "two.example", "127.0.0.1"),  # the implicit MX (RFC 5321 §5.1)
            ("MX", "three.example", "0 ."),  # it takes no mail (RFC 7505)
        ]
    )

    async def story() -> None:
        who = [f"ann@{name}.example" for name in ("one", "two", "three", "nowhere")]
        async with running_station(**by_mx(postfix, zone)) as here:
            deliveries = await attempted(here, to(*who))
        seen = {each["recipient"]: each["last"] for each in deliveries}
        assert [seen[each]["outcome"] for each in who] == [
            *("delivered", "delivered", "rejected", "rejected")
        ]
        assert [seen[each].get("host", "") for each in who[:2]] == ["mx.one.example", "two.example"]
        assert [seen[each]["reason"] for each in who[2:]] == ["null_mx", "no_such_domain"]
        for each in who[:2]:
            assert len(await reader.mail_to(each)) == 1

    run(story)


def test_where_the_first_server_is_away_the_second_gets_the_mail(
    postfix: PrivatePostfix, reader: ReaderOfMail, zone: Zone
) -> None:
    """On 127.0.0.2 nothing listens."""
    zone.publish(
        [
            ("MX", "lame.example", "10 away.lame.example."),
            ("A", "away.lame.example", "127.0.0.2"),
            ("MX", "backed.example", "10 away.lame.example."),
            ("MX", "backed.example", "20 backup.backed.example."),
            ("A", "backup.backed.example", "127.0.0.1"),
        ]
    )

    async def story() -> None:
        async with running_station(**by_mx(postfix, zone)) as here:
            outcomes = await first_told(here, to("ann@lame.example", "ann@backed.example"))
        assert outcomes == {
            "ann@lame.example": "deferred connect unreachable",
            "ann@backed.example": DELIVERED,
        }
        assert len(await reader.mail_to("ann@backed.example")) == 1

    run(story)
