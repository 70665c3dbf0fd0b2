"""Links are found as a browser finds them, and every other byte stays."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from functions.dispatch.links import BODY_END, Link, Part, parts_of

PAGES = sorted((Path(__file__).parents[3] / "shared" / "data" / "html").glob("*.html"))


def restored(parts: list[Part]) -> str:
    """The text again."""
    return "".join(
        each if isinstance(each, str) else each.raw if isinstance(each, Link) else ""
        for each in parts
    )


def urls(*pieces: str) -> list[str]:
    return [each.url for each in parts_of(pieces) if isinstance(each, Link)]


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a href="https://x.example/?a=1&amp;b=2">', ["https://x.example/?a=1&b=2"]),
        ("<a href='http://x.example'>", ["http://x.example"]),
        ("<A CLASS=x HREF = https://x.example/a/b >", ["https://x.example/a/b"]),
        ('<area shape="rect" href="https://x.example">', ["https://x.example"]),
        ('<a href=" \n https://x.example/a\n b\t">', ["https://x.example/a b"]),
        ('<a title="a > b" href="https://x.example">', ["https://x.example"]),
        ('<a/href="https://x.example"/>', ["https://x.example"]),
        ('<a href="https://one.example" href="https://two.example">', ["https://one.example"]),
        ('<a href="HTTPS://X.example">', ["HTTPS://X.example"]),
        ('<a href="mailto:a@b.example"><a href="tel:1"><a href="sms:1"><a href="#top">', []),
        ('<a href="/relative"><a href="//host/"><a href=""><a href><a>', []),
        ('<link href="https://x.example"><base href="https://x.example">', []),
        ('<img src="https://x.example"><form action="https://x.example">', []),
        ('<!-- <a href="https://x.example"> -->', []),
        ('<!--[if mso]><a href="https://x.example"><![endif]-->', []),
        ('<!--><a href="https://x.example">', ["https://x.example"]),
        ('<style>a[href="https://x.example"]{}<a href="https://x.example"></style>', []),
        ('<script>"<a href=https://x.example>"</script>', []),
        ('<title><a href="https://x.example"></title>', []),
        (
            '<textarea><a href="https://x.example"></textarea><a href="https://y.example">',
            ["https://y.example"],
        ),
        ('a < b <a href="https://x.example">', ["https://x.example"]),
        ('<a href="https://x.example', []),
        ('<a href="https://x.example" data-no-track>', []),
        ('<abbr href="https://x.example">', []),
        ('</a href="https://x.example">', []),
        ('<? <a href="https://x.example">', []),
        ('<svg><a xlink:href="https://x.example"></svg>', []),
    ],
)
def test_a_link_is_what_a_browser_would_follow(html: str, found: list[str]) -> None:
    assert urls(html) == found
    if "no-track" not in html:
        assert restored(parts_of([html])) == html


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ('<a href="https://x.example" data-no-track>', '<a href="https://x.example">'),
        ('<a data-no-track href="https://x.example">', '<a href="https://x.example">'),
        ('<a DATA-NO-TRACK="yes" href=x>', "<a href=x>"),
        ("<a data-no-track = 'x' >", "<a >"),
        ('<p data-no-track><a href="mailto:x">', '<p data-no-track><a href="mailto:x">'),
    ],
)
def test_an_opt_out_is_stripped(html: str, left: str) -> None:
    assert restored(parts_of([html])) == left


def test_the_end_of_the_body_is_found() -> None:
    parts = parts_of(["<body>x</BODY ></html>"])
    assert parts == ["<body>x", BODY_END, "</BODY ></html>"]


HTML = (
    '<p>Dear {}<a class="b" href="https://x.example/{}?q=1" title=\'{}\'>go</a>'
    "<style>p:after{{content:'{}'}}</style><!-- {} --><a href=https://y.example/{}>y</a></p>"
)


def test_a_link_around_a_field_is_one_link() -> None:
    texts = HTML.format(*["\x00"] * 6).split("\x00")
    pieces = [texts[0]]
    for value, text in zip(
        ["Ann", "a&amp;b", Markup("&lt;"), "x", "y", "z"], texts[1:], strict=True
    ):
        pieces += [value, text]
    assert urls(*pieces) == ["https://x.example/a&b?q=1", "https://y.example/z"]
    assert restored(parts_of(pieces)) == "".join(pieces)


SNIPPETS = st.sampled_from(
    [
        "<a href=",
        '"https://x.example"',
        "'",
        '"',
        ">",
        "<",
        "</a>",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "=",
        " ",
        "data-no",
        "\x00",
        "é",
        "<!",
        "<?",
        "/",
        "</",
        "a",
        "<body>",
        "</body>",
    ]
)


@given(st.lists(st.lists(SNIPPETS, max_size=8).map("".join), max_size=8))
def test_any_pieces_stay_what_they_are_and_cuts_change_nothing(pieces: list[str]) -> None:
    parts = parts_of(pieces)
    assert restored(parts) == "".join(pieces)
    assert [p for p in parts if isinstance(p, Link)] == [
        p for p in parts_of(["".join(pieces)]) if isinstance(p, Link)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_real_pages_cut_anywhere_give_the_same_links(page: Path) -> None:
    html = page.read_text()
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    whole = urls(html)
    assert whole
    for _ in range(20):
        cuts = sorted(rng.sample(range(len(html)), 7))
        pieces = [html[a:b] for a, b in zip([0, *cuts], [*cuts, len(html)], strict=True)]
        assert urls(*pieces) == whole
        assert restored(parts_of(pieces)) == html


@pytest.mark.parametrize(
    "html",
    ["<a " * 50_000, "<" * 100_000, '<a href="' * 30_000, "<!--" * 50_000, "<a b=c " * 40_000],
)
def test_hostile_text_is_scanned_in_linear_time(html: str) -> None:
    assert restored(parts_of([html, html])) == html + html
