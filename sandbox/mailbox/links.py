"""The web addresses in a message: found for programs, and made clickable for people."""

import re
from html.parser import HTMLParser

from markupsafe import Markup, escape

# Marks of direction (LRM, RLM, embeddings, isolates) may touch a link and are never a part of it.
_ADDRESS = re.compile(r"https?://[^\s<>\"'`\u200e\u200f\u202a-\u202e\u2066-\u2069]+", re.IGNORECASE)
_LINK = Markup('<a href="{0}" target="_blank" rel="noopener noreferrer"><bdi dir="ltr">{0}</bdi></a>')
_TRAILING = ".,;:!?…)]}'״׳"


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        href = (dict(attrs).get("href") or "").strip()
        if tag in ("a", "area") and _ADDRESS.match(href):
            self.found.append(href)


def in_text(text: str) -> list[str]:
    """Returns: each http(s) address in a plain text, in order, without the punctuation after it.

    >>> in_text("Pay here: https://pay.example/l/abc.")
    ['https://pay.example/l/abc']
    """
    return [_trimmed(found.group()) for found in _ADDRESS.finditer(text)]


def in_html(html: str) -> list[str]:
    """Returns: the http(s) targets of the links of an HTML mail, in order."""
    anchors = _Anchors()
    anchors.feed(html)
    anchors.close()
    return anchors.found


def of(text: str, html: str) -> list[str]:
    """Returns: the addresses of both parts of a message, each once, the text's first."""
    return list(dict.fromkeys(in_text(text) + in_html(html)))


def clickable(text: str) -> Markup:
    """Escape a plain text and turn its addresses into links that open a new tab.

    The isolate keeps an address readable within a line that runs from right to left.
    """
    pieces, at = [], 0
    for found in _ADDRESS.finditer(text):
        address = _trimmed(found.group())
        pieces.append(escape(text[at : found.start()]))
        pieces.append(_LINK.format(address))
        at = found.start() + len(address)
    return Markup("").join([*pieces, escape(text[at:])])


def _trimmed(address: str) -> str:
    return address.rstrip(_TRAILING)
