"""After the case, at the desk: the month, one case, the lesson."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.accounts import Account
from models.arrears import ArrearsCase, ArrearsEnd
from models.staff import Role
from tests.admin.conftest import Desk
from tests.conftest import NOON
from tests.portal.visitor import words


@pytest.fixture
def case(desk: Desk, tidewater: Account) -> ArrearsCase:
    """Closed today after 12 days and 2 acts, £100.00 by a call."""
    with desk.store.write() as s:
        case = ArrearsCase(
            account_id=tidewater.id, currency="GBP", since_on=NOON.date() - timedelta(days=12),
            peak_minor=12000, opened_at=NOON, closed_on=NOON.date(), closed_at=NOON, ended=ArrearsEnd.PAID,
            days=12, acts=2, recovered_minor=10000, worked="call:promised", rung="call",
            reason="dispute:wrong_price",
        )  # fmt: skip
        s.add(case)
        s.flush()
        return case


def test_a_month_on_one_page(desk: Desk, case: ArrearsCase) -> None:
    """Part 16: which act recovered what, why they were late, satisfaction, orders after."""
    page = words(desk.at().get("/desk/lessons"))
    for said in (
        "1 case closed, after 12 days on average. What worked most often: promised to pay.",
        "Promised to pay 1 12 100.00 GBP",
        "Price not as agreed 1 12 100.00 GBP",
        "nobody answered",
        "Ordered again 0/1",
    ):
        assert said in page, page
    assert "No case closed in this month." in words(desk.at().get("/desk/lessons?month=2026-10-01"))


def test_a_lesson_is_added_and_stands_in_the_month(desk: Desk, case: ArrearsCase) -> None:
    visitor = desk.at()
    path = f"/desk/lessons/{case.ref}"
    assert "The last act before the money: promised to pay. It took 12 days, 2 acts of ours." in words(
        visitor.get(path)
    )
    assert visitor.post(path, {"lesson": " "}).status_code == 422
    answer = visitor.post(path, {"lesson": "Ring before the pay run."})
    assert "The lesson is written down." in words(visitor.get(answer.location))
    assert "Ring before the pay run." in words(visitor.get("/desk/lessons"))
    with desk.store.read() as s:
        assert s.scalars(select(ArrearsCase.lesson)).one() == "Ring before the pay run."


def test_who_only_reads_has_no_form(desk: Desk, case: ArrearsCase) -> None:
    """A-01: the button absent, a forged POST refused."""
    auditor = desk.at(Role.AUDITOR)
    path = f"/desk/lessons/{case.ref}"
    assert "<textarea" not in auditor.get(path).text
    assert auditor.post(path, {"lesson": "mine"}).status_code == 403


def test_the_file_of_a_month(desk: Desk, case: ArrearsCase) -> None:
    answer = desk.at(Role.ACCOUNTANT).get("/desk/lessons?format=csv")
    assert "promised to pay" in answer.text
    assert "100.00" in answer.text
    assert desk.at(Role.ACCOUNTANT).get("/desk/lessons?month=May").status_code == 422
