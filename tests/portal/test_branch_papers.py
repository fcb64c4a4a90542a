"""A head office reads its branches' papers; a branch reads its own and no other (part 7, L-15)."""

from __future__ import annotations

import csv
import io

import pytest

from models.accounts import Account
from tests.portal.conftest import Portal
from tests.portal.test_branches import group, ref_of  # noqa: F401 - fixture
from tests.portal.test_routes import statements
from tests.portal.visitor import words

PAGES = [
    "/account/branches/statement",
    "/account/branches/statement.pdf",
    "/account/branches/statement.csv",
    "/account/branches/statement.xlsx",
    "/account/branches/invoices/{N-1}",
    "/account/branches/invoices/{N-1}/pdf",
]


def filled(portal: Portal, page: str) -> str:
    return page.replace("{N-1}", ref_of(portal, "N-1"))


@pytest.mark.parametrize("page", PAGES)
def test_budget_and_no_write(portal: Portal, group: list[Account], page: str) -> None:  # noqa: F811
    """At most eight statements however many branches, and none that writes (L-04)."""
    visitor, address = portal.visitor(group[0]), filled(portal, page)
    with statements(portal.store) as seen:
        assert visitor.get(address).status_code == 200
    assert [s for name, s in seen if name == "write"] == []
    assert len(seen) <= 8, [s for _, s in seen]


def test_each_branch_and_all_of_them(portal: Portal, group: list[Account]) -> None:  # noqa: F811
    """A section a branch, totals a currency; what is ticked narrows both."""
    visitor = portal.visitor(group[0])
    said = words(visitor.get("/account/branches/statement"))
    assert "3 accounts together" in said
    assert "Balance on" in said
    assert said.count("£73.00") == 2  # charged and balance of all three
    assert said.index("Tidewater North") < said.index("Tidewater South")
    page = visitor.get(f"/account/branches/statement?branch={group[2].ref}")
    narrowed = words(page)
    assert "£73.00" not in narrowed
    assert "£40.00" in narrowed
    assert "€9.00" in narrowed
    assert f"branch={group[2].ref}" in page.text


def test_a_file_of_all_and_a_file_of_each(portal: Portal, group: list[Account]) -> None:  # noqa: F811
    """One table that tells the branches apart; a statement each stays to be had."""
    visitor = portal.visitor(group[0])
    answer = visitor.get("/account/branches/statement.csv")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0][:2] == ["Branch", "Account number"]
    assert {row[0] for row in rows[1:]} == {"Tidewater Group Ltd", "Tidewater North", "Tidewater South"}
    one = visitor.get(f"/account/branches/statement.csv?branch={group[1].ref}")
    only = list(csv.reader(io.StringIO(one.data.decode("utf-8-sig"))))
    assert {row[0] for row in only[1:]} == {"Tidewater North"}
    assert group[1].number in one.headers["Content-Disposition"]
    pdf = visitor.get(f"/account/branches/statement.pdf?branch={group[1].ref}&branch={group[2].ref}")
    assert pdf.data.startswith(b"%PDF-")


def test_a_period_that_cannot_be(portal: Portal, group: list[Account]) -> None:  # noqa: F811
    visitor = portal.visitor(group[0])
    query = "?from=2026-02-30&to=2026-03-01"
    page = visitor.get(f"/account/branches/statement{query}")
    assert page.status_code == 422
    assert "Type the day as year, month and day" in words(page)
    answer = visitor.get(f"/account/branches/statement.pdf{query}&branch={group[1].ref}&x=1")
    assert answer.status_code == 303
    assert f"branch={group[1].ref}" in answer.location
    assert "x=1" not in answer.location


def test_the_head_office_reads_the_lines(portal: Portal, group: list[Account]) -> None:  # noqa: F811
    """It sees what was ordered and pays it with the others; it does not dispute or pass it on."""
    visitor = portal.visitor(group[0])
    assert (
        f"/account/branches/invoices/{ref_of(portal, 'N-1')}"
        in visitor.get("/account/branches?currency=GBP").text
    )
    page = visitor.get(f"/account/branches/invoices/{ref_of(portal, 'N-1')}")
    said = words(page)
    assert "Tidewater North" in said
    assert "£20.00" in said
    assert "/dispute" not in page.text
    assert "/forward" not in page.text
    assert "/account/branches?" in page.text


def test_nobody_reads_across(portal: Portal, group: list[Account]) -> None:  # noqa: F811
    """L-15 both ways: a branch gets none of these pages, a head office none of a branch not shown to it."""
    for branch in group[1:]:
        visitor = portal.visitor(branch)
        for page in PAGES:
            assert visitor.get(filled(portal, page)).status_code == 404, page
        for number in ("HO-1", "N-1", "S-1"):
            assert visitor.get(f"/account/branches/invoices/{ref_of(portal, number)}").status_code == 404
    head = portal.visitor(group[0])
    assert head.get(f"/account/branches/invoices/{ref_of(portal, 'HO-1')}").status_code == 404
    assert head.get(f"/account/invoices/{ref_of(portal, 'N-1')}").status_code == 404
    with portal.store.write() as s:
        s.get_one(Account, group[1].id).shown_to_payer = False
    assert head.get(filled(portal, PAGES[4])).status_code == 404
    assert head.get(filled(portal, PAGES[5])).status_code == 404
    assert head.get(f"/account/branches/statement?branch={group[1].ref}").status_code == 404
    assert "Tidewater North" not in words(head.get("/account/branches/statement"))
    stranger = portal.visitor(portal.account(lambda s, a: portal.invoice(s, a, 777, -3, number="X-1")))
    for page in PAGES:
        assert stranger.get(filled(portal, page)).status_code == 404, page
        assert portal.visitor().get(filled(portal, page)).status_code == 401, page
