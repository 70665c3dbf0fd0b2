"""Seeded random HTML as strangers write it: nested, unclosed, oddly quoted, in many dialects.

Left out is what no mail program shows anyway (frames), or runs (scripts that write comments).
"""

from random import Random

BLOCKS = ("div", "p", "table", "tr", "td", "center", "ul", "li", "section", "blockquote", "h1")
INLINES = ("b", "i", "font", "span", "u", "em", "strong", "small", "nobr", "button", "label", "a")
ATTRIBUTES = (
    "class",
    "style",
    "title",
    "id",
    "align",
    "bgcolor",
    "data-x",
    "on:click",
    "href",
    "x",
)
WORDS = (
    "Hello",
    "5 < 6",
    "a & b",
    "&nbsp;",
    "&copy;",
    "&#8364;",
    "é",
    "日本",
    "\u00a0",
    "<",
    "&",
    "",
)
VALUES = (
    "a",
    "a b",
    "a>b",
    "</a>",
    "<b>",
    "=",
    "/",
    "",
    "it's",
    "&quot;",
    "data-no-track",
    "é",
    "]]>",
)
SPACES = ("", " ", "\n", "\t", "  ", "\r\n", "\f", "/")
STRAYS = (
    "<",
    ">",
    "</",
    "</>",
    "<!",
    "<!>",
    "<?xml version='1.0'?>",
    "</é>",
    "<3",
    "< a href=x>",
    "</p>",
    "</a>",
    "</td>",
    "</b>",
    "</i>",
    "</table>",
    "<!DOCTYPE html>",
    "<tr>",
    "<td>",
    "<br/>",
    "<hr",
    "&#",
    "&amp",
    "<a",
    "<a href=",
    "<a\u00a0href='https://nbsp.example'>",
    "<A/HREF=https://slash.example>",
    "</body>",
    "</html>",
)
CONSTRUCTS = (
    "<!-- a comment <a href='https://comment.example'> -->",
    "<!--[if mso]><a href='https://mso.example'><v:rect href='https://v.example'/><![endif]-->",
    "<!--[if !mso]><!--><a href='https://notmso.example'>x</a><!--<![endif]-->",
    "<![if !mso]><a href='https://revealed.example'>x</a><![endif]>",
    "<!--><a href='https://short.example'>x</a>",
    "<!---><a href='https://shorter.example'>x</a>",
    "<!--!><a href='https://bang.example'>x</a>-->",
    "<!-- --!><a href='https://afterbang.example'>x</a>",
    "<!-- -- > <a href='https://no.example'>x</a> -->",
    "<style>a[href='https://style.example']{} b:after{content:'<a href=https://css.example>'}</style>",
    "<STYLE type=text/css><!-- a{} --></STYLE >",
    "<script>var x = \"<a href='https://script.example'>\"</script>",
    "<textarea><a href='https://textarea.example'>x</a></textarea>",
    "<title>a <a href='https://title.example'></title>",
    "<noscript><a href='https://noscript.example'>x</a></noscript>",
    "<xmp><a href='https://xmp.example'></xmp>",
    "<iframe><a href='https://iframe.example'></iframe>",
    "<template><a href='https://template.example'>x</a></template>",
    "<svg><a href='https://svg.example/?a=1&amp;b'><path d='M0 0'/></a><text>x</text></svg>",
    "<svg><a xlink:href='https://xlink.example'>x</a></svg>",
    "<svg><text>x</text><![CDATA[ > <a href='https://cdata.example'> ]]></svg>",
    "<svg><title>x <b>y</b></title><desc><a href='https://desc.example'>z</a></desc></svg>",
    "<math><mi href='https://math.example'>x</mi></math>",
    "<map name=m><area coords=0,0,9,9 href='https://area.example'><AREA HREF=http://b.example></map>",
    "<form action='https://form.example'><input formaction='https://input.example'></form>",
    "<select><option>x</option></select>",
    "<base href='https://base.example/dir/'>",
    "<link rel=stylesheet href='https://link.example/x.css'>",
    "<body bgcolor=white>",
)
URLS = (
    "https://shop.example/",
    "http://shop.example",
    "HTTPS://Shop.Example/A?b=C#d",
    "https://shop.example/a b",
    "https://shop.example/?a=1&b=2",
    "https://shop.example/?a=1&amp;b=2",
    "https://shop.example/?x=1&copy=2&reg=3",
    "https://shop.example/?a=1&section=2&notit;&sect;=3&amp=4&lt",
    "https://shop.example/&#47;&#x2f;&#0;&#150;&#129;&#xD800;&#1;",
    "https://shop.example/&#38;amp;&#99999999999999999999;&#x;&#;&;",
    "  https://shop.example/\n/x\t ",
    "https://é.example/é?é=é#é",
    "https://user:p%40ss@shop.example:8443/",
    "https:\\\\shop.example\\x",
    "https:///shop.example",
    "https:/shop.example",
    "https:shop.example",
    "http:relative",
    "https://",
    "https://exa mple.example/",
    "https://[::1]/",
    "https://[",
    "https://%zz/%zz",
    "https://shop.example/%E9%20%2F?q=%26+%",
    "https://shop.example/?q=\"'<>`{}|^\\",
    "https://t.example/o/x",
    "https://t.example/other",
    "mailto:a@b.example",
    "tel:+1",
    "sms:1",
    "#top",
    "",
    "/relative",
    "//host.example/x",
    "?q",
    "javascript:alert(1)",
    "httpſ://long.example",
    "https://xn--9ca.example/",
    "https://例え.テスト/",
    "https://shop.example/?" + "x" * 400,
    "https://shop.example/?" + "y" * 4000,
)


