"""Routes and name servers."""

import pytest

from shared.config_network import Route, mask, parse_nameserver, parse_route


def test_mx_is_the_route_to_the_recipients_own_servers() -> None:
    assert parse_route("mx") is None


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("smtp://127.0.0.1:2525", Route("127.0.0.1", 2525, tls=False)),
        ("smtp://mail_sink", Route("mail_sink", 25, tls=False)),
        ("smtps://mail.example.com/", Route("mail.example.com", 465, tls=True)),
        ("smtp://[2001:db8::1]:25", Route("2001:db8::1", 25, tls=False)),
        ("smtp://a:b@relay:587", Route("relay", 587, tls=False, user="a", password="b")),
        (
            "smtps://me%40example.com:p%2F%40%3A%C3%A9@relay:465",
            Route("relay", 465, tls=True, user="me@example.com", password="p/@:é"),
        ),
    ],
)
def test_a_smarthost_is_a_url(text: str, route: Route) -> None:
    assert parse_route(text) == route


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MX",
        "relay",
        "relay:25",
        "http://relay",
        "smtp://",
        "smtp://:25",
        "smtp://relay:0",
        "smtp://relay:65536",
        "smtp://relay:port",
        "smtp://relay/path",
        "smtp://relay?tls=1",
        "smtp://relay#x",
        "smtp://re lay",
        "smtp://re\r\nlay",
        "smtp://[::1",
        "smtp://user@relay",
        "smtp://:password@relay",
    ],
)
def test_what_is_no_route_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no route: write mx, smtp://host:port"):
        parse_route(text)


def test_a_route_does_not_show_its_password() -> None:
    assert (
        repr(parse_route("smtp://me:hunter2@relay")) == "Route('relay', 25, tls=False, user='me')"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("mx", "mx"),
        ("smtp://relay:25", "smtp://relay:25"),
        ("smtp://me:hunter2@relay:25", "smtp://me:***@relay:25"),
        ("smtp://me:hun/t@er//2@relay:25", "smtp://me:***@relay:25"),
        ("smtp:/me:hunter2@relay", "***@relay"),
        ("me:hunter2@relay", "***@relay"),
        ("s3://hunter2@bucket", "s3://***@bucket"),
        (
            "s3://b?region=x&secret_access_key=hunter2&a=1",
            "s3://b?region=x&secret_access_key=***&a=1",
        ),
        ("sqlite:////srv/a@b.db", "sqlite:////srv/a@b.db"),
    ],
)
def test_credentials_are_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_a_name_server_is_an_ip_address_with_or_without_a_port() -> None:
    texts = ["192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5353"]
    assert [parse_nameserver(text) for text in texts] == [
        ("192.0.2.1", 53),
        ("192.0.2.1", 5353),
        ("2001:db8::1", 53),
        ("2001:db8::1", 53),
        ("2001:db8::1", 5353),
    ]


@pytest.mark.parametrize(
    "text", ["", "dns", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "300.1.1.1"]
)
def test_what_is_no_name_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no name server"):
        parse_nameserver(text)
