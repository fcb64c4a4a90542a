"""A page with nothing left to press, whatever a template brings (A-08)."""

from __future__ import annotations

import pytest

from portal.inert import inert
from portal.staff_views import _address


@pytest.mark.parametrize(
    ("page", "left"),
    [
        ('<form method="post" action="/pay" class="a"><input name="x" value="1"></form>',
         '<div class="a"><input value="1" disabled></div>'),
        ("<button formaction='/pay' name='a'>Pay</button>", "<button disabled>Pay</button>"),
        ("<script>go()</script>a", "a"),
        ("<script src='/x.js'></script><noscript><a href='/pay'>x</a></noscript>b", "b"),
        ('<p onclick="go()">a &amp; b &#8226; <b>c</b></p>', "<p>a &amp; b &#8226; <b>c</b></p>"),
        ('<meta http-equiv="refresh" content="0"><meta charset="utf-8">', '<meta charset="utf-8">'),
        ('<a href="/account/pay" accesskey="p">x</a>', '<a aria-disabled="true">x</a>'),
        ('<a href="tel:+44">x</a>', '<a aria-disabled="true">x</a>'),
        ('<a href="#main">x</a>', '<a href="#main">x</a>'),
        ('<a href="/account?lang=he">x</a>', '<a href="/as-debtor/account?lang=he">x</a>'),
        ('<a href="/account/invoices/a-B_1">x</a>', '<a href="/as-debtor/account/invoices/a-B_1">x</a>'),
        ('<a href="/account/invoices/a/pay">x</a>', '<a aria-disabled="true">x</a>'),
        ('<a href="//evil.example/account">x</a>', '<a aria-disabled="true">x</a>'),
        ('<a href="/as-debtor/account?lang=he">x</a>', '<a href="/as-debtor/account?lang=he">x</a>'),
        ('<select name="a"><option value="1">1</select>', '<select disabled><option value="1">1</select>'),
        ('<img src="/a.png" alt="&lt;a&gt;">', '<img src="/a.png" alt="&lt;a&gt;">'),
        ('<svg viewBox="0 0 1 1"><path d="M0"/></svg>', '<svg viewbox="0 0 1 1"><path d="M0"/></svg>'),
        ("<!doctype html>\n<p>a", "<!doctype html>\n<p>a"),
        ('<iframe src="/pay"></iframe>x', "x"),
    ],
)  # fmt: skip
def test_what_is_left_of_a_page(page: str, left: str) -> None:
    assert inert(page, _address) == left
