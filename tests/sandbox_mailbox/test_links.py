"""Links found in messages, and made clickable."""

from sandbox.mailbox import links


def test_punctuation_and_marks_of_direction_are_no_part_of_a_link() -> None:
    """Decision 32: plain text carries isolates; a link must not swallow them."""
    text = "(https://a.example/l/x). \u2068https://b.example/y\u2069, https://c.example/?a=1&b=2! ftp://d.example"
    assert links.in_text(text) == [
        "https://a.example/l/x",
        "https://b.example/y",
        "https://c.example/?a=1&b=2",
    ]


def test_only_web_addresses_of_links_are_taken_from_html() -> None:
    html = (
        '<a href="https://a.example/?x=1&amp;y=2">a</a><a href="tel:+44">b</a><a>c</a>'
        '<a href="javascript:alert(1)">d</a><link href="https://e.example/s.css">'
        '<A HREF=" HTTPS://F.example/ ">f</A>'
    )
    assert links.in_html(html) == ["https://a.example/?x=1&y=2", "HTTPS://F.example/"]


def test_each_link_of_a_message_is_told_once_text_first() -> None:
    html = '<a href="https://b.example/">b</a><a href="https://a.example/">a</a>'
    assert links.of("https://a.example/", html) == ["https://a.example/", "https://b.example/"]


def test_clickable_escapes_everything_around_and_within_a_link() -> None:
    made = links.clickable('<b> https://a.example/?x=1&y=\'2 "z"')
    assert made.startswith('&lt;b&gt; <a href="https://a.example/?x=1&amp;y=" target=')
    assert made.endswith("</a>&#39;2 &#34;z&#34;")
