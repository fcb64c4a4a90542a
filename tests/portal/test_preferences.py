"""The debtor's own choices: close the page, and how it looks by creditor."""

from __future__ import annotations

from sqlalchemy import select

from models.accounts import Account
from models.links import LinkSession
from tests.portal.conftest import Portal
from tests.portal.visitor import words


def test_leaving_ends_the_session_here_and_in_the_books(portal: Portal, tidewater: Account) -> None:
    """L-13, L-16: the cookie is worthless afterwards, even if somebody kept it."""
    visitor, thief = portal.visitor(tidewater), portal.visitor()
    for cookie in visitor.client._cookies.values():
        thief.client._cookies[cookie._storage_key] = cookie
    assert thief.get("/account").status_code == 200
    visitor.get("/account?lang=ru")
    answer = visitor.post("/account/leave?lang=ru")
    assert (answer.status_code, answer.location) == (303, "/left?lang=ru")
    assert "Ваша страница закрыта" in words(visitor.get(answer.location))
    assert visitor.get("/account").status_code == 401
    assert thief.get("/account").status_code == 401
    with portal.store.read() as session:
        assert session.scalars(select(LinkSession.revoked_at)).all() == [portal.clock.at]


def test_a_creditors_colour_is_a_stylesheet_of_its_own(portal: Portal) -> None:
    """look.md: no inline style; the address is the content, so it may be kept for ever."""
    account = portal.account(creditor={"brand_colour": "#4A3AA7"})
    visitor = portal.visitor(account)
    assert '<link rel="stylesheet" href="/brand/4a3aa7.css">' in visitor.get("/account").text
    sheet = visitor.get("/brand/4a3aa7.css")
    assert (sheet.mimetype, sheet.text) == ("text/css", ":root{--am-brand:#4a3aa7}\n")
    assert "immutable" in sheet.headers["Cache-Control"]
    assert "Set-Cookie" not in sheet.headers
    for wrong in ("4A3AA7", "red", "4a3aa7;}", "4a3aa70"):
        assert visitor.get(f"/brand/{wrong}.css").status_code == 404
