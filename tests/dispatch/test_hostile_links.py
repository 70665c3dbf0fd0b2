"""Pages that mean harm, and pages that are merely odd: each once broke a mail, or might have."""

import pytest
from dispatching import BATCH, DUE_AT, bag_of, content, dispatched, job_of
from hypothesis import given
from hypothesis import strategies as st

from functions.dispatch import links
from functions.dispatch.attribute_text import as_read
from functions.dispatch.job import render
from functions.dispatch.links import BODY_END, Link, parts_of
from functions.dispatch.tracked import MOST_SHARED, Tracked
from functions.send import bagfile
from shared import tracking_keys
from shared.ids import delivery_id
from shared.model import message_bytes
from shared.tracking import Level, Tracking
from shared.tracking_tokens import CLICK, LONGEST, verified

URL = "https://t.example"
KEYS = tracking_keys.renewed(None, DUE_AT)
DELIVERY = delivery_id(BATCH, 3, 0)
CLICKS = Tracking(links=Level.IDENTIFIED)
BOTH = Tracking(Level.FULL, Level.FULL)


def batch() -> Tracked:
    return Tracked(content(html="x", tracking_url=URL), KEYS.signing)


def tracked(*pieces: str, tracking: Tracking = CLICKS) -> str:
    return "".join(batch().html(pieces, DELIVERY, tracking))


def urls(*pieces: str) -> list[str]:
    return [each.url for each in parts_of(pieces) if isinstance(each, Link)]


# What a browser reads in an attribute (HTML standard §13.2.5.72 and what follows).


@pytest.mark.parametrize(
    ("raw", "read"),
    [
        ("https://x/?a=1&amp;b=2&b=3", "https://x/?a=1&b=2&b=3"),
        ("?x=1&copy=2&reg=3&section=4&para;", "?x=1&copy=2&reg=3&section=4¶"),
        ("?x&copy", "?x©"),
        ("?x&copy&reg;&copyx&copy9", "?x©®&copyx&copy9"),
        ("?&notit;&notin;&amp=1&lt", "?&notit;∉&amp=1<"),
        ("&#47;&#x2F;&#47&#x2f", "////"),
        ("&#0;&#xD800;&#x110000;&#99999999999;&#x;&#;&;&", "\ufffd\ufffd\ufffd\ufffd&#x;&#;&;&"),
        ("&#150;&#129;&#1;&#00000000038;", "–\x81\x01&"),
        ("&unknown;&Aacute", "&unknown;Á"),
        ("\x00 \n https://x/\ta\r\nb \x1f", "https://x/ab"),
    ],
)
def test_an_attribute_is_read_as_a_browser_reads_it(raw: str, read: str) -> None:
    assert as_read(raw) == read


def test_a_number_of_thousands_of_digits_is_a_character_that_is_none() -> None:
    assert urls(f'<a href="https://x.example/&#{"9" * 10_000};">') == ["https://x.example/\ufffd"]


@given(st.text(st.sampled_from("&#xX;=aAcopymt0189 \n\"'<>"), max_size=60))
def test_any_attribute_is_read(raw: str) -> None:
    as_read(raw)


# Where something begins and ends.


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a title="a > ', []),
        ('<a title="a > <a href="https://x.example">', []),
        ("<a\u00a0href='https://x.example'>", []),
        ("<a href=https://x.example/a\u00a0b\x0bc>", ["https://x.example/a\u00a0b\x0bc"]),
        ("</é><a href=https://x.example>", ["https://x.example"]),
        ("<!--!><a href=https://x.example>-->", []),
        ("<!--!> --!><a href=https://x.example>", ["https://x.example"]),
        ("<!---><a href=https://x.example>", ["https://x.example"]),
        ("<svg><![CDATA[ > <a href=https://x.example> ]]></svg>", []),
        ("<plaintext><a href=https://x.example></plaintext>", []),
        ("<ſtyle><a href=https://x.example>", ["https://x.example"]),
        ("<style></ſtyle><a href=https://x.example></style>", []),
        ("<a href=httpſ://x.example>", []),
        ("<a href=https:x.example><a href=https:/x.example>", []),
        ("<a href='https:\\\\x.example'>", ["https:\\\\x.example"]),
        ('<a title="data-no-track" href="https://x.example">', ["https://x.example"]),
        ("<a title=data-no-track href=https://x.example>", ["https://x.example"]),
        ("<a title= data-no-track href=https://x.example>", ["https://x.example"]),
        ("<a data-no-track=x title=y href=https://x.example>", []),
    ],
)
def test_markup_ends_where_it_ends_in_a_browser(html: str, found: list[str]) -> None:
    assert urls(html) == found
    for cut in range(len(html)):
        assert urls(html[:cut], html[cut:]) == found


def test_a_field_in_an_attribute_with_a_bracket_hides_no_link() -> None:
    pieces = ['<a title="more > ', "Ann", '" href="https://x.example/', "1", '">']
    assert urls(*pieces) == ["https://x.example/1"]


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<a href=tel:1 data-no-track/>", "<a href=tel:1 />"),
        ('<a x=1 data-no-track="x"href=y>', "<a x=1 href=y>"),
        ("<a data-no-track data-no-track=2 href=x>", "<a href=x>"),
        ("<a/data-no-track/href=x>", "<a//href=x>"),
    ],
)
def test_an_opt_out_goes_without_harm_to_its_neighbours(html: str, left: str) -> None:
    assert tracked(html) == left


