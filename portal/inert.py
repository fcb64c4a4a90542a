"""A page of the debtor's with nothing left to press: for staff who look (A-08).

It works on the finished page, not on its templates: whatever a template brings tomorrow, no form, no button,
no script and no way out of the look stays in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from html.parser import HTMLParser

_Attributes = Sequence[tuple[str, str | None]]
#: What is pressed or typed into.
_CONTROLS = frozenset({"button", "input", "select", "textarea", "fieldset"})
#: What a look has no use for, with all that is in it.
_DROPPED = frozenset({"script", "noscript", "iframe", "object"})
#: Attributes with which something would be done.
_ACTS = frozenset(
    {"action", "method", "formaction", "formmethod", "accesskey", "target", "ping", "autofocus"}
)
_EMPTY = frozenset({"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"})


class _Inert(HTMLParser):
    def __init__(self, address: Callable[[str], str | None]) -> None:
        super().__init__(convert_charrefs=False)
        self._address = address
        self._out: list[str] = []
        self._dropping = 0

    @property
    def text(self) -> str:
        return "".join(self._out)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self._dropping += 1
        elif not self._dropping:
            self._out.append(self._tag(tag, attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._dropping and tag not in _DROPPED:
            self._out.append(self._tag(tag, attrs, "/" if tag not in _EMPTY else ""))

    def _tag(self, tag: str, attrs: _Attributes, end: str = "") -> str:
        kept = [(name, value) for name, value in attrs if name not in _ACTS and not name.startswith("on")]
        if tag == "meta" and any(name == "http-equiv" for name, _ in kept):
            return ""
        if tag == "a":
            old = next((value for name, value in kept if name == "href"), None) or ""
            new = self._address(old)
            kept = [(name, value) for name, value in kept if name != "href"]
            kept += [("href", new)] if new is not None else [("aria-disabled", "true")]
        if tag in _CONTROLS:
            kept = [(name, value) for name, value in kept if name not in ("disabled", "name")]
            kept.append(("disabled", None))
        if tag == "form":
            tag, kept = "div", [(name, value) for name, value in kept if name in ("class", "id")]
        return f"<{tag}{''.join(_attribute(*one) for one in kept)}{end}>"

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED:
            self._dropping = max(self._dropping - 1, 0)
        elif not self._dropping:
            self._out.append(f"</{'div' if tag == 'form' else tag}>")

    def handle_data(self, data: str) -> None:
        if not self._dropping:
            self._out.append(data)

    def handle_entityref(self, name: str) -> None:
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.handle_data(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        self._out.append(f"<!{decl}>")


def _attribute(name: str, value: str | None) -> str:
    return f" {name}" if value is None else f' {name}="{escape(value)}"'


def inert(page: str, address: Callable[[str], str | None]) -> str:
    """Return a page without forms, scripts and working controls.

    Args:
        page: HTML as a template gave it.
        address: for the address of a link, where it leads in the look; None takes the address away.

    >>> inert('<form action="/pay"><a href="/x">x</a><button name="b">Pay</button></form>', lambda a: None)
    '<div><a aria-disabled="true">x</a><button disabled>Pay</button></div>'
    """
    parser = _Inert(address)
    parser.feed(page)
    parser.close()
    return parser.text
