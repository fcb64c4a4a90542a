"""The page on which an accountant says how far the bank's lines are in."""

from __future__ import annotations

import pytest

from models.staff import Role
from tests import factories as make
from tests.admin.conftest import Desk
from tests.portal.visitor import words


def a_house(desk: Desk) -> str:
    with desk.store.write() as s:
        return make.a_creditor(s).code


def test_it_is_said_and_shown(desk: Desk) -> None:
    """The page says what waits, the audit who said it; an auditor reads and has no button."""
    code = a_house(desk)
    books = desk.at(Role.ACCOUNTANT)
    assert "Nobody has said so far" in words(books.get("/desk/bank-lines"))
    answer = books.post("/desk/bank-lines", {"creditor": code, "up_to": "2026-10-01"})
    assert answer.status_code == 303, words(answer)
    page = words(books.get(answer.location))
    assert "Noted." in page
    assert "They are more than 3 business days old." in page
    assert "bank_lines.recorded" in desk.codes()
    assert "Say so" not in words(desk.at(Role.AUDITOR).get("/desk/bank-lines"))


@pytest.mark.parametrize(
    ("up_to", "says", "status"),
    [
        ("", "Fill this in.", 422),
        ("01/10/2026", "Write the day as year, month and day", 422),
        ("2036-10-01", "This day is still to come.", 409),
    ],
)
def test_a_bad_day_is_said_at_its_field(desk: Desk, up_to: str, says: str, status: int) -> None:
    """House rule: what to do is said in words, and nothing is written."""
    code = a_house(desk)
    books = desk.at(Role.ACCOUNTANT)
    books.get("/desk/bank-lines")
    answer = books.post("/desk/bank-lines", {"creditor": code, "up_to": up_to})
    assert answer.status_code == status
    assert says in words(answer)
    assert "bank_lines.recorded" not in desk.codes()