# The pixel.


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>no end", ""),
        ("<p>x", "</body></html>"),
        ("<p></body><p>", "</BODY >"),
        ("<p>", '<a href="https://x.example'),
        ("<p>", "<style>never closed </body>"),
        ("<p>", "<!-- never closed </body>"),
        ("<p></p>", "<textarea> </body> "),
        ("x ", "<"),
    ],
)
def test_the_pixel_stands_where_a_browser_shows_it(before: str, after: str) -> None:
    html = tracked(before, after, tracking=Tracking(opens=Level.FULL))
    assert html.startswith(f"{before}<img ")
    assert html.endswith(after)


def test_an_address_that_was_not_closed_does_not_become_a_link_by_the_pixel() -> None:
    html = tracked('<a href="https://x.example/', tracking=BOTH)
    assert html.endswith('<a href="https://x.example/')


# What must not get through, or cost more than it should.


def test_a_url_breaks_out_of_no_attribute() -> None:
    nasty = "https://x.example/?q=&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&#39; onclick=x"
    for quote in ('"', "'"):
        html = tracked(f"<a href={quote}{nasty}{quote}>")
        assert html.startswith(f"<a href={quote}{URL}/c/")
        assert html.endswith(f"{quote}>")
        token = html.split("/c/")[1][:-2]
        assert token.replace("-", "").replace("_", "").isalnum()
        url = verified(token, CLICK, KEYS.secrets, DUE_AT).url
        assert url == "https://x.example/?q=\"><script>alert(1)</script>' onclick=x"


def test_a_page_on_the_same_host_is_tracked_and_our_own_pages_are_not() -> None:
    own = [f"{URL}/{kind}/x" for kind in "ocu"]
    html = tracked(*(f'<a href="{url}">' for url in [*own, f"{URL}/shop"]))
    assert all(f'href="{url}"' in html for url in own)
    assert f"{URL}/shop" not in html


def test_a_link_that_is_too_long_stays() -> None:
    for url in (f"https://x.example/{'x' * LONGEST}", f"https://x.example/{'x' * 1_000_000}"):
        assert tracked(f'<a href="{url}">') == f'<a href="{url}">'


def test_half_a_character_in_a_link_rejects_one_recipient_and_not_the_bag() -> None:
    import msgspec

    html = """<a href="https://x.example/{{ '\\ud800' if bad else 1 }}">x</a>"""
    said = content(html=html, tracking=BOTH, tracking_url=URL)
    job = job_of(said, bag_of({"bad": True}, {"bad": False}))
    job = msgspec.structs.replace(job, tracking=msgspec.json.encode(KEYS))
    header, (bad, good) = bagfile.decode(render(job))
    assert bad.rejected == "template_error"
    assert b"/c/" in message_bytes(good, header.shared)


def test_the_untracked_bytes_of_a_batch_are_what_they_were() -> None:
    html = '<p data-no-track>{{ name }}</p><a data-no-track href="https://x.example">x</a>\r\n'
    (mail,) = dispatched({"name": "Ann"}, html=html).mails
    assert mail.get_content() == html.replace("{{ name }}", "Ann")


@pytest.mark.parametrize(
    ("first", "each", "last"),
    [
        ("<style>", "a>b ", ""),
        ("<style>", "a>b ", "</style><a href='https://x.example'>"),
        ("<!--", "-> ", "--><a href='https://x.example'>"),
        ('<a title="', "a>b ", '" href="https://x.example">'),
        ("<p>", "<a data-no-track href=https://x.example> ", ""),
        ("<p ", "a<b>c<", ""),
        ("", "<style></style", ">"),
    ],
)
def test_thousands_of_pieces_take_time_in_proportion(first: str, each: str, last: str) -> None:
    """Looked at from the start each time, these 30,000 would take minutes."""
    pieces = [first, *[each + "x" * 30] * 30_000, last]
    parts = parts_of(pieces)
    found = [part.url for part in parts if isinstance(part, Link)]
    assert found == (["https://x.example"] if "x.example" in last else [])
    assert BODY_END in parts


def test_what_was_filled_in_is_not_remembered() -> None:
    memory = links._Memory()
    for n in range(100):
        memory.of(f"<p>{n}</p>", 0)
    assert memory._known == {}
    memory.of("<p>1</p>", 0)
    assert list(memory._known) == [("<p>1</p>", 0)]


def test_memory_of_what_templates_say_is_bounded() -> None:
    memory = links._Memory()
    page = "<p>" + "x" * 500_000
    for n in range(30):
        for _ in range(2):
            memory.of(f"{page}{n}", 0)
    assert sum(len(text) for text, _ in memory._known) <= memory.MOST_CHARS


def test_shared_tokens_are_bounded_too() -> None:
    made = batch()
    everybody = Tracking(links=Level.ANONYMOUS)
    for n in range(MOST_SHARED + 10):
        made.html([f'<a href="https://x.example/{n}">'], DELIVERY, everybody)
    assert len(made._same) <= MOST_SHARED
