"""URLs that others name: taken when plain, refused when in doubt."""

import pytest

from shared.errors import Malformed
from shared.http_url import HttpUrl, parse


@pytest.mark.parametrize(
    ("text", "url", "authority"),
    [
        ("https://a.example", HttpUrl("https", "a.example", 443, "/"), "a.example"),
        ("HTTPS://A.Example/x?y=1", HttpUrl("https", "a.example", 443, "/x?y=1"), "a.example"),
        ("http://a.example:8080?q", HttpUrl("http", "a.example", 8080, "/?q"), "a.example:8080"),
        ("https://a.example:443/", HttpUrl("https", "a.example", 443, "/"), "a.example"),
        ("https://[2001:DB8::1]/", HttpUrl("https", "2001:db8::1", 443, "/"), "[2001:db8::1]"),
        ("https://192.0.2.1:8443/", HttpUrl("https", "192.0.2.1", 8443, "/"), "192.0.2.1:8443"),
        (
            "https://a_b.xn--p1ai/%20~",
            HttpUrl("https", "a_b.xn--p1ai", 443, "/%20~"),
            "a_b.xn--p1ai",
        ),
    ],
)
def test_a_plain_url_is_taken_apart(text: str, url: HttpUrl, authority: str) -> None:
    assert parse(text) == url
    assert parse(text).authority == authority


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "a.example",
            "//a.example",
            "ftp://a.example",
            "file:///etc/passwd",
            "https:/a",
            "https://",
        ),
        *(
            "https://user@a.example/",
            "https://a.example@127.0.0.1/",
            "https://a.example#@b.example",
        ),
        *("https://a.example\\@b.example/", "https://a.example/\r\nX: y", "https://a.example/ x"),
        *(
            "https://a.example:0/",
            "https://a.example:65536/",
            "https://a.example:1x/",
            "https://a:/",
        ),
        *("https://2130706433/", "https://0x7f000001/", "https://127.1/", "https://0177.0.0.1/"),
        *("https://1.2.3.4.5/", "https://[::1", "https://[::g]/", "https://[fe80::1%25eth0]/"),
        *(
            "https://é.example/",
            "https://a.example/é",
            "https://a..example/",
            "https://-a.example/",
        ),
        *(
            "https://.example/",
            "https://" + "a" * 64 + ".example/",
            "https://a.example/" + "x" * 2000,
        ),
        *(
            "javascript:alert(1)",
            " https://a.example/",
            "https://a.example/\x00",
            "https://a.example/\x7f",
        ),
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse(text)
