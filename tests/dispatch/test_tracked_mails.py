"""Tracked mails: only attributes change, and a token says what its level allows."""

import re

import pytest
from dispatching import BATCH, DOMAIN, DUE_AT, bag_of, content, job_of

from functions.dispatch.job import render
from functions.send import bagfile
from shared import tracking_keys
from shared.model import Row, message_bytes
from shared.tracking import Level, Tracking
from shared.tracking_tokens import CLICK, OPEN, UNSUBSCRIBE, verified

URL = "https://t.example"
KEYS = tracking_keys.renewed(None, DUE_AT)
HTML = (
    "<body><p>Dear {{ name }}</p>"
    '<a class="x" href="https://shop.example/?a=1&amp;b={{ name }}">A</a>\r\n'
    "<a href='https://shop.example/same'>B</a><a href='https://shop.example/same'>C</a>\r\n"
    '<a data-no-track href="https://shop.example/quiet">D</a><a href="mailto:x@y.example">E</a>\r\n'
    "</body>\r\n"
)
PEOPLE = [{"name": "Ann"}, {"name": "Bob"}]


def mails(tracking: Tracking | None, *rows: Row | dict[str, str], **more: object) -> list[str]:
    import msgspec

    said = content(html=HTML, tracking=tracking, tracking_url=URL, **more)
    job = msgspec.structs.replace(
        job_of(said, bag_of(*(rows or PEOPLE))), tracking=msgspec.json.encode(KEYS)
    )
    header, envelopes = bagfile.decode(render(job))
    return [message_bytes(each, header.shared).decode() for each in envelopes]


def body(mail: str) -> str:
    return mail.partition("\r\n\r\n")[2].replace("=\r\n", "").replace("=3D", "=")


def tokens(mail: str, kind: str) -> list[str]:
    return re.findall(rf"{URL}/{kind}/([A-Za-z0-9_-]+)", body(mail))


def test_links_lead_through_track_and_everything_else_stays() -> None:
    plain, tracked = mails(None)[0], mails(Tracking(links=Level.IDENTIFIED))[0]
    clicks = tokens(tracked, CLICK)
    assert len(clicks) == 3
    restored = body(tracked)
    for token in clicks:
        url = verified(token, CLICK, KEYS.secrets, DUE_AT).url
        restored = restored.replace(f"{URL}/c/{token}", url.replace("&", "&amp;"))
    assert restored == body(plain).replace(" data-no-track", "").replace("data-no-track ", "")


def test_every_link_carries_its_delivery_and_a_repeated_one_its_token() -> None:
    for n, mail in enumerate(mails(Tracking(links=Level.IDENTIFIED))):
        first, second, third = tokens(mail, CLICK)
        token = verified(first, CLICK, KEYS.secrets, DUE_AT)
        assert token.delivery == f"{BATCH}.0003.{n:04d}"
        assert token.url == f"https://shop.example/?a=1&b={PEOPLE[n]['name']}"
        assert second == third


def test_a_pixel_stands_before_the_end_of_the_body() -> None:
    (mail, _) = mails(Tracking(opens=Level.PSEUDONYMOUS))
    (token,) = tokens(mail, OPEN)
    assert f'src="{URL}/o/{token}"' in body(mail)
    assert body(mail).index(token) < body(mail).index("</body>")
    said = verified(token, OPEN, KEYS.secrets, DUE_AT)
    assert (said.delivery, said.domain) == ("", DOMAIN)
    assert said.pseudonym


def test_anonymous_mails_share_their_tokens() -> None:
    one, other = mails(Tracking(Level.ANONYMOUS, Level.ANONYMOUS))
    assert tokens(one, OPEN) == tokens(other, OPEN)
    assert tokens(one, CLICK)[1:] == tokens(other, CLICK)[1:]


def test_a_recipient_may_be_watched_less() -> None:
    rows = [
        Row(0, "a@sink.example", PEOPLE[0]),
        Row(1, "b@sink.example", PEOPLE[1], tracking=Tracking()),
    ]
    watched, not_watched = mails(Tracking(Level.FULL, Level.FULL), *rows)
    assert tokens(watched, OPEN)
    assert tokens(watched, CLICK)
    assert URL not in not_watched


@pytest.mark.parametrize("tracking", [None, Tracking()])
def test_what_is_not_watched_is_not_changed(tracking: Tracking | None) -> None:
    assert all(URL not in mail for mail in mails(tracking))


def test_ekidens_own_page_unsubscribes_by_header_and_by_link() -> None:
    (mail,) = mails(
        Tracking(links=Level.FULL),
        {"name": "Ann"},
        hosted_unsubscribe=True,
        text="{{ unsubscribe_url }}",
    )
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in mail
    (header,) = re.findall(rf"List-Unsubscribe: <{URL}/u/([A-Za-z0-9_-]+)>", mail)
    said = verified(header, UNSUBSCRIBE, KEYS.secrets, DUE_AT)
    assert said.delivery == f"{BATCH}.0003.0000"
    assert header in tokens(mail, UNSUBSCRIBE)


def test_the_same_bag_gives_the_same_bytes() -> None:
    wish = Tracking(Level.PSEUDONYMOUS, Level.IDENTIFIED)
    assert mails(wish) == mails(wish)
