"""A look as the debtor: the same pages, nothing to press, in the log, and no trace with the debtor (A-08)."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from models.accounts import Account
from models.audit import AccessLog, AuditEntry
from models.base import Base
from models.links import Link, LinkSession
from models.staff import Role, StaffSession
from models.work import Interaction
from tests.admin.conftest import Desk
from tests.portal.visitor import Visitor, words


def look(desk: Desk, account: Account, visitor: Visitor | None = None) -> Visitor:
    visitor = visitor or desk.at()
    visitor.get(f"/desk/accounts/{account.ref}")
    answer = visitor.post(f"/desk/accounts/{account.ref}/view-as-debtor")
    assert (answer.status_code, answer.location) == (303, "/as-debtor/account")
    return visitor


def rows(desk: Desk) -> dict[str, int]:
    """How many rows each table has."""
    with desk.store.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def test_the_look_is_the_debtors_page(desk: Desk, tidewater: Account) -> None:
    """The same sums and documents; a banner in the language of who looks; nothing that can be pressed."""
    visitor = look(desk, tidewater)
    page = visitor.get("/as-debtor/account")
    said = words(page)
    assert "You look as the debtor. Nothing here can be pressed." in said
    assert "10 minutes left" in said
    assert "£1,418.40" in said
    assert "What is stopping you from paying now?" in said
    body = page.text
    assert "<form" not in body
    assert "<script" not in body
    assert not re.search(r"<(button|input|select|textarea)(?![^>]*\bdisabled\b)", body)
    leads = set(re.findall(r'href="([^"#]+)"', body.partition("<body")[2]))
    back = f"/desk/accounts/{tidewater.ref}"
    assert {path for path in leads if not path.startswith("/as-debtor/account")} == {back}
    document = next(path for path in leads if path.startswith("/as-debtor/account/invoices/"))
    assert "Invoice 2026-" in words(visitor.get(document))
    assert "form-action 'none'" in page.headers["Content-Security-Policy"]
    assert "script-src" not in page.headers["Content-Security-Policy"]


def test_the_books_stay_as_they_were(desk: Desk, tidewater: Account) -> None:
    """No link, no session, no visit; one entry of the audit and a line of the access log for each page."""
    visitor = desk.at()
    visitor.get(f"/desk/accounts/{tidewater.ref}")
    before = rows(desk)
    look(desk, tidewater, visitor)
    for _ in range(2):
        visitor.get("/as-debtor/account").close()
    after = rows(desk)
    changed = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert set(changed) <= {"access_log", "audit_entry", "audit_detail"}
    assert changed["audit_entry"] == 1
    with desk.store.read() as session:
        assert session.scalars(select(AuditEntry.code)).all()[-1] == "account.viewed_as_debtor"
        seen = session.execute(select(AccessLog.endpoint, AccessLog.account_id)).all()
        assert seen.count(("portal_staff_views.account", tidewater.id)) == 2
        for table in (Link, LinkSession, Interaction):
            assert session.scalars(select(table.id)).all() == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_sent(desk: Desk, tidewater: Account, method: str) -> None:
    visitor = look(desk, tidewater)
    before = rows(desk)
    for path in ("/as-debtor/account", "/as-debtor/account/pay", "/as-debtor/account/invoices/x"):
        answer = visitor.client.open(path, method=method, data={"csrf_token": visitor.csrf})
        assert answer.status_code in (400, 404, 405)
    # The portal's own forms know no debtor in this browser either.
    assert visitor.post("/account/pay", {}).status_code in (400, 401, 404, 405)
    assert rows(desk) == before


def test_the_look_ends(desk: Desk, tidewater: Account) -> None:
    """After its minutes, with the desk session, and for who never began one."""
    visitor = look(desk, tidewater)
    desk.clock.forward(minutes=10)
    over = visitor.get("/as-debtor/account")
    assert (over.status_code, over.location) == (303, f"/desk/accounts/{tidewater.ref}")
    assert Visitor(desk.app).get("/as-debtor/account").location == "/desk/"
    again = look(desk, tidewater)
    with desk.store.write() as session:
        for opened in session.scalars(select(StaffSession)):
            opened.revoked_at = desk.clock.at
    assert again.get("/as-debtor/account").location == "/desk/"


def test_only_this_account_and_its_documents(desk: Desk, tidewater: Account) -> None:
    """Another account's document is not found in the look (L-15)."""
    other = desk.account()
    foreign = desk.invoice(other)
    visitor = look(desk, tidewater)
    assert visitor.get(f"/as-debtor/account/invoices/{foreign}").status_code == 404


def test_who_may_look(desk: Desk, tidewater: Account) -> None:
    for role in (Role.ACCOUNTANT, Role.AUDITOR, Role.ADMIN):
        visitor = desk.at(role)
        assert visitor.post(f"/desk/accounts/{tidewater.ref}/view-as-debtor").status_code == 403
    assert "account.viewed_as_debtor" not in desk.codes()
    assert desk.at().get(f"/desk/accounts/{tidewater.ref}/view-as-debtor").status_code == 405


def test_the_debtor_in_the_same_browser_is_not_touched(desk: Desk, tidewater: Account) -> None:
    """A cookie of its own: the debtor's session is neither read nor ended."""
    visitor = look(desk, tidewater)
    names = {c.key for c in visitor.client._cookies.values()}
    assert any(name.endswith("view") for name in names)
    assert visitor.get("/account").status_code == 401
    assert visitor.get("/as-debtor/account").status_code == 200


def test_page_and_banner_speak_their_own_language(desk: Desk, tidewater: Account) -> None:
    """The page in the debtor's language, the banner in the one of who looks."""
    with desk.store.write() as session:
        session.get_one(Account, tidewater.id).language = "he"
    visitor = look(desk, tidewater)
    page = visitor.get("/as-debtor/account")
    assert '<html lang="he" dir="rtl">' in page.text
    assert 'lang="en" dir="ltr"><p><strong>You look as the debtor.' in page.text