def page(seed: int) -> str:
    """A page; the same for the same seed."""
    return _Writer(Random(seed)).page()


class _Writer:
    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._one = chance.choice

    def page(self) -> str:
        head = self._one(
            ("", "<!DOCTYPE html>", "<html>", "<!doctype html><html><head></head><body>")
        )
        tail = self._one(
            ("", "</body>", "</body></html>\n", "</BODY ></HTML>", "</div></body>\n <p>")
        )
        return head + self._several(0) + tail

    def _several(self, depth: int) -> str:
        return "".join(self._something(depth) for _ in range(self._chance.randrange(1, 5)))

    def _something(self, depth: int) -> str:
        pick = self._chance.random()
        if pick < 0.30:
            return self._element("a", depth, self._link())
        if pick < 0.62 and depth < 4:
            return self._element(self._one(BLOCKS + INLINES), depth, "")
        if pick < 0.72:
            return self._one(CONSTRUCTS)
        if pick < 0.80:
            return self._one(STRAYS)
        return self._one(WORDS)

    def _element(self, name: str, depth: int, attributes: str) -> str:
        name = name.upper() if self._chance.random() < 0.15 else name
        attributes = self._attributes() + attributes + self._attributes()
        inside = self._several(depth + 1) if depth < 4 else "x"
        end = "" if self._chance.random() < 0.15 else f"</{name}{self._one(SPACES)}>"
        return f"<{name}{attributes}{self._one(SPACES)}>{inside}{end}"

    def _link(self) -> str:
        name = self._one(("href", "href", "HREF", "hReF"))
        link = self._attribute(name, self._one(URLS))
        if self._chance.random() < 0.1:
            link += self._one(
                (" data-no-track", " DATA-NO-TRACK=''", "\ndata-no-track = x data-no-track")
            )
        return link

    def _attributes(self) -> str:
        many = range(self._one((0, 0, 0, 1, 1, 2, 3)))
        return "".join(self._attribute(self._one(ATTRIBUTES), self._one(VALUES)) for _ in many)

    def _attribute(self, name: str, value: str) -> str:
        equals = self._one(("=", "=", "=", " = ", "=\n", "\t="))
        quote = self._one(('"', '"', '"', "'", "'", "", "broken"))
        if quote == "broken" and self._chance.random() < 0.9:
            quote = '"'
        if quote == "broken":  # it goes on to the next quote
            return f' {name}{equals}"{value}'
        if not quote:
            return f" {name}{equals}{value.strip() or 'x'}"
        return f" {name}{equals}{quote}{value.replace(quote, '')}{quote}"
